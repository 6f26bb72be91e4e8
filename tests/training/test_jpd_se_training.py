"""A generator of JPD-SE is trained in three phases, and draws what it was trained to."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from fakes.task import red_cityscapes
from PIL import Image
from support.command import Bench
from support.pictures import picture
from torch import Tensor

from bench import api
from bench.codecs.catalog import card_paths, read_card
from bench.codecs.families.jpd_se.generator import load_generator
from bench.training.codec_recipe import JpdSeRecipe, read_recipe

CARD = """
title = "Narrow"
family = "jpd-se"

[points]
unit = "quality"

[jpd-se]
base = "jpeg"
map = "{map}"

[weights.red]
folder = "weights"
files = "generator.safetensors"
points = [10, 40]

[training.red]
data = "cityscapes:val"
pictures = 3
crop = [48, 40]
batch = 2
rate = 1e-3
width = 4
halvings = 2
blocks = 1
judges = 4
network = "faster-rcnn-toy"
steps = {steps}
"""
PHASES = ["map", "all", "generator"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return red_cityscapes(tmp_path / "cityscapes", count=3)


def card(folder: Path, map_from: str = "labels", steps: str = "[2, 3, 60]") -> str:
    path = folder / "narrow.toml"
    path.write_text(CARD.format(map=map_from, steps=steps))
    return f"{path}:red"


def tensors(path: Path) -> dict[str, Tensor]:
    return load_generator(path).state_dict()


@pytest.mark.slow
def test_three_phases_make_a_generator_that_codes(bench: Bench, tmp_path: Path, root: Path) -> None:
    name = card(tmp_path)
    trained = api.train(name, Path("made"), root=root)
    assert trained.whole
    assert {file.weights.stem: file.steps for file in trained.files} == dict(
        zip(PHASES, (2, 3, 60), strict=True)
    )
    for phase, losses in zip(
        PHASES,
        (
            {"adversarial", "matching", "features", "judges"},
            {"adversarial", "matching", "features", "judges", "distance"},
            {"distance"},
        ),
        strict=True,
    ):
        with (Path("made") / phase / "losses.csv").open(newline="") as file:
            first, *_ = rows = list(csv.DictReader(file))
        assert {*first} == {"step", "seconds", *losses}
    assert float(rows[-1]["distance"]) < 10 * 0.25  # a mean error of less than a quarter
    Path(tmp_path / "weights").mkdir()
    shutil.copy("made/generator.safetensors", tmp_path / "weights")
    Image.fromarray(picture(0, 96, 64)).save("picture.png")
    none = card(tmp_path, "none")  # the card whose encoder needs no labels
    assert bench("encode", "picture.png", "stream", "--codec", none, "--point", 40).status == 0
    result = bench("decode", "stream", "decoded.png", "--codec", none)
    assert result.status == 0, result.err


@pytest.mark.slow
def test_a_training_that_was_interrupted_ends_as_one_that_was_not(
    tmp_path: Path, root: Path
) -> None:
    name = card(tmp_path, "none", "[0, 2, 4]")
    assert api.train(name, Path("once"), root=root).whole
    assert not Path("once/map.safetensors").exists()
    assert not api.train(name, Path("twice"), root=root, most_seconds=0).whole
    assert api.train(name, Path("twice"), root=root).whole
    once, twice = (tensors(Path(each) / "generator.safetensors") for each in ("once", "twice"))
    assert all(once[name].equal(twice[name]) for name in once)


@pytest.mark.slow
def test_weights_of_another_training_are_not_continued(
    bench: Bench, tmp_path: Path, root: Path
) -> None:
    train = ("train", card(tmp_path, "none", "[0, 1, 1]"), "--root", root, "--out", "made")
    assert bench(*train).status == 0
    card(tmp_path, "labels", "[0, 1, 1]")
    result = bench(*train)
    assert result.status == 1
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "name", [name for name in card_paths() if read_card(name).family == "jpd-se"]
)
def test_shipped_recipes_can_be_read(name: str) -> None:
    for its_set in read_card(name).training:
        _, recipe = read_recipe(f"{name}:{its_set}")
        assert isinstance(recipe, JpdSeRecipe)
        assert sum(recipe.steps) > 0
