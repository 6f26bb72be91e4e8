"""How one image's predictions match its instances: all that an average precision needs."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.instances.labels import CLASSES

OVERLAPS = 10
IGNORED, TRUE_POSITIVE, FALSE_POSITIVE = 0, 1, 2

_VERSION = 1
# The version, the bytes of a score, the number of predictions, and the counts of instances.
_HEADER = struct.Struct(f"<BBI{2 * len(CLASSES)}I")
_PLACE = 2 * np.arange(OVERLAPS, dtype=np.uint32)  # two bits for each overlap


@dataclass(frozen=True, eq=False)
class Matches:
    """One image's predictions of the evaluated classes, and how many instances it has of each."""

    classes: NDArray[np.uint8]
    scores: NDArray[np.float64]
    states: NDArray[np.uint8]  # a prediction a row, an overlap a column
    valid: NDArray[np.int64]  # the instances to be found, by class
    instances: NDArray[np.int64]  # all instances, by class
    packed: bytes | None = field(default=None, repr=False)  # as bytes, where it was read from them

    def to_bytes(self) -> bytes:
        """For the store: about 8 bytes a prediction, as networks have scores of 32 bits."""
        if self.packed is not None:
            return self.packed
        short = self.scores.astype(np.float32)
        scores = short if (short == self.scores).all() else self.scores
        size = scores.dtype.itemsize
        states = np.bitwise_or.reduce(self.states.astype(np.uint32) << _PLACE, axis=1)
        header = _HEADER.pack(_VERSION, size, len(self.classes), *self.valid, *self.instances)
        columns = (self.classes, scores.astype(f"<f{size}"), states.astype("<u4"))
        return header + b"".join(column.tobytes() for column in columns)

    def counts(self, least_score: float) -> tuple[int, int, int]:
        """True positives, false positives and false negatives at an overlap of one half."""
        states = self.states[self.scores >= least_score, 0]
        right, wrong = (int((states == state).sum()) for state in (TRUE_POSITIVE, FALSE_POSITIVE))
        return right, wrong, int(self.valid.sum()) - right

    @classmethod
    def from_bytes(cls, data: bytes) -> Matches:
        if len(data) < _HEADER.size:
            raise DataError("matches that are damaged: cut off")
        version, size, count, *counts = _HEADER.unpack_from(data)
        if version != _VERSION:
            raise DataError(
                f"unknown version {version} of matches, expected {_VERSION}; score the images again"
            )
        at = _HEADER.size
        if size not in (4, 8) or len(data) != at + count * (1 + size + 4):
            raise DataError("matches that are damaged: not as long as they should be")
        packed = np.frombuffer(data, "<u4", count, at + count * (1 + size))
        return cls(
            np.frombuffer(data, np.uint8, count, at),
            np.frombuffer(data, f"<f{size}", count, at + count).astype(np.float64),
            (packed[:, None] >> _PLACE & 3).astype(np.uint8),
            np.array(counts[: len(CLASSES)]),
            np.array(counts[len(CLASSES) :]),
            data,
        )
