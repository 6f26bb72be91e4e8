"""The networks that come along: small, worth coding for, and what Toyscapes is shown to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import api
from bench.training.recipes import RECIPES
from bench.vision.architecture import read_architecture

WEIGHTS = Path(api.__file__).parent / "vision" / "weights"
LARGEST = 6_000_000


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_weights_are_small_and_of_their_recipe(name: str) -> None:
    path = WEIGHTS / f"{name}.safetensors"
    assert path.stat().st_size <= LARGEST
    assert read_architecture(path) == RECIPES[name].architecture


@pytest.mark.slow
def test_what_is_lost_in_coding_is_lost_for_the_network() -> None:
    made = api.run(
        ["x265"], data="toyscapes:dev", limit=24, points=["47,37,27"], metrics=["psnr_y"]
    )
    (scoring,) = made.results.scorings
    assert scoring.name == "mask-rcnn-toy"
    assert scoring.ceiling is not None
    rates, found, _ = made.results.codec("x265").curve("wap:mask-rcnn-toy")
    assert rates[0] < rates[1] < rates[2]
    worst, middle, best = found
    assert worst + 0.05 < middle
    assert middle + 0.05 < best
    assert best < scoring.ceiling.found.wap
    assert scoring.ceiling.found.wap > 0.35
