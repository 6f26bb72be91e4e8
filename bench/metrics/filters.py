"""Separable filters on large planes, as products with small banded matrices.

They run on tiles that stay in the processor's cache; BLAS needs a fraction of the time of shifted
additions. No product is large enough for a BLAS to start threads: their idling would be charged to
the job, and the jobs are threads already.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Plane = NDArray[np.int8] | NDArray[np.float32]
Floats = NDArray[np.float32]
Tile = tuple[slice, slice]

# Columns of one product with the vertical and with the horizontal matrix.
BLOCK, LANE = 256, 32


def symmetric(*half: float) -> Floats:
    """The taps of a symmetric filter of odd length, given up to the middle one."""
    return np.array([*half, *half[-2::-1]], np.float32)


class TileFilter:
    """A filter with the same taps in both directions, over one tile of several fields at a time.

    Only positions where all taps lie in the picture count; of these, every ``step``-th is kept.
    Load fields into ``source``, then ``run``. ``size`` is that of the result.
    """

    def __init__(
        self, taps: Floats, step: int, size: tuple[int, int], largest: tuple[int, int], fields: int
    ) -> None:
        self.step, self.size = step, size
        self.rows = min(largest[0], size[0])
        lanes = -(-size[1] // (-(-size[1] // largest[1]) * LANE))
        self.columns = lanes * LANE
        self._down = _band(taps, step, self.rows)
        self._across = np.ascontiguousarray(_band(taps, step, LANE).T)
        blocks = -(-(step * (self.columns - 1) + len(taps)) // BLOCK)
        width = blocks * BLOCK
        self.source = np.zeros((fields, self._down.shape[1], width), np.float32)
        middle = np.empty((fields, self.rows, width), np.float32)
        self._result = np.empty((fields, self.rows, self.columns), np.float32)
        # The same memory cut into blocks and overlapping lanes: one call filters them all.
        self._blocks, self._blocks_out = (
            array.reshape(fields, -1, blocks, BLOCK).swapaxes(1, 2)
            for array in (self.source, middle)
        )
        item = middle.itemsize
        self._lanes = as_strided(
            middle,
            (lanes, fields * self.rows, len(self._across)),
            (step * LANE * item, width * item, item),
        )
        self._lanes_out = as_strided(
            self._result,
            (lanes, fields * self.rows, LANE),
            (LANE * item, self.columns * item, item),
        )

    def tiles(self) -> Iterator[Tile]:
        """Where the results of the tiles lie in the whole result."""
        for top in range(0, self.size[0], self.rows):
            rows = slice(top, min(top + self.rows, self.size[0]))
            for left in range(0, self.size[1], self.columns):
                yield rows, slice(left, min(left + self.columns, self.size[1]))

    def load(self, field: int, plane: Plane, tile: Tile) -> Floats:
        """Fill a field with what the tile needs; beyond the plane stays what was there."""
        top, left = self.step * tile[0].start, self.step * tile[1].start
        rows, columns = self.source.shape[1:]
        part = plane[top : top + rows, left : left + columns]
        self.source[field, : part.shape[0], : part.shape[1]] = part
        loaded: Floats = self.source[field]
        return loaded

    def run(self, first: int, end: int) -> Floats:
        """Filter the fields from ``first`` to before ``end``; only the tile's part counts."""
        np.matmul(self._down, self._blocks[first:end], out=self._blocks_out[first:end])
        rows = slice(first * self.rows, end * self.rows)
        np.matmul(self._lanes[:, rows], self._across, out=self._lanes_out[:, rows])
        return self._result[first:end]


def _band(taps: Floats, step: int, count: int) -> Floats:
    """The matrix whose row i holds the taps from column i * step on."""
    matrix = np.zeros((count, step * (count - 1) + len(taps)), np.float32)
    for row in range(count):
        matrix[row, step * row : step * row + len(taps)] = taps
    return matrix


def halve(padded: Plane, taps: Floats, size: tuple[int, int]) -> Floats:
    """Filter a plane that has its borders already, keeping every second row and column."""
    lowpass = TileFilter(taps, 2, size, (8, 512), 1)
    half = np.empty(size, np.float32)
    for tile in lowpass.tiles():
        lowpass.load(0, padded, tile)
        rows, columns = half[tile].shape
        half[tile] = lowpass.run(0, 1)[0, :rows, :columns]
    return half
