"""Cityscapes' AP against Cityscapes' own script, and the bootstrap against literal resamples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from oracles import cityscapes
from oracles.scenes import Scene, detections, random_scene, write
from support.seeds import seeds

from bench.datasets.cityscapes_labels import CLASSES, EVALUATED
from bench.datasets.cityscapes_truth import from_instance_ids
from bench.metrics.average_precision import average_precision, resampled_wap, wap_interval
from bench.metrics.instance_matching import match
from bench.metrics.matches import Matches
from bench.metrics.resampling import resample_weights

LABELS = [label.id for label in EVALUATED]


def scenes(seed: int) -> list[Scene]:
    """Some images of a size; often few classes, so that some are without an instance."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(48, 150)), int(rng.integers(64, 200)))
    labels = list(rng.choice(LABELS, rng.integers(1, len(LABELS) + 1), replace=False))
    crowded = rng.choice([0.2, 1, 2])
    return [random_scene(rng, shape, labels, crowded) for _ in range(rng.integers(1, 14))]


def matches(images: list[Scene]) -> list[Matches]:
    return [match(from_instance_ids(one.instance_ids), detections(one)) for one in images]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_equals_the_official_script(seed: int, tmp_path: Path) -> None:
    images = scenes(seed)
    files = [write(one, f"town_{i:06d}_000019", tmp_path) for i, one in enumerate(images)]
    expected = cityscapes.matrix(*zip(*files, strict=True), tmp_path)
    expected[expected == cityscapes.CRASHED] = 0
    found = average_precision(matches(images))
    np.testing.assert_allclose(found.matrix, expected, rtol=0, atol=1e-14)


def test_averages_are_the_official_ones(tmp_path: Path) -> None:
    images = [one for seed in (1, 2, 3) for one in scenes(seed)]
    files = [write(one, f"town_{i:06d}_000019", tmp_path) for i, one in enumerate(images)]
    expected = cityscapes.evaluate(*zip(*files, strict=True), tmp_path)["averages"]
    found = average_precision(matches(images))
    assert found.ap == pytest.approx(expected["allAp"], abs=1e-14)
    assert found.ap50 == pytest.approx(expected["allAp50%"], abs=1e-14)
    for index, name in enumerate(CLASSES):
        one = expected["classes"][name]
        assert found.by_class[index] == pytest.approx(one["ap"], abs=1e-14, nan_ok=True)
        assert found.matrix[index, 0] == pytest.approx(one["ap50%"], abs=1e-14, nan_ok=True)
    present = ~np.isnan(found.by_class)
    weights = found.instances[present]
    assert found.wap == pytest.approx(weights @ found.by_class[present] / weights.sum())
    values, counts = np.unique(
        np.concatenate([np.unique(one.instance_ids) for one in images]) // 1000, return_counts=True
    )
    counted = dict(zip(values.tolist(), counts.tolist(), strict=True))
    assert found.instances.tolist() == [counted.get(label, 0) for label in LABELS]


def test_where_the_official_script_crashes_ap_is_zero(tmp_path: Path) -> None:
    """All predictions of a class lie on void, and there is an instance to be found."""
    truth = np.full((60, 60), 7, np.uint16)
    truth[:20, :20], truth[40:, 40:] = 26001, 0
    stray = truth == 0
    image = Scene(truth, [26], [0.5], [stray])
    files = write(image, "town_000000_000019", tmp_path)
    with pytest.raises(IndexError):
        cityscapes.evaluate(*([path] for path in files), tmp_path)
    found = average_precision(matches([image]))
    assert found.matrix[CLASSES.index("car")].tolist() == [0] * 10
    assert (found.ap, found.ap50, found.wap) == (0, 0, 0)


def test_nothing_to_be_found_is_no_number() -> None:
    truth = np.full((60, 60), 26, np.uint16)  # a group of cars
    truth[:11, :9] = 24003  # a person of 99 pixels
    found = average_precision(matches([Scene(truth, [24], [0.5], [truth == 24003])]))
    assert np.isnan(found.matrix).all()
    assert np.isnan([found.ap, found.ap50, found.wap]).all()
    assert found.instances.tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    assert wap_interval(matches([Scene(truth, [], [], [])] * 2)).bounds is None


@pytest.mark.parametrize("seed", seeds(8, quick=1))
def test_resamples_are_those_of_replicated_images(seed: int) -> None:
    images = matches(scenes(100 + seed) + scenes(200 + seed))
    weights = resample_weights(len(images), 30, seed)
    expected = []
    for row in weights:
        replicated = np.repeat(np.arange(len(images)), row.astype(int))
        expected.append(average_precision([images[i] for i in replicated]).wap)
    found = resampled_wap(images, weights)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert resampled_wap(images, np.ones((1, len(images)))) == average_precision(images).wap


def test_the_interval_holds_the_middle_of_the_resamples() -> None:
    images = matches([one for seed in range(5) for one in scenes(seed)])
    interval = wap_interval(images)
    values = resampled_wap(images, resample_weights(len(images)))
    assert interval.bounds == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))
    assert interval.low < average_precision(images).wap < interval.high
