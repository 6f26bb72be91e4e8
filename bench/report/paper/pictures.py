"""A spec's pictures for print: one image by several codecs, and where an LSMnet masks it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from bench.images.colour import Pixels
from bench.instances.drawing import colour_of, draw
from bench.instances.objects import Objects
from bench.instances.pseudo_truth import Truth
from bench.report.pictures import MIN_SCORE, ScoredPicture, true_instances
from bench.report.plotting import GREY, INCH, PRINTED, save_print, settings

COLUMNS = 2
GAP = 2.0  # millimetres between pictures
LINE = 3.6  # millimetres that a line of text takes
PER_INCH = 300
PLACED = {"figure.constrained_layout.use": False}  # to a tenth of a millimetre


def print_pictures(
    pictures: Sequence[tuple[str, ScoredPicture]], files: Sequence[Path], width: float
) -> None:
    """Labelled pictures with their detections side by side, so many millimetres wide."""
    each = (width - GAP * (COLUMNS - 1)) / COLUMNS
    first = pictures[0][1].pixels
    picture = each * first.shape[0] / first.shape[1]
    height = -(-len(pictures) // COLUMNS) * (picture + 1.5 * LINE) + 2 * LINE
    with settings(PRINTED, PLACED):
        figure = Figure((width / INCH, height / INCH))
        for place, (label, shown) in enumerate(pictures):
            row, column = divmod(place, COLUMNS)
            left = column * (each + GAP) / width
            top = 1 - (row * (picture + 1.5 * LINE) + 1.2 * LINE) / height
            box = (left, top - picture / height, each / width, picture / height)
            axes = _panel(figure, box, label)
            _show(axes, draw(shown.pixels, shown.detections, MIN_SCORE, labels=False), each)
            right, wrong, missed = shown.counts
            rate = "" if shown.bpp is None else f"{shown.bpp:.3f} bpp,  "
            counts = f"{rate}TP {right},  FP {wrong},  FN {missed}"
            axes.set_title(counts, loc="right", pad=2, color=GREY)
        found = [shown.detections for _, shown in pictures]
        classes = sorted({int(c) for d in found for c in d.classes[d.scores >= MIN_SCORE]})
        keys = [_key(place, found[0].names[place]) for place in classes]
        if keys:
            figure.legend(
                handles=keys, loc="lower left", ncols=len(keys), frameon=False,
                bbox_to_anchor=(-0.008, -0.4 * LINE / height),
                handlelength=1.2, handleheight=0.8,
            )  # fmt: skip
        save_print(figure, files)


def print_mask(
    image: Pixels,
    truth: Truth | Objects,
    names: Sequence[str],
    alpha: NDArray[np.float32],
    files: Sequence[Path],
    width: float,
) -> None:
    """An image, its ground truth and α, side by side."""
    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    faint = (255 - 0.45 * (255 - grey)).astype(np.uint8)
    bar = 9.0  # millimetres for the scale of α
    each = (width - bar - 2 * GAP) / 3
    picture = each * image.shape[0] / image.shape[1]
    height = picture + 1.3 * LINE
    with settings(PRINTED, PLACED):
        figure = Figure((width / INCH, height / INCH))
        original, labels, mask = (
            _panel(
                figure, (at * (each + GAP) / width, 0.005, each / width, picture / height), title
            )
            for at, title in enumerate(("Image", "Ground truth", "α, mean over its channels"))
        )
        _show(original, image, each)
        _show(labels, draw(faint, true_instances(truth, names), MIN_SCORE, labels=False), each)
        enlarged = alpha.repeat(16, axis=0).repeat(16, axis=1)[: image.shape[0], : image.shape[1]]
        drawn = mask.imshow(enlarged, cmap="YlGnBu", interpolation="nearest", aspect="auto")
        scale = figure.add_axes(
            (1 - (bar - 1.5) / width, 0.03, 1.6 / width, picture / height - 0.05)
        )
        figure.colorbar(drawn, cax=scale)
        scale.tick_params(labelsize=5.5, length=2, pad=1.5)
        save_print(figure, files)


def _panel(figure: Figure, box: tuple[float, float, float, float], title: str) -> Axes:
    axes = figure.add_axes(box)
    axes.grid(visible=False)
    axes.set_axis_off()
    axes.set_title(title, pad=2)
    return axes


def _show(axes: Axes, pixels: Pixels, millimetres: float) -> None:
    """A picture that fills its axes, with no more pixels than print shows."""
    from PIL import Image

    columns = round(millimetres / INCH * PER_INCH)
    if pixels.shape[1] > columns:
        rows = round(pixels.shape[0] * columns / pixels.shape[1])
        small = Image.fromarray(pixels).resize((columns, rows), Image.Resampling.LANCZOS)
        pixels = np.asarray(small)
    axes.imshow(pixels, aspect="auto", interpolation="none")


def _key(place: int, name: str) -> Patch:
    red, green, blue = colour_of(place)
    colour = f"#{red:02x}{green:02x}{blue:02x}"
    return Patch(facecolor=colour, edgecolor=GREY, linewidth=0.4, label=name)
