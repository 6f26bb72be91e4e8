"""COCO's average precision of boxes or of masks, over all objects and those of a range of areas.

AP is the mean, at 101 recalls, of the best precision at that recall or beyond it; equal scores stay
in the images' order. It is NaN for a class without objects of the range; mAP is the mean over the
other classes and ten overlaps from 0.50 to 0.95.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.metrics.coco_matching import AREAS, OVERLAPS, Bits, CocoMatches, match
from bench.metrics.matches import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE
from bench.metrics.measure import Figure, Measure
from bench.metrics.precision_recall import (
    FEW_COLUMNS,
    Floats,
    Pool,
    Reached,
    areas,
    precision,
)
from bench.metrics.resampling import mean_where_defined

RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class CocoAP:
    """A set's average precisions, all between 0 and 1; NaN where there is nothing to be found."""

    matrix: Floats  # by range of areas, class, and overlap

    @property
    def by_class(self) -> Floats:
        return np.asarray(self.matrix[0].mean(axis=1))

    @property
    def ap(self) -> float:
        return float(_mean(self.matrix[0]))

    @property
    def ap50(self) -> float:
        return float(_mean(self.matrix[0, :, :1]))

    @property
    def ap75(self) -> float:
        return float(_mean(self.matrix[0, :, 5:6]))

    @property
    def small(self) -> float:
        return float(_mean(self.matrix[1]))

    @property
    def medium(self) -> float:
        return float(_mean(self.matrix[2]))

    @property
    def large(self) -> float:
        return float(_mean(self.matrix[3]))


def coco_ap(matches: Sequence[CocoMatches], classes: int) -> CocoAP:
    """Of all images of a set, those without detections included."""
    return CocoAP(_of_the_set(matches, classes))


def resampled_ap(matches: Sequence[CocoMatches], classes: int, weights: Floats) -> Floats:
    """The mAP of each resample, a row of ``bench.metrics.resampling.resample_weights`` each.

    An image that is drawn twice has each of its detections twice in a row, also of equal scores.
    """
    return _mean(_areas(matches, classes, weights, 0))


def interpolated(reached: Reached, instances: Floats) -> Floats:
    """The area under each resample's curve."""
    envelope = precision(reached.hits, reached.seen, at_nothing=0)
    if envelope.shape[1] < FEW_COLUMNS:
        envelope = np.maximum.accumulate(envelope[::-1])[::-1]
    else:
        for row, below in zip(envelope[-2::-1], envelope[:0:-1], strict=True):
            np.maximum(row, below, out=row)
    passed = np.searchsorted(RECALLS, reached.hits / instances, side="right")
    gained = np.diff(passed, axis=0, prepend=0)
    return np.asarray(np.einsum("es,es->s", gained, envelope) / len(RECALLS))


def states_of(hits: Bits, ignored: Bits, area_range: int = 0) -> NDArray[np.uint8]:
    """The state of each detection (a row) at each overlap, for objects of a range of areas."""
    hit, lost = (_of_ranges(bits, area_range, area_range + 1)[0].T for bits in (hits, ignored))
    states = np.full(hit.shape, FALSE_POSITIVE, np.uint8)
    states[lost], states[hit] = IGNORED, TRUE_POSITIVE
    return states


def _of_ranges(bits: Bits, first: int = 0, end: int = len(AREAS)) -> NDArray[np.bool_]:
    """Which bits are set (range, overlap, detection)."""
    overlaps = len(OVERLAPS)
    place = np.arange(first * overlaps, end * overlaps, dtype=np.uint64)[:, None]
    set_here = (bits >> place & np.uint64(1)).astype(np.bool_)
    return set_here.reshape(end - first, overlaps, len(bits))


def _areas(
    matches: Sequence[CocoMatches], classes: int, weights: Floats, area_range: int
) -> Floats:
    valid = np.zeros((len(matches), classes))
    for row, one in zip(valid, matches, strict=True):
        row[one.present] = one.counts[:, area_range]
    hits = np.concatenate([one.hits for one in matches])
    ignored = np.concatenate([one.ignored for one in matches])
    pool = Pool(
        np.repeat(np.arange(len(matches)), [len(one.classes) for one in matches]),
        np.concatenate([one.classes for one in matches]),
        np.concatenate([one.scores for one in matches]),
        states_of(hits, ignored, area_range),
        valid,
    )
    return areas(pool, weights, interpolated, merge_ties=False)


def _of_the_set(matches: Sequence[CocoMatches], classes: int) -> Floats:
    """Average precisions (range, class, overlap) of the set itself, a class at once."""
    wanted = np.zeros((classes, len(AREAS)), np.int64)
    for one in matches:
        wanted[one.present] += one.counts
    of = np.concatenate([one.classes for one in matches])
    order = np.lexsort((-np.concatenate([one.scores for one in matches]), of))
    edges = np.searchsorted(of[order], np.arange(classes + 1))
    hits = np.concatenate([one.hits for one in matches])[order]
    ignored = np.concatenate([one.ignored for one in matches])[order]
    result = np.full((len(AREAS), classes, len(OVERLAPS)), np.nan)
    for index in np.flatnonzero(wanted.any(axis=1)).tolist():
        own = slice(*edges[index : index + 2])
        hit, lost = _of_ranges(hits[own]), _of_ranges(ignored[own])
        seen = np.arange(1, hit.shape[-1] + 1) - lost.cumsum(axis=-1)
        for where in np.flatnonzero(wanted[index]).tolist():
            count = np.arange(1, wanted[index, where] + 1)
            passed = np.searchsorted(RECALLS, count / wanted[index, where], side="right")
            gained = np.diff(passed, prepend=0)
            for overlap in range(len(OVERLAPS)):
                at = np.flatnonzero(hit[where, overlap])
                share = count[: len(at)] / seen[where, overlap, at]
                envelope = np.maximum.accumulate(share[::-1])[::-1]
                result[where, index, overlap] = envelope @ gained[: len(at)] / len(RECALLS)
    return result


def _mean(values: Floats) -> Floats:
    """Over classes and overlaps."""
    return mean_where_defined(values.reshape(*values.shape[:-2], -1))


# Each figure's range of areas, and its overlaps.
_FIGURES = {
    "map": (0, slice(None)),
    "map50": (0, slice(0, 1)),
    "map75": (0, slice(5, 6)),
    "map_s": (1, slice(None)),
    "map_m": (2, slice(None)),
    "map_l": (3, slice(None)),
}
_TITLES = ("mAP", "mAP50", "mAP75", "mAP small", "mAP medium", "mAP large")


def score(
    matches: Sequence[CocoMatches], weights: Floats, names: Sequence[str]
) -> Mapping[str, Floats]:
    """The named figures of each resample."""
    classes = 1 + max((int(one.present.max(initial=0)) for one in matches), default=0)
    ranges = {_FIGURES[name][0] for name in names}
    if len(weights) == 1 and (weights == 1).all():
        found = dict(enumerate(_of_the_set(matches, classes)[:, None]))
    else:
        found = {each: _areas(matches, classes, weights, each) for each in ranges}
    return {
        name: _mean(found[of][:, :, overlaps])
        for name in names
        for of, overlaps in [_FIGURES[name]]
    }


_measure = partial(
    Measure,
    figures=tuple(map(Figure, _FIGURES, _TITLES)),
    labels="instances",
    read=CocoMatches.from_bytes,
    score=score,
)
MASKS = _measure(
    "coco-masks",
    "COCO's average precision of masks",
    finds=("masks",),
    version="coco-masks 1",
    match=partial(match, masks=True),
)
BOXES = _measure(
    "coco-boxes",
    "COCO's average precision of boxes",
    finds=("boxes", "masks"),
    version="coco-boxes 1",
    match=partial(match, masks=False),
)
