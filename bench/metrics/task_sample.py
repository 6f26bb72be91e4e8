"""One codec's pictures as a task network saw them: a curve of a figure that only a set has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.metrics.bjontegaard import FloatArray
from bench.metrics.measure import Measure, Record
from bench.metrics.resampling import Sample, interval_of, keep_last, resample_weights
from bench.runtime.cache import remembered_figures

# Changes whenever the same records would have another figure.
_VERSION = "2"


class SetScore:
    """What a network scores on a set of pictures, by its measure.

    Resamples are costly and every figure needs them: the last ones are kept in memory, and all in
    the user's cache for later reports.
    """

    def __init__(self, records: Sequence[Record], measure: Measure) -> None:
        self.records, self.measure = records, measure

    @cached_property
    def figures(self) -> Mapping[str, float]:
        """All figures of the set, by name."""
        names = [figure.name for figure in self.measure.figures]
        found = self.measure.score(self.records, np.ones((1, len(self.records))), names)
        return {name: float(found[name][0]) for name in names}

    @property
    def value(self) -> float:
        """The figure that codecs are compared by."""
        return self.figures[self.measure.figure.name]

    @keep_last
    def resampled(self, weights: FloatArray) -> FloatArray:
        """The same figure of each resample of the images."""
        name = self.measure.figure.name
        return remembered_figures(
            self._key(weights), lambda: self.measure.score(self.records, weights, [name])[name]
        )

    def _key(self, weights: FloatArray) -> str:
        measure = self.measure
        what = f"{measure.name} {measure.version} {measure.figure.name} {_VERSION} {weights.shape} "
        known = hashlib.sha256(what.encode())
        known.update(weights.tobytes())
        for record in self.records:
            known.update(record.to_bytes())
        return known.hexdigest()

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Of that figure, 95 %; one image has none."""
        if len(self.records) < 2:
            return None
        return interval_of(self.resampled(resample_weights(len(self.records)))).bounds


@dataclass(eq=False)
class TaskSample(Sample):
    """A sample whose quality is a task network's score, which only a whole set has."""

    rate: FloatArray
    scores: Sequence[SetScore | None]  # by point; None where images are missing
    missing_images: NDArray[np.int64]  # how many, by point
    name: str = ""

    def missing(self) -> str | None:
        """Why this sample has no figure, if images were not looked at."""
        if not self.missing_images.any() and len(self):
            return None
        count = self.missing_images.max(initial=0)
        return f"{self.name or 'a codec'} has no score for {count} of {len(self)} images"

    def _set_quality(self) -> FloatArray:
        return np.array([score.value for score in self.scores if score])

    def _resampled_quality(self, weights: FloatArray) -> FloatArray:
        return np.stack([score.resampled(weights) for score in self.scores if score], axis=1)
