"""Placing labels: within the picture, near their objects, and not on other objects or labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Rectangle = tuple[int, int, int, int]  # x0, y0, x1, y1, the ends excluded

# The cost of covering an object, or another label, completely.
_OBJECT, _LABEL = 1.0, 4.0
# Each place is a little worse than the one before.
_LATER = 0.02
# How far from its box a label may be, in labels.
_FARTHEST = 4


def place_labels(
    boxes: Sequence[Rectangle],
    sizes: Sequence[tuple[int, int]],
    occupied: NDArray[np.bool_],
    gap: int,
) -> list[Rectangle]:
    """A place for each box's label of that width and height; the first boxes choose first.

    ``occupied`` marks the pixels of objects.
    """
    cost = occupied * np.float32(_OBJECT)
    places = []
    for box, size in zip(boxes, sizes, strict=True):
        candidates = [_within(corner, size, occupied.shape) for corner in _around(box, size, gap)]
        costs = [
            float(cost[y0:y1, x0:x1].mean()) + number * _LATER
            for number, (x0, y0, x1, y1) in enumerate(candidates)
        ]
        x0, y0, x1, y1 = place = candidates[int(np.argmin(costs))]
        cost[y0:y1, x0:x1] += _LABEL
        places.append(place)
    return places


def _around(box: Rectangle, size: tuple[int, int], gap: int) -> Iterator[tuple[int, int]]:
    """Left upper corners of labels, the best places first."""
    x0, y0, x1, y1 = box
    width, height = size
    middle = (x0 + x1 - width) // 2
    step = height + gap
    for far in range(1, _FARTHEST + 1):
        for y in (y0 - far * step, y1 + gap + (far - 1) * step):
            yield from ((x, y) for x in (x0, middle, x1 - width))
        if far == 1:
            for x in (x0 - width - gap, x1 + gap):
                yield from ((x, y) for y in (y0, (y0 + y1 - height) // 2, y1 - height))


def _within(corner: tuple[int, int], size: tuple[int, int], shape: tuple[int, ...]) -> Rectangle:
    """Moved into the picture."""
    left = max(min(corner[0], shape[1] - size[0]), 0)
    top = max(min(corner[1], shape[0] - size[1]), 0)
    return left, top, left + size[0], top + size[1]
