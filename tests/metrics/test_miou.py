"""mIoU against Cityscapes' own script and torchmetrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cityscapesscripts.helpers.labels import labels
from numpy.typing import NDArray
from oracles import cityscapes
from PIL import Image
from support.seeds import seeds
from torchmetrics.functional.segmentation import mean_iou as by_torchmetrics

from bench.errors import DataError
from bench.instances.predictions import UNLABELLED, SemanticMap
from bench.metrics.miou import MEASURE, ClassPixels, iou_by_class, match
from bench.metrics.resampling import resample_weights

KNOWN = [label for label in labels if label.id >= 0]
EVALUATED = sorted((label for label in KNOWN if label.trainId < 19), key=lambda one: one.trainId)
NAMES = tuple(label.name for label in EVALUATED)
PLACES = np.full(256, UNLABELLED, np.uint8)
PLACES[[label.id for label in EVALUATED]] = range(19)
Maps = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def random_maps(seed: int) -> list[Maps]:
    """Label ids of a few images: void, classes that are nowhere, and others only found."""
    rng = np.random.default_rng(seed)
    ids = np.array([label.id for label in KNOWN], np.uint8)
    there = rng.choice(ids, rng.integers(2, 16), replace=False)
    maps = []
    for _ in range(rng.integers(1, 6)):
        truth = rng.choice(there, (12, 16)).repeat(4, 0).repeat(4, 1)
        found = np.where(rng.random(truth.shape) < 0.6, truth, rng.choice(ids, truth.shape))
        maps.append((truth, found.astype(np.uint8)))
    return maps


def records(maps: list[Maps]) -> list[ClassPixels]:
    pairs = [tuple(SemanticMap(PLACES[each], NAMES) for each in pair) for pair in maps]
    return [ClassPixels.from_bytes(match(*pair).to_bytes()) for pair in pairs]


def miou(kept: list[ClassPixels], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return MEASURE.score(kept, weights, ["miou"])["miou"]


@pytest.mark.parametrize("seed", seeds(25, quick=3))
def test_equals_cityscapes_script(seed: int, tmp_path: Path) -> None:
    maps = random_maps(seed)
    paths: list[list[Path]] = [[], []]
    for index, pair in enumerate(maps):
        for side, name in enumerate(("truth", "found")):
            paths[side].append(tmp_path / f"{name}{index}.png")
            Image.fromarray(pair[side]).save(paths[side][-1])
    expected = cityscapes.mean_iou(*paths)
    kept = records(maps)
    weights = np.ones((1, len(kept)))
    by_class = [expected["classScores"][name] for name in NAMES]
    np.testing.assert_allclose(iou_by_class(kept, weights)[0], by_class, rtol=0, atol=1e-12)
    assert miou(kept, weights)[0] == pytest.approx(expected["averageScoreClasses"], abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_equals_torchmetrics_by_class(seed: int) -> None:
    """Of any number of classes, all of them labelled somewhere."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 40))
    truth = rng.permutation(np.resize(np.arange(classes), 60 * 80)).reshape(60, 80).astype(np.uint8)
    found = np.where(rng.random(truth.shape) < 0.5, truth, rng.integers(0, classes, truth.shape))
    names = tuple(map(str, range(classes)))
    one = match(SemanticMap(truth, names), SemanticMap(found.astype(np.uint8), names))
    expected = by_torchmetrics(
        torch.tensor(found[None].astype(np.int64)),
        torch.tensor(truth[None].astype(np.int64)),
        num_classes=classes,
        per_class=True,
        input_format="index",
    )
    np.testing.assert_allclose(iou_by_class([one], np.ones((1, 1)))[0], expected[0], rtol=1e-6)


def test_resamples_are_those_of_replicated_images() -> None:
    kept = records(random_maps(7) + random_maps(8))
    weights = resample_weights(len(kept), 30)
    expected = [
        miou(replicated, np.ones((1, len(replicated))))[0]
        for row in weights
        for replicated in [[kept[i] for i in np.repeat(np.arange(len(kept)), row.astype(int))]]
    ]
    np.testing.assert_allclose(miou(kept, weights), expected, rtol=0, atol=1e-12)


def test_nothing_labelled_has_no_figure() -> None:
    void = SemanticMap(np.full((4, 4), UNLABELLED, np.uint8), NAMES)
    found = SemanticMap(np.zeros((4, 4), np.uint8), NAMES)
    assert np.isnan(miou([match(void, found)], np.ones((1, 1)))).all()


def test_other_sizes_and_damaged_records_are_refused() -> None:
    large, small = (SemanticMap(np.zeros((side, 4), np.uint8), NAMES) for side in (8, 4))
    with pytest.raises(DataError, match="4x4 pixels, the labels of 4x8"):
        match(large, small)
    data = match(large, large).to_bytes()
    for damaged in (b"", data[:-1], data + b"\x00"):
        with pytest.raises(DataError, match="damaged"):
            ClassPixels.from_bytes(damaged)
    with pytest.raises(DataError, match="unknown version"):
        ClassPixels.from_bytes(b"\x07" + data[1:])
