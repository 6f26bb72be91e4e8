"""Depth maps: metres as Toyscapes has them, or Cityscapes' disparity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.images.image import open_image

DISPARITY = "_disparity.png"
"""How the name of a file ends whose values rise with nearness: Cityscapes' disparity."""


def read_nearness(path: Path, width: int, height: int) -> NDArray[np.float32]:
    """How near each pixel of an image of that size is; 0 where it is unknown or infinitely far.

    Only the order of the values has a meaning.
    """
    with open_image(path) as opened:
        values = np.asarray(opened).astype(np.float32)
    if values.shape != (height, width):
        found = "x".join(map(str, values.shape[1::-1]))
        raise DataError(f"{path}: {found}, expected one value for each of {width}x{height} pixels")
    if path.name.endswith(DISPARITY):
        return values
    return np.divide(1, values, out=np.zeros_like(values), where=values > 0)
