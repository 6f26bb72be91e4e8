"""Instances as outlines, and their masks in a region, filled as COCO fills polygons.

An outline is drawn five times as large, in steps of one along the longer side of each edge;
wherever it passes on to another column, the pixels below change between inside and outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Outline = NDArray[np.float64]  # (n, 2): x and y of its corners
Outlines = Sequence[Outline]  # the parts of one instance

_FINER = 5
_THINNEST = 0.1  # of a region's sides


def mask_in_box(outlines: Outlines, box: NDArray[np.float64], side: int) -> NDArray[np.bool_]:
    """The part of an instance in a box, as ``side`` by ``side`` pixels."""
    x0, y0, x1, y1 = box
    scale = side / np.maximum((x1 - x0, y1 - y0), _THINNEST)
    seen = np.zeros((side, side), np.bool_)
    for outline in outlines:
        seen |= fill((outline - (x0, y0)) * scale, side, side)
    return seen


def fill(outline: Outline, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels inside an outline, as pycocotools fills it."""
    corners = (_FINER * outline + 0.5).astype(np.int64)
    x, y = _drawn(corners)
    row = np.minimum(y[1:], y[:-1])
    passes = x[1:] != x[:-1]
    right = np.where(x[1:] < x[:-1], x[1:], x[1:] - 1)
    column = (right + 0.5) / _FINER - 0.5
    passes &= (column == np.floor(column)) & (column >= 0) & (column <= width - 1)
    first = np.ceil(((row + 0.5) / _FINER - 0.5).clip(0, height))
    changes = np.zeros(height * width + 1, np.int64)
    np.add.at(changes, (column[passes] * height + first[passes]).astype(np.int64), 1)
    inside: NDArray[np.bool_] = np.cumsum(changes[:-1]) % 2 == 1
    return inside.reshape(width, height).T


def _drawn(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The points of a closed outline, one for each step along the longer side of its edges."""
    xs, ys = [], []
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        across, down = abs(x1 - x0), abs(y1 - y0)
        steps = np.arange(max(across, down) + 1)
        # Each edge is drawn from its upper or left end, so that neighbours share their points.
        turned = (across >= down and x0 > x1) or (across < down and y0 > y1)
        if turned:
            x0, y0, x1, y1 = x1, y1, x0, y0
        if across >= down:
            slope = (y1 - y0) / across if across else 0.0
            x, y = x0 + steps, (y0 + slope * steps + 0.5).astype(np.int64)
        else:
            x, y = (x0 + (x1 - x0) / down * steps + 0.5).astype(np.int64), y0 + steps
        xs.append(x[::-1] if turned else x)
        ys.append(y[::-1] if turned else y)
    return np.concatenate(xs), np.concatenate(ys)
