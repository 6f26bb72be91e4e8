"""Which predicted masks find an instance, by the rules of Cityscapes' own evaluation.

A prediction finds an instance of its class where their intersection over union exceeds the overlap.
Of several that find the same one, the best scored is right and each other wrong; an instance under
100 pixels, or a group, only excuses what finds it. A prediction that finds nothing is excused, too,
where more than the overlap's share of it lies on void or on such regions of its class. Overlaps are
at least one half, so no prediction can find two instances.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.objects import Objects
from bench.instances.pseudo_truth import Truth
from bench.metrics.matches import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, Matches

THRESHOLDS = np.arange(0.5, 1.0, 0.05)
SMALLEST = 100  # pixels of an instance that is to be found


def match(truth: Truth, detections: Detections) -> Matches:
    """Compare the masks found in one image with its instances; an empty mask counts for nothing."""
    check_size(truth, detections)
    if detections.masks is None:
        raise DataError("detections without masks have no mask AP; their boxes have one")
    instance = (truth.classes >= 0) & ~truth.crowd
    large = instance & (truth.areas >= SMALLEST)
    count = len(detections.names)
    valid, instances = count_by_class(truth, large, count), count_by_class(truth, instance, count)
    shared = truth.intersections(detections.masks)
    pixels = np.array([mask.area for mask in detections.masks], np.int64)
    seen = pixels > 0
    shared, pixels = shared[seen], pixels[seen]
    classes, scores = detections.classes[seen], detections.scores[seen]

    own = shared * (truth.classes == classes[:, None])
    union = truth.areas + pixels[:, None] - own
    share = own / union
    found = share.argmax(axis=1)
    hit = share.max(axis=1, initial=0)[:, None] > THRESHOLDS
    excused = shared @ truth.void + own @ (~instance).astype(int) + own @ (truth.areas < SMALLEST)
    wrong = ~hit & ((excused / pixels)[:, None] <= THRESHOLDS)
    candidate = hit & large[found, None]
    beaten = _beaten(found, scores, candidate)
    states = np.full(hit.shape, IGNORED, np.uint8)
    states[wrong | (candidate & beaten)] = FALSE_POSITIVE
    states[candidate & ~beaten] = TRUE_POSITIVE
    return Matches(classes.astype(np.uint8), scores, states, valid, instances)


def check_size(truth: Truth | Objects, detections: Detections) -> None:
    height, width = detections.size
    if (truth.height, truth.width) != detections.size:
        raise DataError(
            f"the detections are of {width}x{height} pixels, "
            f"the ground truth of {truth.width}x{truth.height}"
        )


def count_by_class(
    truth: Truth | Objects, chosen: NDArray[np.bool_], classes: int
) -> NDArray[np.int64]:
    """How many of the chosen regions each class has."""
    return np.bincount(truth.classes[chosen], minlength=classes).astype(np.int64)


def _beaten(
    found: NDArray[np.int64], scores: NDArray[np.float64], candidate: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Where a better scored prediction finds the same instance; of equal ones the first is best."""
    rank = np.empty(len(scores), np.int64)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    rival = (found == found[:, None]) & (rank < rank[:, None])
    beaten: NDArray[np.bool_] = rival.astype(np.float32) @ candidate.astype(np.float32) > 0
    return beaten
