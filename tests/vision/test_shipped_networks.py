"""The networks that come along: small, worth coding for, and what Toyscapes is shown to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr

from bench import api
from bench.datasets import open_dataset
from bench.images.depth import read_nearness
from bench.runtime.checkpoint import read_checkpoint
from bench.training import classifiers
from bench.training.classifiers import VggClassifier
from bench.training.recipes import CLASSIFIERS, RECIPES, SEGMENTERS
from bench.vision.architecture import Architecture, SemanticArchitecture, read_architecture
from bench.vision.depth import load_depth_network

WEIGHTS = Path(api.__file__).parent / "vision" / "weights"
LARGEST = 6_000_000


@pytest.mark.parametrize("name", ["faster-rcnn-toy", "mask-rcnn-toy"])
def test_weights_are_small_and_of_their_recipe(name: str) -> None:
    path = WEIGHTS / f"{name}.safetensors"
    assert path.stat().st_size <= LARGEST
    found = read_architecture(path, read_checkpoint(path).metadata, Architecture)
    assert found == RECIPES[name].architecture


def test_the_semantic_network_is_small_and_of_its_recipe() -> None:
    path = WEIGHTS / "semantic-toy.safetensors"
    assert path.stat().st_size <= 3_000_000
    found = read_architecture(path, read_checkpoint(path).metadata, SemanticArchitecture)
    assert found == SEGMENTERS["semantic-toy"].architecture


@pytest.mark.slow
def test_the_depth_network_is_small_and_tells_near_from_far() -> None:
    path = WEIGHTS / "depth-toy.safetensors"
    assert path.stat().st_size <= 1_000_000
    found = read_architecture(path, read_checkpoint(path).metadata, SemanticArchitecture)
    assert found == SEGMENTERS["depth-toy"].architecture
    nearness_of = load_depth_network(path)
    correlations = []
    for entry in open_dataset("toyscapes-2:dev", limit=4).entries:
        pixels = entry.load().pixels
        assert entry.depth is not None
        wanted = read_nearness(entry.depth, pixels.shape[1], pixels.shape[0])
        few = (each[::8, ::8].ravel() for each in (wanted, nearness_of(pixels)))
        correlations.append(spearmanr(*few).statistic)
    assert np.mean(correlations) > 0.75


@pytest.mark.slow
def test_what_is_lost_in_coding_is_lost_for_the_network() -> None:
    made = api.run(
        ["x265"], data="toyscapes:dev", limit=24, points=["47,37,27"], metrics=["psnr_y"]
    )
    (task,) = made.results.tasks
    assert task.name == "mask-rcnn-toy"
    assert task.ceiling is not None
    rates, found, _ = made.results.codec("x265").curve("wap:mask-rcnn-toy")
    assert rates[0] < rates[1] < rates[2]
    worst, middle, best = found
    assert worst + 0.05 < middle
    assert middle + 0.05 < best
    assert best < task.ceiling.value
    assert task.ceiling.value > 0.35


@pytest.mark.slow
def test_the_classifier_knows_what_a_crop_shows() -> None:
    network = VggClassifier(CLASSIFIERS["vgg-toy"].widths, 8)
    network.load_state_dict(load_file(WEIGHTS / "vgg-toy.safetensors"))
    dataset = open_dataset("toyscapes:dev", limit=24)
    others = classifiers._Source(dataset, classifiers._instances(dataset, None))
    found = classifiers._accuracy(network.eval(), torch.device("cpu"), others)
    assert found["accuracy"] > 0.8
