"""The command that trains weights."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import click

from bench.cli import completion, options
from bench.cli.group import cli
from bench.cli.options import FOLDER, print_screen, stderr


def _seconds(text: str | None) -> float:
    """``90s``, ``8m`` or ``2h``."""
    if text is None:
        return math.inf
    number, unit = text[:-1], text[-1:]
    try:
        return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        raise click.BadParameter(f"{text!r}: expected a time such as 90s, 8m or 2h") from None


@cli.command()
@click.argument("name", required=False)
@click.option(
    "--zoo", metavar="SET", help="Train all that have a recipe for SET, such as toyscapes."
)
@click.option("--out", type=FOLDER, help="The output folder. [default: bench-training/NAME]")
@options.named(
    "--data", "DATASET", completion.datasets, "Train on another data set, or a folder of images."
)
@click.option("--root", type=FOLDER, help="The folder of the data set, or to render it to.")
@options.named("--task", "NAME", completion.tasks, "Train a codec through another task network.")
@click.option("--steps", type=click.IntRange(1), help="The number of steps for each file.")
@click.option("--max-time", metavar="TIME", help="Stop after 90s, 8m, 2h …; run again to resume.")
def train(
    name: str | None, zoo: str | None, out: Path | None, max_time: str | None, **options: Any
) -> None:
    """Train the weights of a network (mask-rcnn-toy) or codec (ncn-task:toyscapes).

    Run the same command to resume. On several GPUs:
    torchrun --nproc-per-node 4 -m bench train NAME.
    """
    from bench import api
    from bench.cli.progress import training_progress
    from bench.cli.screens import training_screen

    if (name is None) == (zoo is None):
        raise click.UsageError("Expected either NAME or --zoo SET.")
    if zoo and options["task"]:
        raise click.UsageError("--task: not allowed with --zoo.")
    ends = time.monotonic() + _seconds(max_time)
    quiet = os.environ.get("RANK", "0") != "0"  # only the first of several processes prints
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
        print_screen(training_screen(trained), quiet=quiet)
        if not trained.whole:
            break
