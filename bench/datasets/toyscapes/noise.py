"""Tileable noise and its pyramids, made once per process from hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.datasets.toyscapes.stream import bytes_grid

Bytes = npt.NDArray[np.uint8]
Floats32 = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint16]
Ints = npt.NDArray[np.int32]


def _stretch(grid: Floats32, size: int, axis: int) -> Floats32:
    """Smooth, periodic interpolation of a grid's axis to `size` points."""
    count = grid.shape[axis]
    position = np.arange(size, dtype=np.float32) * np.float32(count / size)
    lower = np.floor(position)
    share = position - lower
    share = share * share * (3 - 2 * share)
    index = lower.astype(np.int32)
    here = np.take(grid, index % count, axis)
    there = np.take(grid, (index + 1) % count, axis)
    shape = [1, 1]
    shape[axis] = size
    result: Floats32 = here + (there - here) * share.reshape(shape)
    return result


def waves(size: tuple[int, int], cells: tuple[int, int], *key: int | str) -> Floats32:
    """Smooth noise from -1 to 1 with so many bumps along each axis."""
    grid = bytes_grid(cells, *key).astype(np.float32) / np.float32(127.5) - 1
    if cells == size:
        return grid
    return _stretch(_stretch(grid, size[0], 0), size[1], 1)


def layered(size: int, octaves: dict[int, float], *key: int | str) -> Floats32:
    """A sum of waves: bumps along an axis → weight."""
    total = np.zeros((size, size), np.float32)
    for cells, weight in octaves.items():
        total += np.float32(weight) * waves((size, size), (cells, cells), *key, cells)
    return total


def to_bytes(values: Floats32) -> Bytes:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


@dataclass(frozen=True)
class Texture:
    """Pages of texels of four bytes, halved again and again along each axis apart (a ripmap).

    A street and a façade are seen aslant: their texels shrink along one axis long before the other.
    """

    texels: npt.NDArray[np.uint32]
    starts: Ints  # where the halving (down, across) begins within a page, as [down, across]
    page_size: int
    down_bits: int
    across_bits: int
    per_metre: float

    def sample(
        self, page: Ints, down: Ints, across: Ints, halved_down: Ints, halved_across: Ints
    ) -> Bytes:
        """Texels at whole-number coordinates, as (…, 4) bytes; everything broadcasts."""
        halved_down = np.minimum(halved_down, self.down_bits)
        halved_across = np.minimum(halved_across, self.across_bits)
        start = self.starts[halved_down, halved_across] + page * np.int32(self.page_size)
        row = (down & ((1 << self.down_bits) - 1)) >> halved_down
        column = (across & ((1 << self.across_bits) - 1)) >> halved_across
        place = (row << (self.across_bits - halved_across)) + column + start
        found: Bytes = self.texels[place].view(np.uint8).reshape((*place.shape, 4))
        return found


def _halved(one: Words, other: Words, turn: int) -> Words:
    """The mean, rounded down and up in turn, which keeps the brightness where it was."""
    result: Words = (one + other + np.uint16(turn & 1)) >> np.uint16(1)
    return result


def ripmap(pages: list[Bytes], per_metre: float) -> Texture:
    """Each page is (2^a, 2^b, 4) bytes and tiles the plane."""
    down_bits = pages[0].shape[0].bit_length() - 1
    across_bits = pages[0].shape[1].bit_length() - 1
    starts = np.zeros((down_bits + 1, across_bits + 1), np.int32)
    parts: list[npt.NDArray[np.uint32]] = []
    for page in pages:
        position = 0
        tall = page.astype(np.uint16)
        for down in range(down_bits + 1):
            wide = tall
            for across in range(across_bits + 1):
                starts[down, across] = position
                packed = np.ascontiguousarray(wide.astype(np.uint8)).view("<u4").reshape(-1)
                parts.append(packed.astype(np.uint32))
                position += packed.size
                if across < across_bits:
                    wide = _halved(wide[:, 0::2], wide[:, 1::2], across)
            if down < down_bits:
                tall = _halved(tall[0::2], tall[1::2], down)
    return Texture(np.concatenate(parts), starts, position, down_bits, across_bits, per_metre)


def halvings(texels_per_pixel: npt.NDArray[np.float64]) -> Ints:
    """How often to halve a texture so that a texel is about a pixel."""
    level = np.zeros(texels_per_pixel.shape, np.int32)
    threshold = 1.4
    for _ in range(11):
        level += texels_per_pixel > threshold
        threshold *= 2
    return level
