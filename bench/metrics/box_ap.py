"""COCO's average precision of boxes, weighted as Cityscapes' is, for networks without masks.

A true box goes around all of an instance's pixels; one around a group is COCO's crowd.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

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
from bench.metrics.coco_ap import interpolated, states_of
from bench.metrics.coco_matching import match
from bench.metrics.instance_matching import count_by_class
from bench.metrics.matches import Matches
from bench.metrics.measure import Measure
from bench.metrics.precision_recall import Floats


def match_boxes(truth: Truth | Objects, detections: Detections) -> Matches:
    """Compare the boxes found in one image with those around its instances."""
    found = match(truth, detections, masks=False)
    instance = (truth.classes >= 0) & ~truth.crowd
    instances = count_by_class(truth, instance, len(detections.names))
    states = states_of(found.hits, found.ignored)
    return Matches(found.classes.astype(np.uint8), found.scores, states, instances, instances)


def box_average_precision(matches: Sequence[Matches]) -> AveragePrecision:
    """Of all images of a set, those without predictions included."""
    return whole_set(matches, interpolated, merge_ties=False)


def resampled_box_wap(matches: Sequence[Matches], weights: Floats) -> Floats:
    """The wAP of each resample, a row of ``bench.metrics.resampling.resample_weights`` each.

    An image that is drawn twice has each of its boxes twice in a row, also with equal scores.
    """
    return weighted_mean(*by_resample(matches, weights, interpolated, merge_ties=False))


MEASURE = Measure(
    "box-ap",
    "average precision of boxes by COCO's rules, weighted",
    FIGURES,
    finds=("boxes",),
    labels="instances",
    version="1",
    match=match_boxes,
    read=Matches.from_bytes,
    score=partial(score, area=interpolated, merge_ties=False),
)
