"""A mask's outline as an SVG path, so that a page can draw it at any size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]


def outline(mask: NDArray[np.bool_]) -> str:
    """Around every part and hole, through the middles of the pixels' edges.

    So that a slant is a slant, not stairs, and yet the path holds the middles of just those pixels.
    """
    return "".join(_path(loop) for loop in _loops(mask))


def _loops(mask: NDArray[np.bool_]) -> list[list[Point]]:
    """The corners that each outline passes, pixel edge by pixel edge, the inside on the right."""
    padded = np.pad(mask, 1)
    here, above, left = padded[1:, 1:], padded[:-1, 1:], padded[1:, :-1]
    following: dict[Point, list[Point]] = {}
    for starts, step_x, step_y, shift in (
        (here & ~above, 1, 0, 0),  # along a pixel's top, to the right
        (~here & above, -1, 0, 1),  # along a bottom, to the left
        (here & ~left, 0, -1, 1),  # along a left side, up
        (~here & left, 0, 1, 0),  # along a right side, down
    ):
        for y, x in np.argwhere(starts).tolist():
            start = (x + shift * (step_x != 0), y + shift * (step_y != 0))
            following.setdefault(start, []).append((start[0] + step_x, start[1] + step_y))
    loops = []
    while following:
        corner = first = next(iter(following))
        loop: list[Point] = []
        while not loop or corner != first:
            loop.append(corner)
            onwards = following[corner]
            # Where two pixels touch at a corner alone, turn right: they stay two parts.
            came = (corner[0] - loop[-2][0], corner[1] - loop[-2][1]) if len(loop) > 1 else (0, 0)
            right = (corner[0] - came[1], corner[1] + came[0])
            onward = right if right in onwards else onwards[0]
            onwards.remove(onward)
            if not onwards:
                del following[corner]
            corner = onward
        loops.append(loop)
    return loops


def _path(loop: list[Point]) -> str:
    """Relative, in half pixels: twice as many whole numbers are shorter than halves."""
    corners = np.array([*loop, loop[0], loop[1]])
    middles = corners[:-1] + corners[1:]
    steps = np.diff(middles, axis=0)
    turns = np.flatnonzero(np.any(steps[1:] != steps[:-1], axis=1)) + 1
    ends = np.array([0, *turns, len(steps)])
    runs = np.diff(middles[ends], axis=0)[:-1] if len(ends) > 2 else steps
    x, y = middles[0]
    return f"M{x} {y}l{' '.join(f'{dx} {dy}' for dx, dy in runs.tolist())}z"
