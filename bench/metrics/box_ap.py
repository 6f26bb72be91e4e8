"""COCO's average precision of boxes, for task networks without masks.

A true box goes around all of an instance's pixels; one around a group is COCO's crowd, which
excuses any box in it. The hundred best scored boxes of each class in an image count. In this order,
each takes the free instance that it overlaps most. AP is the mean, at 101
recalls, of the best precision at that recall or beyond it; equal scores stay in the images' order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.instances.detections import Detections
from bench.instances.objects import Objects
from bench.instances.pseudo_truth import Truth
from bench.metrics.average_precision import (
    FIGURES,
    AveragePrecision,
    by_resample,
    score,
    weighted_mean,
    whole_set,
)
from bench.metrics.instance_matching import check_size, count_by_class
from bench.metrics.matches import FALSE_POSITIVE, IGNORED, OVERLAPS, TRUE_POSITIVE, Matches
from bench.metrics.measure import Measure
from bench.metrics.precision_recall import Floats, Reached, precision

THRESHOLDS = np.linspace(0.5, 0.95, OVERLAPS)
RECALLS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100  # of a class in an image

States = NDArray[np.uint8]


def match_boxes(truth: Truth | Objects, detections: Detections) -> Matches:
    """Compare the boxes found in one image with those around its instances."""
    check_size(truth, detections)
    states = np.full((len(detections), OVERLAPS), IGNORED, np.uint8)
    for index in range(len(detections.names)):
        own = np.flatnonzero(detections.classes == index)
        own = own[np.argsort(-detections.scores[own], kind="stable")][:MAX_DETECTIONS]
        there = np.flatnonzero(truth.classes == index)
        crowd = truth.crowd[there]
        states[own] = _assign(_shares(detections.boxes[own], truth.boxes[there], crowd), crowd)
    instance = (truth.classes >= 0) & ~truth.crowd
    instances = count_by_class(truth, instance, len(detections.names))
    classes = detections.classes.astype(np.uint8)
    return Matches(classes, detections.scores, states, instances, instances)


def box_average_precision(matches: Sequence[Matches]) -> AveragePrecision:
    """Of all images of a set, those without predictions included."""
    return whole_set(matches, _interpolated, merge_ties=False)


def resampled_box_wap(matches: Sequence[Matches], weights: Floats) -> Floats:
    """The wAP of each resample, a row of ``bench.metrics.resampling.resample_weights`` each.

    An image that is drawn twice has each of its boxes twice in a row, also with equal scores.
    """
    return weighted_mean(*by_resample(matches, weights, _interpolated, merge_ties=False))


def _shares(found: Floats, true: NDArray[np.number], crowd: NDArray[np.bool_]) -> Floats:
    """Intersection over union of each pair; over the found box alone where the other is a crowd.

    It goes through widths and heights, as COCO's files do, to round as COCO's tool rounds.
    """
    sizes, true_sizes = found[:, 2:] - found[:, :2], true[:, 2:] - true[:, :2]
    ends = np.minimum((found[:, :2] + sizes)[:, None], true[:, 2:])
    sides = (ends - np.maximum(found[:, None, :2], true[:, :2])).clip(min=0)
    shared = sides.prod(axis=2)
    area, true_area = sizes.prod(axis=1)[:, None], true_sizes.prod(axis=1)
    union = np.where(crowd, area, area + true_area - shared)
    shares: Floats = np.zeros_like(shared)
    np.divide(shared, union, out=shares, where=shared > 0)
    return shares


def _assign(shares: Floats, crowd: NDArray[np.bool_]) -> States:
    """The state of each box, in the order of their scores, at each overlap."""
    states = np.full((len(shares), OVERLAPS), FALSE_POSITIVE, np.uint8)
    excused = shares[:, crowd].max(axis=1, initial=0)[:, None] >= THRESHOLDS
    states[excused] = IGNORED
    own = shares[:, ~crowd][:, ::-1]  # of equal shares the last counts
    if not own.size:
        return states
    free = np.ones((OVERLAPS, own.shape[1]), np.bool_)
    for state, share in zip(states, own, strict=True):
        left = np.where(free, share, 0)
        best = left.argmax(axis=1)
        hit = np.flatnonzero(left.max(axis=1) >= THRESHOLDS)
        state[hit] = TRUE_POSITIVE
        free[hit, best[hit]] = False
    return states


def _interpolated(reached: Reached, instances: Floats) -> Floats:
    envelope = precision(reached.hits, reached.seen, at_nothing=0)
    for row, below in zip(envelope[-2::-1], envelope[:0:-1], strict=True):
        np.maximum(row, below, out=row)
    passed = np.searchsorted(RECALLS, reached.hits / instances, side="right")
    gained = np.diff(passed, axis=0, prepend=0)
    return np.asarray(np.einsum("es,es->s", gained, envelope) / len(RECALLS))


MEASURE = Measure(
    "box-ap",
    "average precision of boxes by COCO's rules, weighted",
    FIGURES,
    finds=("boxes",),
    labels="instances",
    version="1",
    match=match_boxes,
    read=Matches.from_bytes,
    score=partial(score, area=_interpolated, merge_ties=False),
)
