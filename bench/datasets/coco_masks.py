"""The masks of COCO's annotations: polygons, or run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.instances.run_lengths import RunLengths, encode, from_coco, from_edges

_FINER = 5  # an outline is followed in fifths of a pixel
_FAR = 10  # sides of the image: an outline that goes there takes memory and shows nothing
_MIDDLE = _FINER // 2  # where it crosses the middle of a column of pixels


def mask_of(segmentation: Any, height: int, width: int) -> RunLengths:
    """The mask of an annotation's ``segmentation``, with the pixels that COCO's own tool gives."""
    if isinstance(segmentation, dict):
        counts = segmentation.get("counts")
        if isinstance(counts, list):
            mask = RunLengths(height, width, np.array(counts, np.int64))
        else:
            mask = from_coco(segmentation)
        if (mask.height, mask.width) != (height, width):
            raise DataError(f"a mask of {mask.width}x{mask.height} in a {width}x{height} image")
        return mask
    masks = [draw_polygon(polygon, height, width) for polygon in segmentation]
    if len(masks) == 1:
        return masks[0]
    drawn = np.zeros((height, width), np.bool_)
    for mask in masks:
        drawn |= mask.decode()
    return encode(drawn)


def draw_polygon(polygon: Sequence[float], height: int, width: int) -> RunLengths:
    """The mask within an outline, which is x and y of its corners in turn.

    Where the outline crosses the middle of a column, the column's pixels from there on change
    sides.
    """
    corners = np.array(polygon, np.float64).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise DataError("a polygon that is not x and y of three corners or more")
    if np.abs(corners).max() > _FAR * max(height, width, 32):
        raise DataError(f"a polygon with a corner far from its {width}x{height} image")
    x, y = _outline(np.trunc(_FINER * corners + 0.5).astype(np.int64))
    crosses = np.flatnonzero(x[1:] != x[:-1])
    left = np.minimum(x[1:], x[:-1])[crosses]
    above = np.minimum(y[1:], y[:-1])[crosses]
    column, place = np.divmod(left, _FINER)
    inside = (place == _MIDDLE) & (column >= 0) & (column < width)
    row = np.ceil(((above[inside] + 0.5) / _FINER - 0.5).clip(0, height)).astype(np.int64)
    edges, times = np.unique(column[inside] * height + row, return_counts=True)
    return from_edges(edges[times % 2 == 1], height, width)


def _outline(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All points on the way around the corners, each a step from the one before."""
    start, end = corners, np.roll(corners, -1, axis=0)
    steps = np.abs(end - start).max(axis=1)
    edge = np.repeat(np.arange(len(corners)), steps + 1)
    step = np.arange(len(edge)) - np.repeat((steps + 1).cumsum() - steps - 1, steps + 1)
    # Each line is followed from its lower end along the axis on which it is longer.
    across = np.abs(end - start)[:, 0] >= np.abs(end - start)[:, 1]
    axis = np.where(across, 0, 1)
    rows = np.arange(len(corners))
    backwards = start[rows, axis] > end[rows, axis]
    first = np.where(backwards[:, None], end, start)
    last = np.where(backwards[:, None], start, end)
    rise = np.zeros(len(corners))
    np.divide((last - first)[rows, 1 - axis], steps, out=rise, where=steps > 0)
    along = np.where(backwards[edge], steps[edge] - step, step)
    long = first[rows, axis][edge] + along
    short = np.trunc(first[rows, 1 - axis][edge] + rise[edge] * along + 0.5).astype(np.int64)
    return np.where(across[edge], long, short), np.where(across[edge], short, long)
