"""COCO's average precisions against COCO's own tool, on sets with all that its rules name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles import coco
from oracles.scenes import ellipse
from support.seeds import seeds

from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.objects import Objects
from bench.instances.run_lengths import RunLengths, encode
from bench.metrics.coco_ap import CocoAP, coco_ap, resampled_ap
from bench.metrics.coco_matching import CocoMatches, match
from bench.metrics.resampling import resample_weights

Kind = Literal["bbox", "segm"]
Pair = tuple[Objects, Detections]
SIZE = HEIGHT, WIDTH = 150, 220
CLASSES = 4
NAMES = tuple(map(str, range(CLASSES)))
# Squares whose areas are the ends of a range, and sides around them.
SIDES = [8, 20, 31, 32, 33, 60, 96, 96, 97, 120]
_ROUNDING: list[Callable[[NDArray[np.float64]], NDArray[np.float64]]] = [
    np.round,
    lambda values: np.round(values, 2),
    lambda values: values,
]


def corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def sizes_of(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """x, y, width, height."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def random_pair(rng: np.random.Generator, masks: bool) -> Pair:
    """One image: objects and crowds, some twice; what is found repeats, strays and ties."""
    truth = random_objects(rng, rng.choice([0, 0, 1, 3, 8, 14]), masks)
    strayed = random_objects(rng, rng.choice([0, 1, 6, 20]), masks)
    pool = sizes_of(np.concatenate([truth.boxes, truth.boxes, truth.boxes, strayed.boxes]))
    number = np.concatenate([np.tile(truth.classes, 3), strayed.classes])
    drawn = (*(truth.masks or ()),) * 3 + (strayed.masks or ())
    kept = rng.permutation(len(pool))[: rng.integers(0, len(pool) + 1)]
    noise = rng.choice([0, 0, 0.02, 0.1], (len(kept), 1)) * rng.normal(0, 1, (len(kept), 4))
    boxes = rng.choice(_ROUNDING)(pool[kept] + noise * pool[kept][:, [2, 3, 2, 3]])
    boxes[:, 2:] = boxes[:, 2:].clip(min=0)
    classes = np.where(
        rng.random(len(kept)) < 0.1, rng.integers(0, CLASSES, len(kept)), number[kept]
    )
    levels = rng.choice([3, 20, 10**6])
    scores = rng.integers(0, levels, len(kept)) / levels
    found = tuple(shaken(rng, drawn[place]) for place in kept) if masks else None
    return truth, Detections(SIZE, classes, scores, corners(boxes), found, names=NAMES)


def random_objects(rng: np.random.Generator, count: int, masks: bool) -> Objects:
    drawn = tuple(random_mask(rng) for _ in range(count)) if masks else None
    corner = rng.uniform(0, (WIDTH - 20, HEIGHT - 20), (count, 2))
    sides = rng.choice(SIDES, (count, 2)).astype(np.float64)
    sides[:, 1] = np.where(rng.random(count) < 0.5, sides[:, 0], sides[:, 1])
    boxes = rng.choice(_ROUNDING)(np.concatenate([corner, sides], axis=1))
    if count > 2:
        boxes[1] = boxes[0]  # equal overlaps
    areas = boxes[:, 2:].prod(axis=1)
    if drawn is not None:
        areas = np.array([mask.area for mask in drawn], np.float64)
    areas *= np.where(rng.random(count) < 0.2, 0.6, 1)  # as of an outline within the box
    classes = rng.integers(0, rng.integers(1, CLASSES + 1), count)
    crowd = rng.random(count) < 0.15
    return Objects(HEIGHT, WIDTH, classes, crowd, areas, corners(boxes), drawn)


def random_mask(rng: np.random.Generator) -> RunLengths:
    if rng.random() < 0.05:
        return encode(np.zeros(SIZE, np.bool_))
    if rng.random() < 0.5:
        return encode(ellipse(rng, SIZE, (4, 60)))
    mask = np.zeros(SIZE, np.bool_)
    side = int(rng.choice(SIDES))
    x, y = rng.integers(0, WIDTH - side), rng.integers(0, HEIGHT - side)
    mask[y : y + side, x : x + side] = True
    return encode(mask)


def shaken(rng: np.random.Generator, mask: RunLengths) -> RunLengths:
    """Moved by a few pixels, or as it is."""
    return (
        mask
        if rng.random() < 0.4
        else encode(np.roll(mask.decode(), rng.integers(-6, 7, 2), (0, 1)))
    )


def content_of(pairs: list[Pair]) -> tuple[dict[str, list[Any]], list[dict[str, Any]]]:
    """As COCO's files have them: labels, results."""
    content: dict[str, list[Any]] = {
        "images": [{"id": index, "height": HEIGHT, "width": WIDTH} for index in range(len(pairs))],
        "categories": [{"id": 1 + index} for index in range(CLASSES)],
        "annotations": [],
    }
    results = []
    for index, (truth, found) in enumerate(pairs):
        for row in range(len(truth)):
            one = {
                "id": 1 + len(content["annotations"]),
                "image_id": index,
                "category_id": 1 + int(truth.classes[row]),
                "bbox": sizes_of(truth.boxes)[row].tolist(),
                "area": float(truth.areas[row]),
                "iscrowd": int(truth.crowd[row]),
            }
            if truth.masks is not None:
                one["segmentation"] = truth.masks[row].to_coco()
            content["annotations"].append(one)
        for row, box in enumerate(sizes_of(found.boxes).tolist()):
            one = {"image_id": index, "category_id": 1 + int(found.classes[row])}
            one["score"] = float(found.scores[row])
            if found.masks is None:
                one["bbox"] = box
            else:
                one["segmentation"] = found.masks[row].to_coco()
            results.append(one)
    return content, results


def assert_equals_the_tool(pairs: list[Pair], kind: Kind) -> CocoAP:
    kept = [match(*pair, masks=kind == "segm") for pair in pairs]
    kept = [CocoMatches.from_bytes(one.to_bytes()) for one in kept]
    found = coco_ap(kept, CLASSES)
    tool = coco.evaluate(*content_of(pairs), kind)
    expected = tool.eval["precision"][..., -1].mean(axis=1).transpose(2, 1, 0)
    np.testing.assert_allclose(np.nan_to_num(found.matrix, nan=-1), expected, rtol=0, atol=1e-9)
    means = [found.ap, found.ap50, found.ap75, found.small, found.medium, found.large]
    np.testing.assert_allclose(np.nan_to_num(means, nan=-1), tool.stats[:6], rtol=0, atol=1e-9)
    return found


def random_set(seed: int, masks: bool) -> list[Pair]:
    """Up to eight images; something is found in one of them at least, as the tool requires."""
    rng = np.random.default_rng(seed)
    pairs = [random_pair(rng, masks) for _ in range(rng.integers(1, 9))]
    while not any(len(found) for _, found in pairs):
        pairs.append(random_pair(rng, masks))
    return pairs


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("five_sets", seeds(60, quick=2))
def test_equals_cocos_tool(five_sets: int, kind: Kind) -> None:
    for seed in range(5 * five_sets, 5 * five_sets + 5):
        assert_equals_the_tool(random_set(seed, kind == "segm"), kind)


def test_the_random_sets_have_every_range_and_every_outcome() -> None:
    kept = [match(*pair, masks=False) for seed in range(20) for pair in random_set(seed, False)]
    found = coco_ap(kept, CLASSES)
    for figure in (found.ap, found.ap50, found.ap75, found.small, found.medium, found.large):
        assert 0.02 < figure < 0.98
    assert any(len(one.classes) == 0 for one in kept)
    assert any(len(one.present) == 0 for one in kept)


def test_a_hundred_detections_of_a_class_count() -> None:
    """Of 150 the first hundred by score; the object that only a later one finds stays unfound."""
    rng = np.random.default_rng(0)
    truth = replace(random_objects(rng, 1, False), crowd=np.zeros(1, np.bool_))
    for place in (20, 120):
        boxes = np.repeat([[0.0, 0, 1, 1]], 150, axis=0)
        boxes[place] = truth.boxes[0]
        order = rng.permutation(150)
        scores = np.linspace(1, 0, 150)[order]
        found = Detections(SIZE, np.repeat(truth.classes, 150), scores, boxes[order], names=NAMES)
        assert (assert_equals_the_tool([(truth, found)], "bbox").ap > 0) == (place == 20)


@pytest.mark.parametrize("seed", seeds(5, quick=1))
def test_resamples_are_those_of_replicated_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Equal scores in one image would come in another order; between images they may be.
    pairs = [
        (truth, replace(found, scores=rng.permutation(len(found)) / 50.0))
        for truth, found in random_set(seed, False) * 2
    ]
    kept = [match(*pair, masks=False) for pair in pairs]
    weights = resample_weights(len(kept), 40, seed)
    expected = [
        coco_ap([kept[i] for i in np.repeat(np.arange(len(kept)), row.astype(int))], CLASSES).ap
        for row in weights
    ]
    np.testing.assert_allclose(resampled_ap(kept, CLASSES, weights), expected, rtol=0, atol=1e-12)


def test_a_damaged_record_is_refused() -> None:
    data = match(*random_set(3, False)[0], masks=False).to_bytes()
    for damaged in (data[:-3], b"", b"\x00" + data[1:]):
        with pytest.raises(DataError, match="damaged"):
            CocoMatches.from_bytes(damaged)


def test_pictures_of_another_size_and_missing_masks_are_refused() -> None:
    truth, found = random_set(3, False)[0]
    with pytest.raises(DataError, match="the ground truth of"):
        match(truth, replace(found, size=(9, 9)), masks=False)
    with pytest.raises(DataError, match="without masks"):
        match(truth, found, masks=True)
