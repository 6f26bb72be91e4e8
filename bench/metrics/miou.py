"""mIoU of semantic maps, as Cityscapes evaluates them.

A class's intersection over union is of the pixels of all images that count: those that are
labelled. It is NaN for a class that is neither labelled nor found; mIoU is the mean of the others.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.instances.predictions import SemanticMap
from bench.metrics.bjontegaard import FloatArray
from bench.metrics.measure import Figure, Measure
from bench.metrics.resampling import mean_where_defined

_VERSION = 1
_HEADER = struct.Struct("<BH")  # version, classes


@dataclass(frozen=True, eq=False)
class ClassPixels:
    """How many of one image's pixels are labelled as each class, found as it, and both (a row)."""

    labelled: NDArray[np.int64]
    found: NDArray[np.int64]
    both: NDArray[np.int64]

    def to_bytes(self) -> bytes:
        """For the store."""
        columns = np.stack([self.labelled, self.found, self.both]).astype("<u4")
        return _HEADER.pack(_VERSION, len(self.both)) + columns.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> ClassPixels:
        """The inverse of ``to_bytes``."""
        if len(data) < _HEADER.size:
            raise DataError("counts of pixels that are damaged: cut off")
        version, classes = _HEADER.unpack_from(data)
        if version != _VERSION:
            raise DataError(
                f"unknown version {version} of counts of pixels, expected {_VERSION}; "
                "score the images again"
            )
        if len(data) != _HEADER.size + 3 * 4 * classes:
            raise DataError("counts of pixels that are damaged: not as long as they should be")
        columns = np.frombuffer(data, "<u4", offset=_HEADER.size).astype(np.int64)
        return cls(*columns.reshape(3, classes))


def match(truth: SemanticMap, found: SemanticMap) -> ClassPixels:
    """Count the pixels of one image by class; where it is not labelled, nothing counts."""
    if truth.size != found.size:
        (height, width), (true_height, true_width) = found.size, truth.size
        raise DataError(
            f"the semantic map found is of {width}x{height} pixels, "
            f"the labels of {true_width}x{true_height}"
        )
    pair = truth.classes.ravel().astype(np.uint16) * 256 + found.classes.ravel()
    classes = len(truth.names)
    confusion = np.bincount(pair, minlength=256 * 256).reshape(256, 256)[:classes]
    both = confusion[:, :classes]
    return ClassPixels(confusion.sum(axis=1), both.sum(axis=0), both.diagonal().copy())


def iou_by_class(records: Sequence[ClassPixels], weights: FloatArray) -> FloatArray:
    """Each resample's intersections over unions (a row): NaN for a class that is nowhere."""
    both = np.array([one.both for one in records], np.float64)
    union = np.array([one.labelled + one.found - one.both for one in records], np.float64)
    both, union = weights @ both, weights @ union
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)


def _score(
    records: Sequence[ClassPixels], weights: FloatArray, names: Sequence[str]
) -> Mapping[str, FloatArray]:
    return {"miou": mean_where_defined(iou_by_class(records, weights))}


MEASURE = Measure(
    "miou",
    "mIoU of semantic maps, as Cityscapes evaluates them",
    (Figure("miou", "mIoU"),),
    ("semantic",),
    "semantic",
    "miou 1",
    match,
    ClassPixels.from_bytes,
    _score,
)
