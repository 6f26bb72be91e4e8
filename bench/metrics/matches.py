"""How one image's predictions match its instances: all that an average precision needs."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError

OVERLAPS = 10
IGNORED, TRUE_POSITIVE, FALSE_POSITIVE = 0, 1, 2

# The version, the bytes of a score, the number of predictions.
_HEADER = struct.Struct("<BBI")
# Then the number of classes; version 1 has eight, and does not say so.
_VERSION, _CLASSES = 2, struct.Struct("<H")
_CLASSES_OF_1 = 8
_MAX_CLASSES = 256  # a byte each
_PLACE = 2 * np.arange(OVERLAPS, dtype=np.uint32)  # two bits for each overlap


@dataclass(frozen=True, eq=False)
class Matches:
    """One image's predictions, and how many instances it has of each class."""

    classes: NDArray[np.uint8]
    scores: NDArray[np.float64]
    states: NDArray[np.uint8]  # a prediction a row, an overlap a column
    valid: NDArray[np.int64]  # the instances to be found, by class
    instances: NDArray[np.int64]  # all instances, by class
    packed: bytes | None = field(default=None, repr=False)  # as bytes, where it was read from them

    def __post_init__(self) -> None:
        if len(self.valid) > _MAX_CLASSES:
            raise DataError(f"{len(self.valid)} classes, at most {_MAX_CLASSES} can be measured")

    def to_bytes(self) -> bytes:
        """For the store: about 8 bytes a prediction, as networks have scores of 32 bits."""
        if self.packed is not None:
            return self.packed
        short = self.scores.astype(np.float32)
        scores = short if (short == self.scores).all() else self.scores
        size = scores.dtype.itemsize
        states = np.bitwise_or.reduce(self.states.astype(np.uint32) << _PLACE, axis=1)
        version = 1 if len(self.valid) == _CLASSES_OF_1 else _VERSION
        header = _HEADER.pack(version, size, len(self.classes))
        if version > 1:
            header += _CLASSES.pack(len(self.valid))
        counts = np.concatenate([self.valid, self.instances]).astype("<u4")
        columns = (counts, self.classes, scores.astype(f"<f{size}"), states.astype("<u4"))
        return header + b"".join(column.tobytes() for column in columns)

    def counts(self, least_score: float) -> tuple[int, int, int]:
        """True positives, false positives and false negatives at an overlap of one half."""
        states = self.states[self.scores >= least_score, 0]
        right, wrong = (int((states == state).sum()) for state in (TRUE_POSITIVE, FALSE_POSITIVE))
        return right, wrong, int(self.valid.sum()) - right

    @classmethod
    def from_bytes(cls, data: bytes) -> Matches:
        try:
            version, size, count = _HEADER.unpack_from(data)
            if version not in (1, _VERSION):
                raise DataError(
                    f"unknown version {version} of matches, expected 1 or {_VERSION}; "
                    "score the images again"
                )
            at, classes = _HEADER.size, _CLASSES_OF_1
            if version > 1:
                (classes,) = _CLASSES.unpack_from(data, at)
                at += _CLASSES.size
            counts = np.frombuffer(data, "<u4", 2 * classes, at).astype(np.int64)
        except (struct.error, ValueError) as error:
            raise DataError("matches that are damaged: cut off") from error
        at += 4 * len(counts)
        if size not in (4, 8) or len(data) != at + count * (1 + size + 4):
            raise DataError("matches that are damaged: not as long as they should be")
        packed = np.frombuffer(data, "<u4", count, at + count * (1 + size))
        return cls(
            np.frombuffer(data, np.uint8, count, at),
            np.frombuffer(data, f"<f{size}", count, at + count).astype(np.float64),
            (packed[:, None] >> _PLACE & 3).astype(np.uint8),
            counts[:classes],
            counts[classes:],
            data,
        )
