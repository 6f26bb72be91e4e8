"""Commands for single images, and for prediction files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bench.cli import completion, options
from bench.cli.group import cli
from bench.cli.options import FILE, FOLDER, PATH, print_screen, say, stderr


@cli.command()
@click.argument("image", type=FILE)
@click.argument("file", type=FILE)
@click.option("--codec", required=True, metavar="CODEC", shell_complete=completion.codecs)
@click.option("--point", help="[default: the card's middle point]")
@options.weights
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
@options.named(
    "--codec", "CODEC", completion.codecs, "Required if the stream does not name its codec."
)
@options.weights
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
@options.named(
    "--task",
    "NAME[=WEIGHTS]",
    completion.tasks,
    "The task network: one of 'bench list'.",
    default="mask-rcnn-toy",
)
@click.option("--weights", type=PATH, metavar="FILE", help="The same as --task NAME=FILE.")
@options.engine
@click.option("--json", type=FILE, metavar="FILE", help="Write all detections there.")
@click.option(
    "--out", type=PATH, metavar="DIR", help="Write a PNG there for each image, with its detections."
)
@options.least_score("--least-score", "The minimum score of detections in pictures.")
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
        print_screen(predict_screen(found))
    notes = [f"{image.file}: {note}" for image in found.images for note in image.notes]
    for line in (*notes, *found.failures):
        say(f"bench: {line}", err=True)
    return 1 if found.failures else 0


@cli.command()
@click.argument("predictions", type=FOLDER)
@options.root
@options.choice("--split", ["val", "train"], "The split of the predictions.")
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
    print_screen(score_screen(found))
