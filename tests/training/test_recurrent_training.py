"""A recurrent codec is trained for its pictures, then through a task network that stays frozen."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch
from fakes.task import red_cityscapes
from PIL import Image
from support.command import Bench
from support.pictures import picture

from bench import api
from bench.codecs.catalog import card_paths, read_card
from bench.codecs.families.rnn.network import Recurrent
from bench.metrics.psnr import psnr
from bench.tasks.task import task_network
from bench.training import session
from bench.training.codec_recipe import read_recipe
from bench.training.labels import LabelledBatch
from bench.training.loop import Training, TrainingProgress
from bench.training.recurrent import losses
from bench.training.recurrent_recipe import RecurrentRecipe
from bench.vision.detector import TrainingTargets

CARD = """
title = "Narrow"
family = "rnn"

[points]
unit = "iterations"

[rnn]

[weights.red]
files = "rnn.safetensors"
points = [1, 2]

[training.red]
data = "cityscapes:val"
validate = "cityscapes:val"
width = 16
bits = 4
iterations = 2
batch = 2
rate = 1e-3
steps = 3
"""
L1 = "crop = [64, 64]\n"
TASK = 'crop = [192, 192]\nstarts_from = "base"\nnetwork = "mask-rcnn-toy"\nenlarge = 1.5\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return red_cityscapes(tmp_path / "cityscapes", count=3, enlarged=2)


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    folder = tmp_path / "cards"
    folder.mkdir()
    for name, more in (("base", L1), ("task", TASK)):
        (folder / f"{name}.toml").write_text(dedent(CARD) + more)
    return folder


@pytest.fixture
def made(cards: Path, root: Path) -> Path:
    for name in ("base", "task"):
        folder = Path("made") / name / "red"
        assert api.train(f"{cards}/{name}.toml:red", folder, root=root).whole
    return Path("made")


@pytest.mark.slow
def test_one_command_makes_weights_that_code_as_validation_foretells(
    bench: Bench, cards: Path, made: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = made / "task" / "red" / "rnn.safetensors"
    assert (weights.with_suffix("") / "training.png").is_file()
    with open(weights.with_suffix("") / "validation.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    monkeypatch.setenv("BENCH_WEIGHTS", str(made.absolute()))
    rates, qualities = [], []
    for path in root.rglob("*_leftImg8bit.png"):
        coding = ("--codec", f"{cards}/task.toml:red")
        assert bench("encode", path, "stream", *coding, "--point", 2).status == 0
        assert bench("decode", "stream", "decoded.png", *coding).status == 0
        original, decoded = (np.asarray(Image.open(each)) for each in (path, "decoded.png"))
        rates.append(Path("stream").stat().st_size * 8 / original[..., 0].size)
        qualities.append(psnr(original, decoded))
    # In half precision, a bit may be another.
    assert float(row["bpp"]) == pytest.approx(np.mean(rates), rel=0.05)
    assert float(row["psnr"]) == pytest.approx(np.mean(qualities), abs=0.2)
    assert 0 <= float(row["wap"]) <= 1


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_weights(
    cards: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class HaltedError(Exception):
        """As Ctrl-C, or a power cut."""

    name, train = f"{cards}/base.toml:red", session.train

    def halted_after_two(training: Training[object], **options: object) -> bool:
        def watch(progress: TrainingProgress) -> None:
            if progress.step == 2:
                raise HaltedError

        return train(training, every=1, save_seconds=0, watch=watch)

    assert api.train(name, Path("whole"), root=root).whole
    with monkeypatch.context() as patch:
        patch.setattr(session, "train", halted_after_two)
        with pytest.raises(HaltedError):
            api.train(name, Path("parted"), root=root)
    assert not api.train(name, Path("parted"), root=root, most_seconds=0).whole
    assert api.train(name, Path("parted"), root=root).whole
    parted, whole = (Path(each) / "rnn.safetensors" for each in ("parted", "whole"))
    assert parted.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_what_it_starts_from_must_be_there_and_fit(bench: Bench, cards: Path, root: Path) -> None:
    training = ("train", f"{cards}/task.toml:red", "--root", root, "--out", "made/task/red")
    result = bench(*training)
    assert result.status == 1
    assert f"'bench train {cards}/base.toml:red --out" in result.err
    assert api.train(f"{cards}/base.toml:red", Path("made/base/red"), root=root).whole
    card = cards / "task.toml"
    card.write_text(card.read_text().replace("bits = 4", "bits = 8"))
    result = bench(*training)
    assert result.status == 1
    assert "made/base/red/rnn.safetensors" in result.err


@pytest.mark.slow
def test_it_learns_to_draw() -> None:
    torch.manual_seed(0)
    recurrent = Recurrent(32, 8).train()
    optimiser = torch.optim.Adam(recurrent.parameters(), lr=1e-2)
    x = torch.from_numpy(picture(0, 64, 64)).permute(2, 0, 1)[None].float() / 255
    found = []
    for _ in range(60):
        (l1,) = losses(recurrent, recipe(), None, LabelledBatch(x, ())).values()
        optimiser.zero_grad()
        l1.backward()
        optimiser.step()
        found.append(float(l1.detach()))
    assert np.mean(found[-5:]) < 0.8 * found[0]  # a picture of one colour is at 0.97


def recipe(**more: object) -> RecurrentRecipe:
    given = {"data": "d", "width": 32, "bits": 8, "iterations": 2, "crop": [64, 64], "batch": 1}
    return RecurrentRecipe.model_validate({**given, "rate": 1, "steps": 1, **more})


@pytest.mark.slow
def test_a_task_network_judges_and_is_not_changed() -> None:
    torch.manual_seed(0)
    network = task_network("mask-rcnn-toy").eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    recurrent = Recurrent(32, 8).train()
    x = torch.from_numpy(picture(1, 192, 192)).permute(2, 0, 1)[None].float() / 255
    mask = torch.zeros(1, 192, 192, dtype=torch.bool)
    mask[:, 40:120, 30:150] = True
    box = torch.tensor([[30.0, 40, 150, 120]]) * 1.5
    batch = LabelledBatch(x, (TrainingTargets(box, torch.tensor([2]), mask),))
    judged = partial(losses, recurrent, network=network, batch=batch)
    found = judged(recipe(network="mask-rcnn-toy", enlarge=1.5, distortion=3))
    assert len(found) == 6
    assert float(found["l1"].detach()) > 0
    torch.stack(list(found.values())).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in recurrent.parameters())
    assert all(p.grad is None for p in network.parameters())
    assert not network.training
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())
    unweighted = judged(recipe(network="mask-rcnn-toy", distortion=0))["l1"]
    assert float(unweighted.detach()) == 0


def test_every_shipped_recipe_can_be_read() -> None:
    cards = [read_card(name) for name in card_paths() if read_card(name).family == "rnn"]
    assert cards
    for card in cards:
        for its_set in card.training:
            _, its = read_recipe(f"{card.name}:{its_set}")
            assert isinstance(its, RecurrentRecipe)


def test_a_wrong_recipe_is_told(bench: Bench, cards: Path) -> None:
    card = cards / "base.toml"
    card.write_text(card.read_text().replace("width = 16", "width = 20"))
    result = bench("train", f"{card}:red")
    assert result.status == 1
    assert "'training.red.width'" in result.err
