"""Trainings that bench 0.1 began go on to the same weights.

``recorded/training`` has four that were stopped at step 3 of 6, after a checkpoint of step 2, and
the weights to which 0.1 itself took them: of a codec by L_HVS, one by L_TASK, a detector and a
classifier. No other processor need
round as the one that recorded them did, so weights are compared bit by bit where a small network
learns the same there, and otherwise as far as rounding takes them apart.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fakes.task import red_cityscapes
from support.paths import RECORDED
from torch import Tensor, nn

from bench import api
from bench.runtime.checkpoint import read_checkpoint
from bench.training import recipes
from bench.training.recipes import Recipe
from bench.training.schedule import Schedule
from bench.vision.architecture import Architecture

BEGUN = RECORDED / "training"
TRAININGS = {  # where the folder of each has its weights
    "base": "red/lambda_0.03",
    "task": "red/lambda_3",
    "mask-rcnn-toy": "mask-rcnn-toy",
    "vgg-toy": "vgg-toy",
}
NARROW = Architecture(
    stem=4,
    res2=4,
    blocks=(1, 1, 1, 1),
    pyramid=8,
    box_hidden=8,
    mask_hidden=8,
    anchor_sizes=(8, 16, 32, 64, 128),
    canonical_side=32,
    proposals_before=(40, 40),
    proposals=20,
    region_samples=16,
    pixel_std=(58.0, 57.0, 57.0),
    shortest_side=64,
    longest_side=128,
)
SHORT = Schedule(steps=6, batch=2, rate=3e-3, warm_up=3)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes of 0.1, of narrow networks and few steps."""
    recipe = Recipe(NARROW, "cityscapes:val", SHORT)
    monkeypatch.setitem(recipes.RECIPES, "mask-rcnn-toy", recipe)
    classifier = replace(
        recipes.CLASSIFIERS["vgg-toy"],
        widths=(8, None, 8, None, 16, None, 16, None),
        data="cityscapes:val",
        validate="cityscapes:val",
        schedule=SHORT,
    )
    monkeypatch.setitem(recipes.CLASSIFIERS, "vgg-toy", classifier)


def digest(tensors: Mapping[str, Tensor]) -> str:
    content = hashlib.sha256()
    for name in sorted(tensors):
        content.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return content.hexdigest()


def probe() -> str:
    """The digest of what a network of the usual layers learns in three steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 5, 2, 2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ConvTranspose2d(16, 8, 5, 2, 2, 1),
            nn.Flatten(2),
            nn.Softmax(2),
            nn.Linear(64 * 96, 4),
            nn.Sigmoid(),
        )
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2, foreach=True)
        for _ in range(3):
            optimiser.zero_grad()
            network(torch.rand(2, 3, 64, 96)).exp().log().var().backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1e-3)
            optimiser.step()
        return digest(network.state_dict())


@pytest.mark.slow
@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", TRAININGS)
def test_it_goes_on_to_the_same_weights(name: str, tmp_path: Path) -> None:
    root = red_cityscapes(tmp_path / "cityscapes", count=3, enlarged=2)
    made = Path(shutil.copytree(BEGUN / "begun", "made"))
    if name == "task":  # which starts from the weights of the other
        shutil.copytree(BEGUN / "finished" / "base", made / "base", dirs_exist_ok=True)
    file = Path(name, TRAININGS[name])
    is_card = file.parts[1] == "red"
    (losses,) = (made / name).rglob("losses.csv")
    begun = losses.read_text().splitlines()[:3]  # its head, and the two steps that were saved

    card = f"{BEGUN / 'cards' / name}.toml:red"
    trained = api.train(card if is_card else name, made / file.parent, root=root)

    assert trained.whole
    assert losses.read_text().splitlines()[:3] == begun  # it resumed
    weights = read_checkpoint(made / f"{file}.safetensors").tensors
    expected = read_checkpoint(BEGUN / "finished" / f"{file}.safetensors").tensors
    rate = 1e-3 if is_card else SHORT.rate
    for tensor, value in expected.items():
        torch.testing.assert_close(weights[tensor], value, rtol=0, atol=rate)
    recorded = json.loads((BEGUN / "digests.json").read_text())
    if probe() == recorded["probe"]:
        state = torch.load(losses.with_name("checkpoint.pt"), weights_only=True)
        assert digest(state["network"]) == recorded[name]
