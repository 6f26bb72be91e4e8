"""A mask's outline as an SVG path, so that a page can draw it at any size."""

from __future__ import annotations

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray


def outline(mask: NDArray[np.bool_]) -> str:
    """The path around every part and hole, through the middles of the pixels' edges.

    So a slanted edge is straight, not stairs, and yet the path contains the centres of exactly the
    mask's pixels.
    """
    padded = np.pad(mask, 1).astype(np.float64)
    lines = contour_generator(z=padded).lines(0.5)
    return "".join(_path(np.asarray(line)) for line in lines)


def _path(line: NDArray[np.float64]) -> str:
    """A relative path in half pixels: whole numbers are shorter than halves."""
    points = np.rint(2 * line - 1).astype(np.int64)
    steps = np.diff(points, axis=0)
    turns = np.flatnonzero(np.any(steps[1:] != steps[:-1], axis=1)) + 1
    ends = points[[0, *turns]]
    x, y = ends[0]
    return f"M{x} {y}l{' '.join(f'{dx} {dy}' for dx, dy in np.diff(ends, axis=0).tolist())}z"
