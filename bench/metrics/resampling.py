"""Resamples of a set of images, the intervals that they give, and what can be resampled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, wraps
from typing import TypeVar

import numpy as np

from bench.metrics.bjontegaard import Curve, Curves, FloatArray

RESAMPLES = 1000
MAXIMUM_UNDEFINED = 0.05
FEW_IMAGES = 20
Owner = TypeVar("Owner")
Result = TypeVar("Result")


@lru_cache(maxsize=8)
def resample_weights(images: int, resamples: int = RESAMPLES, seed: int = 0) -> FloatArray:
    """How often each resample (a row) holds each image (a column); every row sums to `images`.

    The draw is made from PCG64's raw bits, the one part of numpy's random numbers that is
    promised never to change, so that an interval can be computed again with any version. Equal
    calls give the same array, so that results can be cached by its identity.
    """
    raw = np.random.PCG64(seed).random_raw(resamples * images) >> np.uint64(32)
    image = ((raw * np.uint64(images)) >> np.uint64(32)).astype(np.intp)
    image += np.repeat(np.arange(resamples) * images, images)
    counts = np.bincount(image, minlength=resamples * images).reshape(resamples, images)
    weights: FloatArray = counts.astype(np.float64)
    weights.setflags(write=False)  # it is shared by all callers
    return weights


def keep_last(
    resample: Callable[[Owner, FloatArray], Result],
) -> Callable[[Owner, FloatArray], Result]:
    """A method that keeps its result for the last weights, which every comparison needs."""

    @wraps(resample)
    def kept(self: Owner, weights: FloatArray) -> Result:
        last: tuple[FloatArray, Result] | None = vars(self).get("_last")
        if last is None or last[0] is not weights:
            last = vars(self)["_last"] = weights, resample(self, weights)
        return last[1]

    return kept


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, and how the resamples that it rests on behaved."""

    low: float
    high: float
    changed: float  # share of the resamples in which the Pareto front dropped a point
    undefined: float  # share of the resamples without a figure

    @property
    def bounds(self) -> tuple[float, float] | None:
        return None if self.undefined > MAXIMUM_UNDEFINED else (self.low, self.high)

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        if self.changed:
            notes.append(f"the Pareto front changed {_percent(self.changed)} of the resamples")
        if self.undefined:
            share = f"{_percent(self.undefined)} of the resamples are undefined"
            notes.append(share if self.bounds else f"no interval: {share}, more than 5 %")
        return tuple(notes)


def _percent(share: float) -> str:
    """Two digits are enough of what a thousand resamples say."""
    return f"{100 * share:.{3 if share > 0.99 else 2}g} %"


def interval_of(values: FloatArray, changed: float = 0.0) -> Interval:
    """The interval of resampled values; undefined ones are counted, not guessed."""
    undefined = np.isnan(values)
    low, high = np.nan, np.nan
    if not undefined.all():
        low, high = np.percentile(values[~undefined], [2.5, 97.5])
    return Interval(float(low), float(high), changed, float(undefined.mean()))


def mean_where_defined(values: FloatArray) -> FloatArray:
    """The mean of each row without its NaN; NaN where all are."""
    defined = ~np.isnan(values)
    sums, counts = np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


class Sample(ABC):
    """One codec's measurements of a set of images, from which its curve can be resampled."""

    rate: FloatArray  # an image a row, an operating point a column
    name: str

    def __len__(self) -> int:
        return len(self.rate)

    @cached_property
    def mean_curve(self) -> Curve:
        return Curve(self.rate.mean(axis=0), self._set_quality(), self.name)

    @keep_last
    def resampled(self, weights: FloatArray) -> Curves:
        """The curve of each resample, a row of `resample_weights` each."""
        return Curves(weights @ self.rate / len(self), self._resampled_quality(weights))

    @abstractmethod
    def missing(self) -> str | None:
        """Why there is no curve, if something is missing."""

    @abstractmethod
    def _set_quality(self) -> FloatArray:
        """The quality of the whole set at each point."""

    @abstractmethod
    def _resampled_quality(self, weights: FloatArray) -> FloatArray:
        """The quality of each resample (a row) at each point."""


@dataclass(eq=False)
class CurveSample(Sample):
    """A sample of a metric that each image has a value of."""

    rate: FloatArray
    quality: FloatArray
    name: str = ""

    @cached_property
    def curves(self) -> Curves:
        """The images' own curves."""
        return Curves(self.rate, self.quality)

    def missing(self) -> str | None:
        complete = np.isfinite(self.rate + self.quality).all(axis=1)
        if complete.all() and len(self):
            return None
        return (
            f"{self.name or 'a codec'} has no value for {(~complete).sum()} of {len(self)} images"
        )

    def _set_quality(self) -> FloatArray:
        return np.asarray(self.quality.mean(axis=0))

    def _resampled_quality(self, weights: FloatArray) -> FloatArray:
        return np.asarray(weights @ self.quality / len(self))
