"""Options that commands share, and the consoles that they print to."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bench.cli import completion
from bench.runtime.text import printable

Command = TypeVar("Command", bound=Callable[..., Any])


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
FRACTION = _Fraction(0, 1)


def options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several options as one decorator, for commands that share them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


results_option = click.option(
    "--results", type=FOLDER, default=Path("bench-results"), show_default=True, help="The store."
)
metric_option = click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.metrics,
    help="A metric; may be repeated.",
)
bjontegaard_options = options(
    click.option(
        "--method",
        type=click.Choice(["akima", "pchip", "cubic"]),
        default="akima",
        show_default=True,
        help="How curves are interpolated.",
    ),
    click.option(
        "--pareto", is_flag=True, help="If a curve bends down, use only its Pareto front."
    ),
)
points_option = click.option(
    "--points",
    multiple=True,
    metavar="[CODEC=]P,P…",
    help="Operating points, for all codecs or for one.",
)
comparison_options = options(
    click.option(
        "--anchor",
        metavar="CODEC",
        shell_complete=completion.codecs,
        help="The codec to compare with, of the run or the store. "
        "[default: the first with a card in anchors/]",
    ),
    bjontegaard_options,
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
data_option = click.option(
    "--data",
    default="toyscapes",
    show_default=True,
    metavar="DATASET",
    shell_complete=completion.datasets,
    help="A data set of 'bench list', or a folder of images.",
)
root_option = click.option(
    "--root", type=FOLDER, help="The folder of Cityscapes. [default: $CITYSCAPES_DATASET]"
)
task_option = click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="NAME[=WEIGHTS]",
    shell_complete=completion.tasks,
    help="A task network to run on decoded pictures, or none; may be repeated. "
    "[default: the data set's own]",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["bench", "detectron2"]),
    default="bench",
    show_default=True,
    help="The implementation of the network.",
)
weights_option = click.option(
    "--weights",
    type=FILE,
    metavar="FILE",
    help="The weights of a learned codec, instead of its weight set.",
)
stored_codecs_option = click.option(
    "--codec",
    "codecs",
    multiple=True,
    metavar="CODEC",
    shell_complete=completion.codecs,
    help="[default: all]",
)
stored_data_option = click.option(
    "--data",
    metavar="DATASET",
    shell_complete=completion.datasets,
    help="[default: the data set of the last run]",
)
open_option = click.option(
    "--open", "show_it", is_flag=True, help="Open the page if one is made, otherwise the picture."
)
jobs_option = click.option(
    "--jobs", type=click.IntRange(min=1), help="Parallel operations. [default: one per core]"
)


def say(words: str, *, err: bool = False) -> None:
    """Print a line that may contain text of a file."""
    click.echo(printable(words), err=err)


def stdout(*, quiet: bool = False) -> Any:
    return _console(stderr=False, quiet=quiet)


def stderr(*, quiet: bool = False) -> Any:
    return _console(stderr=True, quiet=quiet)


def _console(*, stderr: bool, quiet: bool) -> Any:
    from bench.cli.console import SafeConsole

    if os.environ.get("COLUMNS") == "0":  # a terminal of unknown width
        del os.environ["COLUMNS"]
    return SafeConsole(stderr=stderr, highlight=False, markup=False, emoji=False, quiet=quiet)
