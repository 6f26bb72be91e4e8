"""How sure a Bjøntegaard figure is: the paired bootstrap over images, and per-image figures.

A data set's figure has two averages, and they differ: the figure of the *mean curve* (each
operating point's mean rate and mean quality over the images, then one delta; `mean_curve_delta`)
and the *mean of the images' own figures* (`per_image_delta`), which exists only for metrics that
every image has of its own.

The 95 % interval is the percentile bootstrap: images are drawn with replacement, the same draw
for both codecs and for every metric, and the figure is computed anew for each resample. A
resample's curve may bend down where the set's own does not, so resamples always go through the
Pareto front; how many it changed and how many stayed undefined is noted, and above 5 % undefined
no interval is given. In 400 simulated sweeps it held the truth in 94 % with 100 images, in 93 %
with 40 and in 87 % with 10, so under 20 images a note says that it is too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bench.metrics.bjontegaard import (
    MINIMUM_OVERLAP,
    Curve,
    Curves,
    Delta,
    FloatArray,
    Kind,
    Method,
    bd,
    deltas,
)

if TYPE_CHECKING:
    from bench.metrics.between import QualityRange

RESAMPLES = 1000
MAXIMUM_UNDEFINED = 0.05
FEW_IMAGES = 20


class Resampled(Protocol):
    """One codec's curve over a set of images, of which there are resamples."""

    @property
    def name(self) -> str: ...

    def __len__(self) -> int: ...

    def mean_curve(self) -> Curve: ...

    def resampled(self, weights: FloatArray) -> Curves:
        """The curve of each resample, a row of `resample_weights` each."""

    def missing(self) -> str | None:
        """Why there is no curve, if something is missing."""


class LastResampled:
    """The curves of the last weights, which every comparison of a codec needs."""

    def __init__(self) -> None:
        self._last: tuple[FloatArray, Curves] | None = None

    def of(self, weights: FloatArray, resample: Callable[[FloatArray], Curves]) -> Curves:
        if self._last is None or self._last[0] is not weights:
            self._last = weights, resample(weights)
        return self._last[1]


@dataclass(frozen=True, eq=False)
class CurveSample(Curves):
    """One codec's measurements: an image a row, an operating point a column."""

    name: str = ""

    def __len__(self) -> int:
        return len(self.rate)

    def mean_curve(self) -> Curve:
        return self._mean_curve

    @cached_property
    def _mean_curve(self) -> Curve:
        return Curve(self.rate.mean(axis=0), self.quality.mean(axis=0), self.name)

    def resampled(self, weights: FloatArray) -> Curves:
        return self._resampled.of(weights, self._resample)

    def _resample(self, weights: FloatArray) -> Curves:
        return Curves(weights @ self.rate / len(self), weights @ self.quality / len(self))

    @cached_property
    def _resampled(self) -> LastResampled:
        return LastResampled()

    def missing(self) -> str | None:
        complete = np.isfinite(self.rate + self.quality).all(axis=1)
        if complete.all() and len(self):
            return None
        return (
            f"{self.name or 'a codec'} has no value for {(~complete).sum()} of {len(self)} images"
        )


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


def resample_weights(images: int, resamples: int = RESAMPLES, seed: int = 0) -> FloatArray:
    """How often each resample (a row) holds each image (a column); every row sums to `images`.

    The draw is made from PCG64's raw bits, the one part of numpy's random numbers that is
    promised never to change, so that an interval can be had again with any version. All who ask
    for the same get the same array, by which they know what they have already worked out.
    """
    return _draw(images, resamples, seed)


@lru_cache(maxsize=8)
def _draw(images: int, resamples: int, seed: int) -> FloatArray:
    raw = np.random.PCG64(seed).random_raw(resamples * images) >> np.uint64(32)
    image = ((raw * np.uint64(images)) >> np.uint64(32)).astype(np.intp)
    image += np.repeat(np.arange(resamples) * images, images)
    counts = np.bincount(image, minlength=resamples * images).reshape(resamples, images)
    weights: FloatArray = counts.astype(np.float64)
    weights.setflags(write=False)  # it is shared by all who ask
    return weights


def percentile_interval(values: FloatArray) -> tuple[float, float]:
    """The 2.5th and the 97.5th percentile, as `np.percentile` has them, in a tenth of its time."""
    ordered = np.sort(values)
    low, high = 0.025 * (len(ordered) - 1), 0.975 * (len(ordered) - 1)
    return _between(ordered, low), _between(ordered, high)


def _between(ordered: FloatArray, place: float) -> float:
    before = int(place)
    after = min(before + 1, len(ordered) - 1)
    return float(ordered[before] + (place - before) * (ordered[after] - ordered[before]))


def curves_interval(
    anchor: Curves,
    test: Curves,
    kind: Kind,
    *,
    method: Method = "akima",
    between: tuple[FloatArray | float, FloatArray | float] | None = None,
) -> Interval:
    """The interval from resampled curves, a resample a row; for metrics of a whole set too."""
    figures = deltas(anchor, test, kind, method, pareto=True, between=between)
    undefined = np.isnan(figures.value)
    low, high = np.nan, np.nan
    if not undefined.all():
        low, high = percentile_interval(figures.value[~undefined])
    return Interval(low, high, float(figures.changed.mean()), float(undefined.mean()))


def bootstrap_delta(
    anchor: Resampled,
    test: Resampled,
    kind: Kind,
    *,
    method: Method = "akima",
    between: QualityRange | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The interval of the mean curve's figure; both samples hold the same images in one order."""
    weights = resample_weights(_paired(anchor, test), resamples, seed)
    limits = between.resampled(weights) if between else None
    return curves_interval(
        anchor.resampled(weights), test.resampled(weights), kind, method=method, between=limits
    )


def mean_curve_delta(
    anchor: Resampled,
    test: Resampled,
    kind: Kind,
    *,
    method: Method = "akima",
    pareto: bool = False,
    between: QualityRange | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Delta:
    """The figure of the set's mean curve, with its interval where it has one."""
    images = _paired(anchor, test)
    missing = anchor.missing() or test.missing() or (between.missing() if between else None)
    if missing:
        return Delta(kind, method, np.nan, missing, (), (np.nan, np.nan), np.nan)
    one, other = anchor.mean_curve(), test.mean_curve()
    limits = between.of_set() if between else None
    delta = bd(one, other, kind, method=method, pareto=pareto, between=limits)
    if delta.reason:
        return delta
    delta = replace(delta, notes=(*delta.notes, *_few(images)))
    if images < 2:
        return delta
    interval = bootstrap_delta(
        anchor, test, kind, method=method, between=between, resamples=resamples, seed=seed
    )
    return with_interval(delta, interval)


def with_interval(delta: Delta, interval: Interval) -> Delta:
    return replace(delta, interval=interval.bounds, notes=(*delta.notes, *interval.notes))


@dataclass(frozen=True, eq=False)
class PerImageDelta:
    """The mean of the images' own Bjøntegaard figures, with all that qualifies it."""

    kind: Kind
    method: Method
    value: float  # over the images that have a figure
    reason: str | None
    notes: tuple[str, ...]
    overlap: float  # the mean over the images that have a figure
    figures: FloatArray  # one per image, NaN where undefined
    interval: tuple[float, float] | None = None  # 95 %

    @property
    def undefined(self) -> int:
        return int(np.isnan(self.figures).sum())


def per_image_delta(
    anchor: CurveSample,
    test: CurveSample,
    kind: Kind,
    *,
    method: Method = "akima",
    pareto: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PerImageDelta:
    """Each image's own figure, and their mean; no interval where over 5 % of them have none."""
    images = _paired(anchor, test)
    if missing := anchor.missing() or test.missing():
        nothing = np.full(images, np.nan)
        return PerImageDelta(kind, method, np.nan, missing, (), np.nan, nothing)
    batch = deltas(anchor, test, kind, method, pareto)
    defined = ~np.isnan(batch.value)
    notes = []
    if changed := int(batch.changed.sum()):
        notes.append(f"the Pareto front changed the curves of {changed} of {images} images")
    if not defined.all():
        causes = {
            "not monotone": int(np.isnan(batch.overlap).sum()),
            "with too little overlap": int((batch.overlap < MINIMUM_OVERLAP).sum()),
        }
        causes["with too few points"] = int((~defined).sum()) - sum(causes.values())
        words = ", ".join(f"{count} {cause}" for cause, count in causes.items() if count)
        notes.append(f"undefined for {(~defined).sum()} of {images} images: {words}")
    if not defined.any():
        reason = f"no image has a figure: {notes.pop()}"
        return PerImageDelta(kind, method, np.nan, reason, tuple(notes), np.nan, batch.value)
    notes.extend(_few(images))
    interval = None
    if (~defined).mean() > MAXIMUM_UNDEFINED:
        notes.append("no interval: more than 5 % of the images are undefined")
    elif images > 1:
        weights = resample_weights(images, resamples, seed)
        # Not by BLAS, whose threads take longer to meet than to do so little.
        sums = np.einsum("ri,i->r", weights, np.where(defined, batch.value, 0))
        those = images if defined.all() else np.einsum("ri,i->r", weights, defined)
        interval = percentile_interval(sums / those)
    value, overlap = batch.value[defined].mean(), batch.overlap[defined].mean()
    return PerImageDelta(
        kind, method, float(value), None, tuple(notes), float(overlap), batch.value, interval
    )


def _paired(anchor: Resampled, test: Resampled) -> int:
    if len(anchor) != len(test):
        raise ValueError(f"not the same images: {len(anchor)} and {len(test)}")
    return len(anchor)


def _few(images: int) -> list[str]:
    if images == 1:
        return ["no interval: one image"]
    return [f"only {images} images: the interval is too narrow"] if images < FEW_IMAGES else []
