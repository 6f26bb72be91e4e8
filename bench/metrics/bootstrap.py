"""How sure a Bjøntegaard figure is: the paired bootstrap over images, and per-image figures.

A data set's figure has two averages, and they differ: the figure of the *mean curve* (each
operating point's mean rate and mean quality over the images, then one delta; `mean_curve_delta`)
and the *mean of the images' own figures* (`per_image_delta`), which exists only for metrics that
every image has of its own.

The 95 % interval is the percentile bootstrap: images are drawn with replacement, the same draw
for both codecs and for every metric, and the figure is computed again for each resample. A
resample's curve may bend down where the set's own does not, so resamples always go through the
Pareto front; how many it changed and how many stayed undefined is noted, and above 5 % undefined
no interval is given. In 400 simulated sweeps it held the truth in 94 % with 100 images, in 93 %
with 40 and in 87 % with 10, so under 20 images a note says that it is too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from bench.metrics.between import QualityRange
from bench.metrics.bjontegaard import MINIMUM_OVERLAP, Delta, FloatArray, Kind, Method, bd, deltas
from bench.metrics.resampling import (
    FEW_IMAGES,
    MAXIMUM_UNDEFINED,
    CurveSample,
    Interval,
    Sample,
    interval_of,
    resample_weights,
)


def delta_interval(
    anchor: Sample,
    test: Sample,
    kind: Kind,
    *,
    method: Method = "akima",
    between: QualityRange | None = None,
) -> Interval:
    """The interval of the mean curve's figure; both samples hold the same images in one order."""
    weights = resample_weights(_paired(anchor, test))
    limits = between.resampled(weights) if between else None
    curves = anchor.resampled(weights), test.resampled(weights)
    figures = deltas(*curves, kind, method, pareto=True, between=limits)
    return interval_of(figures.value, float(figures.changed.mean()))


def mean_curve_delta(
    anchor: Sample,
    test: Sample,
    kind: Kind,
    *,
    method: Method = "akima",
    pareto: bool = False,
    between: QualityRange | None = None,
) -> Delta:
    """The figure of the set's mean curve, with its interval where it has one."""
    images = _paired(anchor, test)
    missing = anchor.missing() or test.missing() or (between.missing() if between else None)
    if missing:
        return Delta(kind, method, np.nan, missing)
    curves, limits = (anchor.mean_curve, test.mean_curve), between.of_set() if between else None
    delta = bd(*curves, kind, method=method, pareto=pareto, between=limits)
    if delta.reason:
        return delta
    notes = (*delta.notes, *_few(images))
    if images < 2:
        return replace(delta, notes=notes)
    interval = delta_interval(anchor, test, kind, method=method, between=between)
    return replace(delta, interval=interval.bounds, notes=(*notes, *interval.notes))


@dataclass(frozen=True, eq=False)
class PerImageDelta(Delta):
    """The mean of the images' own figures, and of their overlaps, where they are defined."""

    figures: FloatArray = field(kw_only=True)  # one per image, NaN where undefined

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
) -> PerImageDelta:
    """Each image's own figure, and their mean; no interval where over 5 % of them have none."""
    images = _paired(anchor, test)
    if missing := anchor.missing() or test.missing():
        nothing = np.full(images, np.nan)
        return PerImageDelta(kind, method, np.nan, missing, figures=nothing)
    batch = deltas(anchor.curves, test.curves, kind, method, pareto)
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
        return PerImageDelta(kind, method, np.nan, reason, tuple(notes), figures=batch.value)
    notes.extend(_few(images))
    interval = None
    if (~defined).mean() > MAXIMUM_UNDEFINED:
        notes.append("no interval: more than 5 % of the images are undefined")
    elif images > 1:
        weights = resample_weights(images)
        # Not with BLAS: starting its threads takes longer than this sum.
        sums = np.einsum("ri,i->r", weights, np.where(defined, batch.value, 0))
        those = images if defined.all() else np.einsum("ri,i->r", weights, defined)
        interval = interval_of(sums / those).bounds
    return PerImageDelta(
        kind,
        method,
        float(batch.value[defined].mean()),
        notes=tuple(notes),
        overlap=float(batch.overlap[defined].mean()),
        interval=interval,
        figures=batch.value,
    )


def _paired(anchor: Sample, test: Sample) -> int:
    if len(anchor) != len(test):
        raise ValueError(f"not the same images: {len(anchor)} and {len(test)}")
    return len(anchor)


def _few(images: int) -> list[str]:
    if images == 1:
        return ["no interval: one image"]
    return [f"only {images} images: the interval is too narrow"] if images < FEW_IMAGES else []
