"""A binary mask as run lengths, in COCO's order: column by column, the first run background.

A mask of 2048x1024 pixels is 2 MB as an array and some hundred bytes as runs, and two masks can be
compared run by run without ever being drawn.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

# COCO's text holds a number as groups of five bits; seven groups hold any run there can be.
_MAX_GROUPS = 7
_GROUPS = 5 * np.arange(_MAX_GROUPS)
_NO_RUN = np.zeros(1, np.int64)
_Number = TypeVar("_Number", np.int64, np.float64)


@dataclass(frozen=True, eq=False)
class RunLengths:
    """One mask; ``counts`` are the lengths of background and foreground runs in turn."""

    height: int
    width: int
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise DataError(f"invalid size {self.width}x{self.height} of a mask")
        counts = np.array(self.counts, np.int64)
        pixels = self.height * self.width
        if (counts < 0).any():
            raise DataError("run lengths with a run shorter than nothing")
        if counts.sum() != pixels:
            raise DataError(
                f"run lengths that do not make a mask of {self.width}x{self.height}: "
                f"they are of {counts.sum()} pixels, not {pixels}"
            )
        counts.setflags(write=False)
        object.__setattr__(self, "counts", counts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunLengths):
            return NotImplemented
        same_size = (self.height, self.width) == (other.height, other.width)
        return same_size and np.array_equal(self.counts, other.counts)

    @property
    def area(self) -> int:
        return int(self.counts[1::2].sum())

    def runs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each run of the foreground starts, and where it has ended."""
        edges = self.counts.cumsum()
        return edges[:-1:2], edges[1::2]

    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 around the foreground, the ends excluded; zeros where there is none."""
        starts, ends = self.runs()
        starts, ends = starts[ends > starts], ends[ends > starts]
        if not len(starts):
            return 0, 0, 0, 0
        left, top, right, bottom = run_extents(starts, ends, self.height)
        return int(left.min()), int(top.min()), int(right.max()), int(bottom.max())

    def decode(self) -> Mask:
        foreground = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(foreground, self.counts).reshape(self.width, self.height).T

    def to_coco(self) -> dict[str, Any]:
        """As COCO's compressed run lengths, the ``counts`` a string."""
        values = self.counts.copy()
        values[3:] -= self.counts[1:-2]  # from the third on, the difference to the last but one
        # As many groups as hold the value and its sign.
        magnitude = np.where(values < 0, ~values, values)[:, None]
        groups = 1 + (magnitude >> (_GROUPS[:-1] + 4) > 0).sum(axis=1)
        characters = (values[:, None] >> _GROUPS) & 31
        characters[5 * (groups - 1)[:, None] > _GROUPS] |= 32  # more groups follow
        text = (characters[5 * groups[:, None] > _GROUPS] + 48).astype(np.uint8).tobytes()
        return {"size": [self.height, self.width], "counts": text.decode("ascii")}


def run_extents(
    starts: NDArray[np.int64], ends: NDArray[np.int64], height: int
) -> tuple[NDArray[np.int64], ...]:
    """x0, y0, x1, y1 around each run, the ends excluded; none may be empty."""
    left, top = np.divmod(starts, height)
    right, bottom = np.divmod(ends - 1, height)
    within = left == right  # else it fills a column's end and the next one's beginning
    return left, np.where(within, top, 0), right + 1, np.where(within, bottom + 1, height)


def shared_pixels(
    masks: Sequence[RunLengths], others: Sequence[RunLengths], pairs: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The pixels that each mask (a row) shares with each other (a column), for the pairs chosen.

    All are of one size. The others are laid end to end, so that what a run shares with one of them
    is the difference of how much foreground there is up to its end and up to its start.
    """
    shared = np.zeros(pairs.shape, np.int64)
    rows = np.flatnonzero(pairs.any(axis=1))
    if not len(rows):
        return shared
    pixels = masks[0].height * masks[0].width
    own, counts = _even_runs([masks[row] for row in rows.tolist()])
    runs, other_counts = _even_runs(others)
    first, end = _extents(own, counts, pixels)
    other_first, other_end = _extents(runs, other_counts, pixels)
    near = (first[:, None] < other_end) & (other_first < end[:, None])
    place, column = np.nonzero(pairs[rows] & near)
    if not len(place):
        return shared
    foreground = np.repeat(runs[1::2].cumsum(), 2)  # up to each edge
    foreground[::2] -= runs[1::2]
    edges, of_pair, behind = own.cumsum(), counts[place], counts.cumsum()[place]
    spans = zip((behind - of_pair).tolist(), behind.tolist(), strict=True)
    moved = np.concatenate([edges[start:stop] for start, stop in spans])
    moved += np.repeat(pixels * (column - place), of_pair)
    covered = np.interp(moved, runs.cumsum(), foreground)
    shared[rows[place], column] = _sums(covered[1::2] - covered[::2], of_pair // 2)
    return shared


def mask_areas(masks: Sequence[RunLengths]) -> NDArray[np.int64]:
    """The pixels of each mask, at once."""
    runs, counts = _even_runs(masks)
    return _sums(runs[1::2], counts // 2)


def _even_runs(masks: Sequence[RunLengths]) -> tuple[Counts, Counts]:
    """The runs of all masks, one after the other, and how many each has: background and foreground
    in turn, so that one that ends in background gets a run of nothing."""
    if not masks:
        return _NO_RUN[:0], _NO_RUN[:0]
    parts, counts = [], []
    for runs in [mask.counts for mask in masks]:
        parts.append(runs)
        if len(runs) % 2:
            parts.append(_NO_RUN)
        counts.append(len(runs) + len(runs) % 2)
    return np.concatenate(parts), np.array(counts)


def _extents(runs: Counts, counts: Counts, pixels: int) -> tuple[Counts, Counts]:
    """Where each mask's foreground begins, column by column, and where it has ended."""
    end = counts.cumsum()
    behind = np.where(runs[end - 1] == 0, runs[end - 2], 0)
    return runs[end - counts], pixels - behind


def _sums(values: NDArray[_Number], lengths: Counts) -> NDArray[_Number]:
    """The sums of successive groups of so many values; no group is empty."""
    if not len(lengths):
        return values[:0]
    sums: NDArray[_Number] = np.add.reduceat(values, lengths.cumsum() - lengths)
    return sums


def encode(mask: NDArray[Any]) -> RunLengths:
    """The runs of a mask; all values other than zero are foreground."""
    if mask.ndim != 2:
        raise ValueError(f"a mask has two dimensions, not {mask.ndim}")
    height, width = mask.shape
    foreground = mask if mask.dtype == np.bool_ else mask != 0
    columns = np.flatnonzero(foreground.any(axis=0))
    if not len(columns):
        return RunLengths(height, width, np.array([height * width]))
    x0, x1 = columns[0], columns[-1] + 1
    rows = np.flatnonzero(foreground[:, x0:x1].any(axis=1))
    y0, y1 = rows[0], rows[-1] + 1
    # Only what is inside the box is transposed, with a border above and below each column.
    inside = np.zeros((x1 - x0, y1 - y0 + 2), np.bool_)
    inside[:, 1:-1] = foreground[y0:y1, x0:x1].T
    column, row = np.divmod(np.flatnonzero(inside[:, 1:] != inside[:, :-1]), inside.shape[1] - 1)
    edges = (x0 + column) * height + y0 + row
    # A run that continues at the top of the next column has been cut there.
    cut = np.flatnonzero(edges[1:] == edges[:-1])
    edges = np.delete(edges, np.concatenate([cut, cut + 1]))
    return from_edges(edges, height, width)


def from_edges(edges: NDArray[np.int64], height: int, width: int) -> RunLengths:
    """The mask whose runs of foreground start and end at the edges."""
    counts = np.diff(edges, prepend=0, append=height * width)
    return RunLengths(height, width, counts if counts[-1] else counts[:-1])


def from_coco(coded: dict[str, Any]) -> RunLengths:
    """Read COCO's compressed run lengths."""
    try:
        size, counts = coded["size"], coded["counts"]
        height, width = (operator.index(side) for side in size)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError("run lengths need a size, [height, width], and counts") from error
    if not isinstance(counts, str | bytes):
        raise DataError(
            "run lengths whose counts are not a string; expected COCO's compressed format"
        )
    text = counts.encode("utf-8") if isinstance(counts, str) else counts
    values = _numbers(text)
    values[1::2] = values[1::2].cumsum()
    values[2::2] = values[2::2].cumsum()
    return RunLengths(height, width, values)


def _numbers(text: bytes) -> NDArray[np.int64]:
    """The signed numbers in COCO's text: five bits a character, the lowest first."""
    characters = np.frombuffer(text, np.uint8)
    if not len(characters):
        return np.empty(0, np.int64)
    if characters.min() < 48 or characters.max() > 111 or text[-1] - 48 & 32:
        raise DataError("run lengths that are damaged: not COCO's characters, or cut off")
    bits = characters.astype(np.int64) - 48
    ends = np.flatnonzero(bits < 32) + 1  # else more of the number follows
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1]
    groups = ends - starts
    if groups.max() > _MAX_GROUPS:
        raise DataError("run lengths that are damaged: a number too large")
    place = np.arange(len(bits)) - starts.repeat(groups)
    values = np.add.reduceat((bits & 31) << (5 * place), starts)
    # A number whose last group starts with a one is negative.
    signed: NDArray[np.int64] = values - ((bits[ends - 1] >> 4 & 1) << (5 * groups))
    return signed
