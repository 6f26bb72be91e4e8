"""The pseudo truth: what a network finds in the uncompressed image is exactly right."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from oracles.scenes import ellipse

from bench.datasets.cityscapes_labels import CLASSES
from bench.instances.detections import Detections
from bench.instances.predictions import ClassScores, ImageClass, SemanticMap
from bench.instances.pseudo_truth import read_pseudo_truth, to_pseudo_truth
from bench.instances.run_lengths import encode
from bench.metrics.average_precision import average_precision
from bench.metrics.instance_matching import match
from bench.metrics.matches import FALSE_POSITIVE, TRUE_POSITIVE

SIZE = (60, 90)


def network(seed: int, count: int = 25) -> Detections:
    """Masks that lie over each other, of all classes, many of them the same thing twice."""
    rng = np.random.default_rng(seed)
    masks = tuple(encode(ellipse(rng, SIZE, (2, 25))) for _ in range(count))
    classes = rng.integers(0, len(CLASSES), count)
    scores = rng.uniform(0, 1, count)
    return Detections(SIZE, classes, scores, np.zeros((count, 4)), masks, names=CLASSES)


def test_what_was_found_is_exactly_right() -> None:
    found = [network(seed) for seed in range(8)]
    matches = [match(to_pseudo_truth(one, 0.5), one) for one in found]
    assert sum(int(one.valid.sum()) for one in matches) > 40
    assert average_precision(matches).wap == 1


def test_instances_that_are_covered_stay_whole() -> None:
    found = network(1)
    truth = to_pseudo_truth(found, 0.0)
    assert truth.areas[1:].tolist() == [mask.area for mask in found.masks or () if mask.area]
    assert truth.areas[1:].sum() > truth.height * truth.width - truth.areas[0]


def test_what_is_found_elsewhere_is_wrong() -> None:
    found = replace(network(2), scores=np.full(25, 0.9))
    empty = np.zeros(SIZE, np.bool_)
    empty[:20, :20] = True
    assert found.masks is not None
    away = [i for i, mask in enumerate(found.masks) if not (mask.decode() & empty).any()]
    kept = Detections(
        SIZE,
        found.classes[away],
        found.scores[away],
        found.boxes[away],
        tuple(found.masks[i] for i in away),
        names=CLASSES,
    )
    more = Detections(
        SIZE,
        np.append(kept.classes, 0),
        np.append(kept.scores, 0.8),
        np.zeros((len(away) + 1, 4)),
        (*(kept.masks or ()), encode(empty)),
        names=CLASSES,
    )
    matches = match(to_pseudo_truth(kept, 0.5), more)
    assert (matches.states[-1] == FALSE_POSITIVE).all()
    assert (matches.states[:-1, 0] == TRUE_POSITIVE).any()


def test_nothing_found_is_a_truth_without_instances() -> None:
    truth = to_pseudo_truth(network(3), 1.1)
    assert truth.classes.tolist() == [-1]
    states = match(truth, network(3)).states
    assert (states == FALSE_POSITIVE).all()


def test_intersections_are_those_of_the_masks() -> None:
    found, seen = network(4), network(5)
    truth = to_pseudo_truth(found, 0.3)
    shared = truth.intersections(seen.masks or ())
    for row, one in enumerate(seen.masks or ()):
        for column, other in enumerate(truth.masks):
            assert shared[row, column] == (one.decode() & other.decode()).sum()


def test_what_earlier_versions_kept_has_the_same_classes() -> None:
    truth = to_pseudo_truth(network(6), 0.5)
    ids = [24, 25, 26, 27, 28, 31, 32, 33]  # of Cityscapes' labels
    kept = {
        "ids": [0, *(1000 * ids[place] + 7 for place in truth.classes[1:])],
        "masks": [mask.to_coco() for mask in truth.masks],
    }
    again = read_pseudo_truth(zlib.compress(json.dumps(kept).encode()))
    assert again.classes.tolist() == truth.classes.tolist()


def test_boxes_maps_and_classes_are_kept_as_bytes() -> None:
    found = replace(network(7), masks=None, boxes=np.array([[1.5, 2, 30, 40]] * 25))
    boxes = to_pseudo_truth(found, 0.5)
    assert read_pseudo_truth(boxes.to_bytes()).digest == boxes.digest
    pixels = np.random.default_rng(0).choice([0, 1, 255], (9, 13)).astype(np.uint8)
    semantic = SemanticMap(pixels, ("road", "sky"))
    assert to_pseudo_truth(semantic, 0.5) is semantic
    assert read_pseudo_truth(semantic.to_bytes()).digest == semantic.digest
    best = to_pseudo_truth(ClassScores(np.array([0.1, 0.7, 0.2]), ("a", "b", "c")), 0.5)
    assert best == ImageClass(1, ("a", "b", "c")) == read_pseudo_truth(best.to_bytes())


def test_it_is_kept_as_bytes() -> None:
    truth = to_pseudo_truth(network(6), 0.5)
    data = truth.to_bytes()
    again = read_pseudo_truth(data)
    assert again.digest == truth.digest
    assert again.masks == truth.masks and again.classes.tolist() == truth.classes.tolist()
    for damaged in (data[:-5], b"", b"x" * 40, zlib.compress(b'{"ids": [0], "masks": [{}]}')):
        with pytest.raises(ValueError, match="damaged"):
            read_pseudo_truth(damaged)
