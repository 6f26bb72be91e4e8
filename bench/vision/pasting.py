"""From a mask of 28×28 in its box to the run lengths of a picture's mask."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.instances.run_lengths import RunLengths, encode

_THRESHOLD = 0.5


def paste(masks: Tensor, boxes: Tensor, size: tuple[int, int]) -> tuple[RunLengths, ...]:
    """Each mask of probabilities (n, s, s), interpolated over its box, where it is at least ½."""
    height, width = size
    pasted = []
    for mask, box in zip(masks.float().cpu(), boxes.float().cpu(), strict=True):
        x0, y0, x1, y1 = box.tolist()
        left, right = max(int(x0) - 1, 0), min(int(np.ceil(x1)) + 1, width)
        top, bottom = max(int(y0) - 1, 0), min(int(np.ceil(y1)) + 1, height)
        across = _interpolation(left, right, x0, x1, mask.shape[1])
        down = _interpolation(top, bottom, y0, y1, mask.shape[0])
        picture = np.zeros(size, np.bool_)
        picture[top:bottom, left:right] = (down @ mask @ across.T >= _THRESHOLD).numpy()
        pasted.append(encode(picture))
    return tuple(pasted)


def _interpolation(first: int, last: int, low: float, high: float, side: int) -> Tensor:
    """The weight of each cell of the mask (a column) at each pixel's centre (a row)."""
    centres = torch.arange(first, last, dtype=torch.float32) + 0.5
    at = (centres - low) / (high - low) * side - 0.5
    return (1 - (at[:, None] - torch.arange(side)).abs()).clamp(min=0)
