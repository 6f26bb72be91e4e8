"""Top-1 and top-5 accuracy against torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_accuracy

from bench.errors import DataError
from bench.instances.predictions import ClassScores, ImageClass
from bench.metrics.accuracy import MEASURE, Place, match
from bench.metrics.resampling import resample_weights

NAMES = tuple(map(str, range(12)))
FIGURES = ["top1", "top5"]


def kept_places(truth: list[int], scores: np.ndarray) -> list[Place]:
    pairs = [
        (ImageClass(index, NAMES), ClassScores(row, NAMES))
        for index, row in zip(truth, scores, strict=True)
    ]
    return [Place.from_bytes(match(*pair).to_bytes()) for pair in pairs]


@pytest.mark.parametrize("seed", range(5))
def test_equals_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(NAMES), 50).tolist()
    scores = rng.normal(size=(50, len(NAMES))) + 1.5 * np.eye(len(NAMES))[truth]
    found = MEASURE.score(kept_places(truth, scores), np.ones((1, 50)), FIGURES)
    for name, k in (("top1", 1), ("top5", 5)):
        expected = multiclass_accuracy(
            torch.tensor(scores), torch.tensor(truth), len(NAMES), "micro", top_k=k
        )
        assert found[name] == pytest.approx([float(expected)], abs=1e-6)
        assert 0.1 < found[name][0] < 1


def test_of_equal_scores_the_first_class_is_likeliest() -> None:
    scores = np.zeros((2, len(NAMES)))
    assert [one.place for one in kept_places([0, 5], scores)] == [0, 5]
    unknown = np.full((1, len(NAMES)), -np.inf)  # a network that knows none of the classes
    assert kept_places([3], unknown)[0].place == 3


def test_resamples_are_those_of_replicated_images() -> None:
    rng = np.random.default_rng(0)
    kept = kept_places(rng.integers(0, 12, 20).tolist(), rng.normal(size=(20, 12)))
    weights = resample_weights(20, 10)
    found = MEASURE.score(kept, weights, FIGURES)
    for row, top1, top5 in zip(weights, found["top1"], found["top5"], strict=True):
        places = np.repeat([one.place for one in kept], row.astype(int))
        assert (top1, top5) == pytest.approx(((places < 1).mean(), (places < 5).mean()))


def test_a_damaged_record_is_refused() -> None:
    for damaged, why in (
        (b"", "damaged"),
        (b"\x01", "damaged"),
        (b"\x09" + 4 * b"\x00", "version"),
    ):
        with pytest.raises(DataError, match=why):
            Place.from_bytes(damaged)
