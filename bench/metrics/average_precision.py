"""Cityscapes' average precision, and the weighted one of papers on coding for machines.

AP is the area under the precision-recall curve by the trapezoid rule, from an artificial first
point of precision 1 and recall 0, with equal scores as one point; it is NaN for a class without
instances of 100 pixels. It is what Cityscapes' own script computes, but where that one ends in an
IndexError, because all predictions of a class are excused, it is 0.

wAP is the mean of the classes' APs, each weighted with its number of instances, also small ones; a
class that is NaN is in neither sum. Instances are counted again in each resample of the images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.metrics.instance_matching import match
from bench.metrics.matches import Matches
from bench.metrics.measure import Figure, Measure
from bench.metrics.precision_recall import Area, Floats, Pool, Reached, areas, precision
from bench.metrics.resampling import Interval, interval_of, resample_weights


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """A set's average precisions, all between 0 and 1; NaN where there is nothing to be found."""

    matrix: Floats  # a class a row, an overlap from 0.50 to 0.95 a column
    instances: Floats  # by class

    @property
    def by_class(self) -> Floats:
        return np.asarray(self.matrix.mean(axis=1))

    @property
    def ap(self) -> float:
        return _mean(self.by_class)

    @property
    def ap50(self) -> float:
        return _mean(self.matrix[:, 0])

    @property
    def wap(self) -> float:
        return float(weighted_mean(self.matrix[None], self.instances[None])[0])


def average_precision(matches: Sequence[Matches]) -> AveragePrecision:
    """Of all images of a set, those without predictions included."""
    return whole_set(matches, _trapezoid, merge_ties=True)


def resampled_wap(matches: Sequence[Matches], weights: Floats) -> Floats:
    """The wAP of each resample, a row of ``bench.metrics.resampling.resample_weights`` each."""
    return weighted_mean(*by_resample(matches, weights, _trapezoid, merge_ties=True))


def whole_set(matches: Sequence[Matches], area: Area, *, merge_ties: bool) -> AveragePrecision:
    weights = np.ones((1, len(matches)))
    matrix, instances = by_resample(matches, weights, area, merge_ties=merge_ties)
    return AveragePrecision(matrix[0], instances[0])


def by_resample(
    matches: Sequence[Matches], weights: Floats, area: Area, *, merge_ties: bool
) -> tuple[Floats, Floats]:
    """Each resample's average precisions (resample, class, overlap), and its instances by class."""
    pool = Pool(
        np.repeat(np.arange(len(matches)), [len(one.classes) for one in matches]),
        np.concatenate([one.classes for one in matches]),
        np.concatenate([one.scores for one in matches]),
        np.concatenate([one.states for one in matches]),
        np.array([one.valid for one in matches], np.float64),
    )
    instances = weights @ np.array([one.instances for one in matches], np.float64)
    return areas(pool, weights, area, merge_ties=merge_ties), instances


def wap_interval(matches: Sequence[Matches]) -> Interval:
    """The 95 % interval of a set's wAP, by resampling its images."""
    return interval_of(resampled_wap(matches, resample_weights(len(matches))))


def _trapezoid(reached: Reached, instances: Floats) -> Floats:
    height = precision(reached.hits_before, reached.seen_before, at_nothing=1)
    height += precision(reached.hits, reached.seen, at_nothing=1)
    return np.asarray(np.einsum("es,es->s", reached.weight, height) / (2 * instances))


def weighted_mean(matrices: Floats, instances: Floats) -> Floats:
    """The wAP of each matrix of average precisions, given the instances of each class."""
    by_class = matrices.mean(axis=2)
    counted = np.where(np.isnan(by_class), 0, instances)
    total = counted.sum(axis=1)
    result = np.full(len(total), np.nan)
    np.divide((np.nan_to_num(by_class) * counted).sum(axis=1), total, out=result, where=total > 0)
    return result


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


FIGURES = (Figure("wap", "wAP"), Figure("ap", "AP"), Figure("ap50", "AP50"))


def score(
    matches: Sequence[Matches],
    weights: Floats,
    names: Sequence[str],
    area: Area = _trapezoid,
    *,
    merge_ties: bool = True,
) -> Mapping[str, Floats]:
    """The named figures of each resample."""
    matrices, instances = by_resample(matches, weights, area, merge_ties=merge_ties)
    figures: Mapping[str, Callable[[], Floats]] = {
        "wap": lambda: weighted_mean(matrices, instances),
        "ap": lambda: np.array([_mean(matrix.mean(axis=1)) for matrix in matrices]),
        "ap50": lambda: np.array([_mean(matrix[:, 0]) for matrix in matrices]),
    }
    return {name: figures[name]() for name in names}


MEASURE = Measure(
    "cityscapes-ap",
    "average precision of masks by Cityscapes' rules",
    FIGURES,
    finds=("masks",),
    labels="instances",
    version="1",
    match=match,
    read=Matches.from_bytes,
    score=score,
)
