"""Detections drawn into their picture, for people to look at.

The colour shows the class; outlines separate overlapping instances of one class. A small picture is
enlarged, so that labels are legible and do not cover the objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFilter, ImageFont

from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.instances.label_places import Rectangle, place_labels
from bench.instances.run_lengths import RunLengths

Colour = tuple[int, int, int]

# Of classes, in turn. Distinct for colour-blind readers, too: no two are nearer than 27 in CIELAB,
# neither directly nor by Machado's matrices for protanopia, deuteranopia and tritanopia. In the
# best known palette for the purpose, Okabe and Ito's, two are 16 apart.
COLOURS = (
    *((226, 23, 78), (171, 253, 18), (67, 179, 254), (83, 99, 247)),
    *((0, 255, 154), (214, 19, 166), (196, 129, 0), (255, 255, 255)),
)
_DARK, _LIGHT = (16, 16, 20), (255, 255, 255)
_FILL, _CASING = 0.35, 0.75  # how opaque
_MIN_SIDE = 1024  # a picture whose longer side is shorter is enlarged
_LINE, _TEXT = 1.75 / 1024, 14 / 1024  # of the longer side


def draw(pixels: Pixels, found: Detections, least_score: float, *, labels: bool = True) -> Pixels:
    """The picture with its detections of at least that score, the best on top."""
    height, width, _ = pixels.shape
    scale = max(1, -(-_MIN_SIDE // max(height, width)))
    canvas = PillowImage.fromarray(pixels)
    if scale > 1:
        size = (width * scale, height * scale)
        canvas = canvas.resize(size, PillowImage.Resampling.BICUBIC)
    order = np.argsort(-found.scores, kind="stable")
    best_first = [int(index) for index in order if found.scores[index] >= least_score]
    colours = [colour_of(int(found.classes[index])) for index in best_first]
    boxes = [_scaled(found.boxes[index], scale) for index in best_first]
    line = max(1, round(max(canvas.size) * _LINE))
    if found.masks is None:
        occupied = _draw_boxes(canvas, boxes, colours, line)
    else:
        stencils = [_stencil(found.masks[index], scale, line) for index in best_first]
        occupied = _draw_masks(canvas, stencils, colours, line)
    names = [found.names[which] for which in found.classes]
    texts = [f"{names[index]} {found.scores[index]:.2f}" for index in best_first]
    if labels:
        _draw_labels(canvas, texts, boxes, colours, occupied, line)
    return np.asarray(canvas)


def colour_of(index: int) -> Colour:
    """The colour of a class; of more than eight, several have the same."""
    return COLOURS[index % len(COLOURS)]


def _scaled(box: NDArray[np.float64], scale: int) -> Rectangle:
    x0, y0, x1, y1 = (round(float(value) * scale) for value in box)
    return x0, y0, x1, y1


def _draw_boxes(
    canvas: PillowImage.Image, boxes: Sequence[Rectangle], colours: Sequence[Colour], line: int
) -> NDArray[np.bool_]:
    """Each box, the last ones first; where any is."""
    occupied = np.zeros((canvas.height, canvas.width), np.bool_)
    pen = ImageDraw.Draw(canvas)
    casing = max(1, line // 2)
    for (x0, y0, x1, y1), colour in reversed(list(zip(boxes, colours, strict=True))):
        occupied[y0:y1, x0:x1] = True
        right, bottom = max(x1 - 1, x0), max(y1 - 1, y0)  # Pillow counts the ends in
        around = (x0 - casing, y0 - casing, right + casing, bottom + casing)
        pen.rectangle(around, outline=_DARK, width=casing)
        pen.rectangle((x0, y0, right, bottom), outline=colour, width=line)
    return occupied


class _Stencil(NamedTuple):
    """A mask enlarged without stairs: how opaque, from 0 to 255, with a margin, from a corner."""

    x: int
    y: int
    alpha: PillowImage.Image


def _stencil(mask: RunLengths, scale: int, line: int) -> _Stencil:
    x0, y0, x1, y1 = mask.box()
    margin = line + 1
    left, top = max(x0 - margin, 0), max(y0 - margin, 0)
    part = mask.decode()[top : y1 + margin, left : x1 + margin]
    alpha = PillowImage.fromarray(part).convert("L")
    if scale > 1:
        size = (alpha.width * scale, alpha.height * scale)
        alpha = alpha.resize(size, PillowImage.Resampling.BICUBIC)
        alpha = alpha.filter(ImageFilter.GaussianBlur(scale / 2))
        steep = (np.arange(256) - 127.5) * scale + 127.5  # the edge as sharp as before
        alpha = alpha.point(steep.clip(0, 255).astype(int).tolist())
    return _Stencil(left * scale, top * scale, alpha)


def _draw_masks(
    canvas: PillowImage.Image, stencils: Sequence[_Stencil], colours: Sequence[Colour], line: int
) -> NDArray[np.bool_]:
    """Fills, then outlines, the last ones first; where any mask is."""
    occupied = np.zeros((canvas.height, canvas.width), np.bool_)
    for (x, y, opacity), colour in zip(stencils, colours, strict=True):
        alpha = np.asarray(opacity)
        there = occupied[y : y + opacity.height, x : x + opacity.width]
        # One fill at a place: several would add up to a solid colour.
        fill = np.where(there, 0, alpha * _FILL).astype(np.uint8)
        canvas.paste(colour, (x, y), PillowImage.fromarray(fill))
        there |= alpha >= 128
    for stencil, colour in reversed(list(zip(stencils, colours, strict=True))):
        _draw_outline(canvas, stencil, colour, line)
    return occupied


def _draw_outline(canvas: PillowImage.Image, stencil: _Stencil, colour: Colour, line: int) -> None:
    """A line within the edge and a dark one around it, to be visible on any background."""
    x, y, alpha = stencil
    inside = np.asarray(alpha)
    core = np.asarray(alpha.filter(ImageFilter.MinFilter(2 * line + 1)))
    around = np.asarray(alpha.filter(ImageFilter.MaxFilter(2 * ((line + 1) // 2) + 1)))
    casing = ((around - inside) * _CASING).astype(np.uint8)
    canvas.paste(_DARK, (x, y), PillowImage.fromarray(casing))
    canvas.paste(colour, (x, y), PillowImage.fromarray(inside - core))


def _draw_labels(
    canvas: PillowImage.Image,
    texts: Sequence[str],
    boxes: Sequence[Rectangle],
    colours: Sequence[Colour],
    occupied: NDArray[np.bool_],
    line: int,
) -> None:
    font = ImageFont.load_default(max(canvas.size) * _TEXT)
    pen = ImageDraw.Draw(canvas)
    _, top, _, bottom = (round(value) for value in font.getbbox("py0d"))  # as high as any
    beside, above = 3 * line, line + 1
    height = bottom - top + 2 * above
    sizes = [(round(font.getlength(text)) + 2 * beside, height) for text in texts]
    places = place_labels(boxes, sizes, occupied, gap=line)
    labels = list(zip(texts, boxes, places, colours, strict=True))[::-1]
    for _, box, place, colour in labels:
        _draw_leader(pen, place, box, colour, line)
    for text, _, (x0, y0, x1, y1), colour in labels:
        edge = (x0, y0, x1 - 1, y1 - 1)
        pen.rounded_rectangle(edge, radius=2 * line, fill=colour, outline=_DARK, width=1)
        pen.text((x0 + beside, y0 + above - top), text, font=font, fill=_ink(colour))


def _draw_leader(
    pen: ImageDraw.ImageDraw, label: Rectangle, box: Rectangle, colour: Colour, line: int
) -> None:
    """A line from a label to its box, unless they are adjacent."""
    x0, y0, x1, y1 = box
    if label[3] + 2 * line >= y0 and label[1] - 2 * line <= y1:
        return
    start, end = (label[3], y0) if label[3] < y0 else (label[1], y1)
    middle = (x0 + x1) / 2
    points = [(min(max(middle, label[0] + 4 * line), label[2] - 4 * line), start), (middle, end)]
    pen.line(points, fill=_DARK, width=line + 2)
    pen.line(points, fill=colour, width=line)


def _ink(colour: Colour) -> Colour:
    """Dark or light, whichever stands out more."""
    red, green, blue = ((value / 255) ** 2.2 for value in colour)
    return _DARK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 else _LIGHT
