"""COCO's box AP against COCO's own tool."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles.scenes import Scene, detections, random_scene
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from support.seeds import seeds

from bench.datasets.cityscapes_labels import CLASSES, EVALUATED
from bench.datasets.cityscapes_truth import from_instance_ids
from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.ground_truth import GroundTruth
from bench.metrics.box_ap import box_average_precision, match_boxes, resampled_box_wap
from bench.metrics.matches import Matches
from bench.metrics.resampling import resample_weights

Pair = tuple[GroundTruth, Detections]
LABELS = [label.id for label in EVALUATED]


def pairs(seed: int, images: int = 10) -> list[Pair]:
    """Boxes around what was predicted, their sides at any fraction of a pixel."""
    rng = np.random.default_rng(seed)
    labels = list(rng.choice(LABELS, rng.integers(1, len(LABELS) + 1), replace=False))
    return [pair(random_scene(rng, (90, 120), labels, 2), rng) for _ in range(images)]


def pair(scene: Scene, rng: np.random.Generator) -> Pair:
    found = detections(scene)
    noise = rng.choice([0, 0, 1, 3], (len(found), 1)) * rng.normal(0, 1, (len(found), 4))
    boxes = found.boxes + noise
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2])
    return from_instance_ids(scene.instance_ids), replace(found, boxes=boxes)


def by_cocos_tool(images: list[Pair]) -> NDArray[np.float64]:
    """AP by class and overlap; -1 where there is nothing to be found."""
    content: dict[str, list[Any]] = {
        "images": [{"id": 1 + index} for index in range(len(images))],
        "categories": [{"id": 1 + index} for index in range(len(CLASSES))],
        "annotations": [],
    }
    results = []
    for index, (truth, found) in enumerate(images, start=1):
        for column, which in enumerate(truth.classes):
            if which < 0:
                continue
            x0, y0, x1, y1 = truth.boxes[column].tolist()
            one = {
                "id": 1 + len(content["annotations"]),
                "image_id": index,
                "category_id": 1 + int(which),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": int(truth.crowd[column]),
            }
            content["annotations"].append(one)
        for row, (x0, y0, x1, y1) in enumerate(found.boxes.tolist()):
            box = {"image_id": index, "category_id": 1 + int(found.classes[row])}
            box |= {"bbox": [x0, y0, x1 - x0, y1 - y0], "score": float(found.scores[row])}
            results.append(box)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = content
        coco.createIndex()
        tool = COCOeval(coco, coco.loadRes(results), "bbox")
        tool.evaluate()
        tool.accumulate()
    mean: NDArray[np.float64] = tool.eval["precision"][:, :, :, 0, -1].mean(axis=1).T
    return mean


def matches(images: list[Pair]) -> list[Matches]:
    return [match_boxes(*one) for one in images]


@pytest.mark.parametrize("seed", seeds(25, quick=5))
def test_equals_cocos_tool(seed: int) -> None:
    images = pairs(seed)
    found = box_average_precision(matches(images))
    expected = by_cocos_tool(images)
    np.testing.assert_allclose(np.nan_to_num(found.matrix, nan=-1), expected, rtol=0, atol=1e-12)
    present = expected[expected[:, 0] > -1]
    assert found.ap == pytest.approx(present.mean())
    assert found.ap50 == pytest.approx(present[:, 0].mean())


def test_a_hundred_boxes_of_a_class_count() -> None:
    """Of 150 the first hundred by score; the instance that only a later one finds stays unfound."""
    truth, _ = pairs(0, 1)[0]
    rng = np.random.default_rng(0)
    column = np.flatnonzero((truth.classes >= 0) & ~truth.crowd)[0]
    box = truth.boxes[column].astype(np.float64)
    which = int(truth.classes[column])
    boxes = np.repeat([[0.0, 0, 1, 1]], 150, axis=0)
    for place in (20, 120):
        boxes[:] = [0, 0, 1, 1]
        boxes[place] = box
        scores = np.linspace(1, 0, 150)
        order = rng.permutation(150)
        found = Detections(
            (truth.height, truth.width),
            np.full(150, which),
            scores[order],
            boxes[order],
            names=CLASSES,
        )
        matrix = box_average_precision(matches([(truth, found)])).matrix
        np.testing.assert_allclose(
            np.nan_to_num(matrix, nan=-1), by_cocos_tool([(truth, found)]), rtol=0, atol=1e-12
        )
        assert (matrix[which] > 0).all() == (place == 20)


@pytest.mark.parametrize("seed", seeds(5, quick=1))
def test_resamples_are_those_of_replicated_images(seed: int) -> None:
    images = pairs(seed, 12)
    rng = np.random.default_rng(seed)
    # Equal scores in one image would come in another order; between images they may be.
    images = [
        (truth, replace(found, scores=rng.permutation(len(found)) / 50.0))
        for truth, found in images
    ]
    kept = matches(images)
    weights = resample_weights(len(kept), 20, seed)
    expected = []
    for row in weights:
        replicated = np.repeat(np.arange(len(kept)), row.astype(int))
        expected.append(box_average_precision([kept[i] for i in replicated]).wap)
    np.testing.assert_allclose(resampled_box_wap(kept, weights), expected, rtol=0, atol=1e-12)


def test_boxes_need_no_masks() -> None:
    truth, found = pairs(3, 1)[0]
    assert match_boxes(truth, replace(found, masks=None)).to_bytes() == (
        match_boxes(truth, found).to_bytes()
    )
    with pytest.raises(DataError, match="the ground truth of"):
        match_boxes(truth, replace(found, size=(9, 9), masks=None))
