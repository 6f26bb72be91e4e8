"""Options that commands share, and the consoles that they print to."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from bench.cli import completion
from bench.cli.completion import Completed
from bench.runtime.text import printable

Option = Callable[[Any], Any]


class _Named(click.Path):
    """A path that is not empty, as an unset shell variable would be."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value == "":
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


class _Fraction(click.FloatRange):
    """A number from 0 to 1, not NaN."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


FOLDER = _Named(path_type=Path, file_okay=False)
FILE = _Named(path_type=Path, dir_okay=False)
PATH = _Named(path_type=Path)


def together(*options: Option) -> Option:
    """Several options as one decorator."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def named(name: str, metavar: str, completed: Completed, help: str, **more: Any) -> Option:
    """An option whose value is a name that the shell completes."""
    return click.option(name, metavar=metavar, shell_complete=completed, help=help, **more)


def repeated(name: str, metavar: str, completed: Completed, help: str, **more: Any) -> Option:
    """The same, but it may be repeated: the plural of its name has the values, or is None."""
    more |= {"multiple": True, "callback": lambda context, option, values: values or None}
    return click.option(
        f"--{name}", f"{name}s", metavar=metavar, shell_complete=completed, help=help, **more
    )


def choice(name: str, values: Sequence[str], help: str) -> Option:
    """An option whose default is the first of its values."""
    return click.option(name, type=click.Choice(values), default=values[0], help=help)


def least_score(name: str, help: str) -> Option:
    return click.option(name, type=_Fraction(0, 1), default=0.5, help=help)


results = click.option("--results", type=FOLDER, default=Path("bench-results"), help="The store.")
root = click.option(
    "--root", type=FOLDER, help="The folder of Cityscapes. [default: $CITYSCAPES_DATASET]"
)
jobs = click.option(
    "--jobs", type=click.IntRange(min=1), help="Parallel operations. [default: one per core]"
)
points = click.option(
    "--points",
    multiple=True,
    metavar="[CODEC=]P,P…",
    help="Operating points, for all codecs or for one.",
)
metrics = repeated("metric", "NAME", completion.metrics, "A metric; may be repeated.")
stored_codecs = repeated("codec", "CODEC", completion.codecs, "[default: all]")
data = named(
    "--data",
    "DATASET",
    completion.datasets,
    "A data set of 'bench list', or a folder of images.",
    default="toyscapes",
)
stored_data = named(
    "--data", "DATASET", completion.datasets, "[default: the data set of the last run]"
)
engine = choice("--engine", ["bench", "detectron2"], "The implementation of the network.")
weights = click.option(
    "--weights", type=FILE, help="The weights of a learned codec, instead of its weight set."
)
open_it = click.option(
    "--open", "show_it", is_flag=True, help="Open the page if one is made, otherwise the picture."
)
bjontegaard = together(
    choice("--method", ["akima", "pchip", "cubic"], "How curves are interpolated."),
    click.option(
        "--pareto", is_flag=True, help="If a curve bends down, use only its Pareto front."
    ),
)
comparison = together(
    named(
        "--anchor",
        "CODEC",
        completion.codecs,
        "The codec to compare with, of the run or the store. "
        "[default: the first with a card in anchors/]",
    ),
    bjontegaard,
    click.option(
        "--incomplete",
        is_flag=True,
        help="If images are missing, compare on those that every codec has.",
    ),
    click.option(
        "--between",
        metavar="[METRIC=]LOW,HIGH",
        help="The range of quality for BD-rates: 60%,95% of the uncompressed wAP, or "
        "psnr_y=30,40 in the metric's unit. [default: the range that both curves share]",
    ),
)

sweep = together(
    repeated(
        "codec",
        "CODEC",
        completion.codecs,
        "A codec of 'bench list' or a card's path; may be repeated.",
        required=True,
    ),
    data,
    root,
    click.option(
        "--limit", type=click.IntRange(min=1), metavar="N", help="Use only the first N images."
    ),
    points,
    metrics,
    repeated(
        "task",
        "NAME[:MEASURE][=WEIGHTS]",
        completion.tasks,
        "A task network to run on decoded pictures; all: every one trained for this data; or "
        "none; may be repeated. "
        "[default: the data set's own]",
    ),
    click.option(
        "--class",
        "classes",
        multiple=True,
        metavar="NETWORK=DATA",
        callback=lambda context, option, values: _class_map(values),
        help="A class of the network that the data set calls otherwise; may be repeated.",
    ),
    engine,
    choice(
        "--truth",
        ["labels", "pseudo"],
        "The ground truth; pseudo: what the network itself finds in the uncompressed images.",
    ),
    least_score("--truth-score", "The minimum score of a detection in the pseudo ground truth."),
    jobs,
    click.option("--keep-going", is_flag=True, help="Do not stop a codec that only fails."),
    click.option("--shard", metavar="I/N", help="Every Nth image from the Ith, for a job array."),
)


def _class_map(pairs: Sequence[str]) -> dict[str, str]:
    """The names of a data set's classes by those of a network."""
    found = {}
    for pair in pairs:
        own, _, theirs = pair.partition("=")
        if not (own and theirs):
            example = "NETWORK=DATA, such as motorbike=motorcycle"
            raise click.BadParameter(f"'{pair}': expected {example}")
        found[own] = theirs
    return found


def say(words: str, *, err: bool = False) -> None:
    """Print a line that may contain text of a file."""
    click.echo(printable(words), err=err)


def stderr(*, quiet: bool = False) -> Any:
    return _console(stderr=True, quiet=quiet)


def print_screen(screen: Any, *, quiet: bool = False) -> None:
    """Print to standard output; commands and paths longer than a line are not broken."""
    _console(quiet=quiet).print(screen, crop=False)


def _console(**options: Any) -> Any:
    from bench.cli.console import SafeConsole

    if os.environ.get("COLUMNS") == "0":  # a terminal of unknown width
        del os.environ["COLUMNS"]
    return SafeConsole(highlight=False, markup=False, emoji=False, **options)
