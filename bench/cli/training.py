"""The command that makes weights."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import click

from bench.cli import completion
from bench.cli.group import cli
from bench.cli.options import FOLDER, stderr, stdout


def _seconds(text: str | None) -> float:
    """``90s``, ``8m`` or ``2h``."""
    if text is None:
        return math.inf
    number, unit = text[:-1], text[-1:]
    try:
        return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        raise click.BadParameter(f"{text!r}: say how long, as in 90s, 8m or 2h") from None


@cli.command()
@click.argument("name", required=False)
@click.option("--zoo", metavar="SET", help="All that has a recipe for SET, such as toyscapes.")
@click.option("--out", type=FOLDER, help="Where it is kept. [default: bench-training/NAME]")
@click.option(
    "--data",
    metavar="DATA",
    shell_complete=completion.datasets,
    help="Learn from another data set, or a folder of images.",
)
@click.option("--root", type=FOLDER, help="Where a data set is, or is to be rendered.")
@click.option("--steps", type=click.IntRange(1), help="Take so many for each file, not all.")
@click.option("--max-time", metavar="TIME", help="Stop after 90s, 8m, 2h …; to be gone on with.")
def train(
    name: str | None, zoo: str | None, out: Path | None, max_time: str | None, **options: Any
) -> None:
    """Make the weights of a network (mask-rcnn-toy) or codec (ncn-task:toyscapes).

    What was stopped goes on with the same command. On several GPUs:
    torchrun --nproc-per-node 4 -m bench train NAME.
    """
    from bench import api
    from bench.cli.progress import training_progress
    from bench.cli.screens import training_screen

    if (name is None) == (zoo is None):
        raise click.UsageError("Say what to train, NAME or --zoo SET.")
    ends = time.monotonic() + _seconds(max_time)
    quiet = os.environ.get("RANK", "0") != "0"  # of several processes the first one speaks
    for each in [name] if name else api.zoo(str(zoo)):
        folder = out if out and name else api.training_folder(each, *([out] if out else []))
        with training_progress(stderr(quiet=quiet), each) as (preparing, watch):
            trained = api.train(
                each,
                folder,
                most_seconds=ends - time.monotonic(),
                preparing=preparing,
                watch=watch,
                **options,
            )
        stdout(quiet=quiet).print(training_screen(trained), crop=False)
        if not trained.whole:
            break
