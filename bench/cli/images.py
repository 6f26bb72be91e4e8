"""Commands for single images, and for prediction files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli import completion
from bench.cli.group import cli
from bench.cli.options import (
    FILE,
    FOLDER,
    FRACTION,
    PATH,
    engine_option,
    root_option,
    say,
    stderr,
    stdout,
    weights_option,
)


@cli.command()
@click.argument("image", type=FILE)
@click.argument("file", type=FILE)
@click.option("--codec", required=True, metavar="CODEC", shell_complete=completion.codecs)
@click.option("--point", help="[default: the card's middle point]")
@weights_option
@click.option(
    "--dump", type=FILE, metavar="FILE.npz", help="Write a learned encoder's latents as arrays."
)
@click.option(
    "--save-mask", type=FILE, metavar="FILE.png", help="Write an LSMnet's mask as a picture."
)
def encode(image: Path, file: Path, codec: str, point: str | None, **options: Any) -> None:
    """Code IMAGE to the bitstream FILE."""
    from bench import api

    coded = api.encode(image, file, codec, point, **options)
    for note in coded.notes:
        say(f"bench: {image}: {note}", err=True)
    say(
        f"{file}: {coded.bytes} bytes, {coded.bpp:.4f} bpp, {coded.codec} at {coded.point}, "
        f"{coded.cost.cpu:.2f} CPU s"
    )


@cli.command()
@click.argument("file", type=FILE)
@click.argument("image", type=FILE)
@click.option(
    "--codec",
    metavar="CODEC",
    shell_complete=completion.codecs,
    help="Required if the stream does not name its codec.",
)
@weights_option
def decode(file: Path, image: Path, codec: str | None, weights: Path | None) -> None:
    """Decode the bitstream FILE to IMAGE, a PNG."""
    from bench import api

    coded = api.decode(file, image, codec, weights=weights)
    say(
        f"{image}: {coded.width}x{coded.height}, decoded by {coded.codec}, "
        f"{coded.cost.cpu:.2f} CPU s"
    )


@cli.command()
@click.argument("images", metavar="IMAGE…", type=PATH, nargs=-1, required=True)
@click.option(
    "--task",
    default="mask-rcnn-toy",
    show_default=True,
    metavar="NAME[=WEIGHTS]",
    shell_complete=completion.tasks,
    help="The task network: one of 'bench list'.",
)
@click.option("--weights", type=PATH, metavar="FILE", help="The same as --task NAME=FILE.")
@engine_option
@click.option("--json", type=FILE, metavar="FILE", help="Write all detections there.")
@click.option(
    "--out", type=PATH, metavar="DIR", help="Write a PNG there for each image, with its detections."
)
@click.option(
    "--least-score",
    type=FRACTION,
    default=0.5,
    show_default=True,
    help="The minimum score of detections in pictures.",
)
def predict(images: tuple[Path, ...], **options: Any) -> int:
    """Run a task network on each IMAGE; print its detections, or write JSON or pictures.

    JSON has the class, score, box (x0, y0, x1, y1 in pixels) and mask (COCO's run lengths) of each.
    """
    from bench import api
    from bench.cli.progress import progress_watcher
    from bench.cli.screens import predict_screen

    with progress_watcher(stderr()) as watcher:
        found = api.predict(images, progress=watcher.preparing, **options)
    if options["json"] is None and options["out"] is None:
        stdout().print(predict_screen(found), crop=False)
    notes = [f"{image.file}: {note}" for image in found.images for note in image.notes]
    for line in (*notes, *found.failures):
        say(f"bench: {line}", err=True)
    return 1 if found.failures else 0


@cli.command()
@click.argument("predictions", type=FOLDER)
@root_option
@click.option(
    "--split",
    type=click.Choice(["val", "train"]),
    default="val",
    show_default=True,
    help="The split of the predictions.",
)
@click.option("--json", type=FILE, metavar="FILE", help="Write all figures there, too.")
def score(predictions: Path, **options: Any) -> None:
    """Compute AP, AP50 and wAP of the Cityscapes prediction files in PREDICTIONS.

    Each image has a file IMAGE*.txt, at any depth, with a line MASK.png LABEL SCORE for each
    instance.
    """
    from bench import api
    from bench.cli.progress import progress_watcher
    from bench.cli.screens import score_screen

    with progress_watcher(stderr()) as watcher:
        found = api.score(predictions, progress=watcher.preparing, **options)
    stdout().print(score_screen(found), crop=False)
