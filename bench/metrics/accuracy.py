"""Top-1 and top-5 accuracy: in how many images the true class is among the likeliest."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import DataError
from bench.instances.predictions import ClassScores, ImageClass
from bench.metrics.bjontegaard import FloatArray
from bench.metrics.measure import Figure, Measure

_RECORD = struct.Struct("<BI")  # version, place
_VERSION = 1
_TOP = {"top1": 1, "top5": 5}


@dataclass(frozen=True)
class Place:
    """Where one image's true class stands among all classes by their scores, the first is 0."""

    place: int

    def to_bytes(self) -> bytes:
        """For the store."""
        return _RECORD.pack(_VERSION, self.place)

    @classmethod
    def from_bytes(cls, data: bytes) -> Place:
        """The inverse of ``to_bytes``."""
        if len(data) != _RECORD.size:
            raise DataError("a place that is damaged: not as long as it should be")
        version, place = _RECORD.unpack(data)
        if version != _VERSION:
            raise DataError(
                f"unknown version {version} of a place, expected {_VERSION}; score the images again"
            )
        return cls(place)


def match(truth: ImageClass, found: ClassScores) -> Place:
    """The place of the true class; of equal scores, the first class is likeliest."""
    score = found.scores[truth.index]
    better, equal = found.scores > score, found.scores == score
    return Place(int(better.sum() + equal[: truth.index].sum()))


def _score(
    records: Sequence[Place], weights: FloatArray, names: Sequence[str]
) -> Mapping[str, FloatArray]:
    places = np.array([one.place for one in records])
    return {name: weights @ (places < _TOP[name]) / weights.sum(axis=1) for name in names}


MEASURE = Measure(
    "accuracy",
    "top-1 and top-5 accuracy",
    (Figure("top1", "top-1 accuracy"), Figure("top5", "top-5 accuracy")),
    ("class",),
    "class",
    "accuracy 1",
    match,
    Place.from_bytes,
    _score,
)
