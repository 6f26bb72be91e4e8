"""The codecs that come along, trained on Toyscapes: whole, light, and what their losses promise."""

from __future__ import annotations

import numpy as np
import pytest

from bench import api
from bench.codecs.catalog import load_codec
from bench.datasets import open_dataset
from bench.runtime.content import content_folder
from bench.vision import SHIPPED_WEIGHTS

ZOO = (
    "ncn-hvs",
    "ncn-hvs-d2k",
    "ncn-f",
    "ncn-task",
    "ncn-lsm",
    "ncn-lsm-frozen",
    "ncn-lsm-vgg-frozen",
)
MEGABYTE = 10**6


@pytest.mark.parametrize("name", ZOO)
def test_weights_of_each_recipes_points_come_along(name: str) -> None:
    card = load_codec(f"{name}:toyscapes").card
    assert set(card.points_for("toyscapes")) == set(card.training["toyscapes"]["lambdas"])


def test_they_are_light() -> None:
    zoo = sum(path.stat().st_size for path in content_folder("codecs").rglob("*.safetensors"))
    networks = sum(path.stat().st_size for path in SHIPPED_WEIGHTS.rglob("*.safetensors"))
    assert 0 < zoo <= 32 * MEGABYTE
    assert zoo + networks <= 48 * MEGABYTE


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_a_scene_goes_through(name: str) -> None:
    codec = load_codec(name, "toyscapes")
    scene = open_dataset("toyscapes:dev", limit=1).entries[0].load()
    rates = [
        8 * len(codec.encode(scene, point)) / (scene.width * scene.height)
        for point in codec.card.points_for("toyscapes")
    ]
    assert rates == sorted(rates)
    assert 0.002 < rates[0] < rates[-1] < 0.3
    stream = codec.encode(scene, codec.card.points_for("toyscapes")[-1])
    error = codec.decode(stream).astype(float) - scene.pixels
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 17


@pytest.mark.slow
def test_bits_are_saved_by_training_through_the_network_and_by_masking() -> None:
    made = api.run(
        ["ncn-hvs", "ncn-f", "ncn-task", "ncn-lsm"],
        data="toyscapes:dev",
        limit=24,
        metrics=["psnr_y"],
        anchor="ncn-task",
    )
    deltas = made.deltas[made.deltas.metric == "wap:mask-rcnn-toy"].set_index("codec").bd_rate
    assert deltas["ncn-hvs:toyscapes"] > deltas["ncn-f:toyscapes"] > 10
    assert deltas["ncn-lsm:toyscapes"] < -5
    psnr = {codec.name: codec.curve("psnr_y")[1].max() for codec in made.results.codecs}
    assert psnr["ncn-hvs:toyscapes"] > psnr["ncn-f:toyscapes"] > psnr["ncn-task:toyscapes"]
