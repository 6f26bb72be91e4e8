"""Semantic networks: trained by one command, and their files of weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.task import add_semantic_labels, red_cityscapes
from support.command import Bench

from bench import api
from bench.datasets import open_dataset
from bench.errors import DataError
from bench.instances.predictions import SemanticMap
from bench.runtime.checkpoint import read_checkpoint, save_tensors
from bench.tasks.task import open_task
from bench.training import recipes
from bench.training.recipes import SegmenterRecipe
from bench.training.schedule import Schedule
from bench.vision import SHIPPED_WEIGHTS
from bench.vision.architecture import SemanticArchitecture
from bench.vision.semantic_fpn import SemanticFPN, save_segmenter

TINY = SemanticArchitecture(stem=8, res2=16, blocks=(1, 1, 1, 1), pyramid=16, head=16)
# The rate falls in the last step only, so that fewer steps are the beginning of all.
SCHEDULE = Schedule(steps=60, batch=2, rate=5e-3, warm_up=4, fall=1e-9)
MADE = "semantic-toy.safetensors"


@pytest.fixture
def streets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipe of a tiny network on a few small pictures; their root."""
    recipe = SegmenterRecipe(TINY, "cityscapes:val", (96, 64), SCHEDULE)
    monkeypatch.setitem(recipes.SEGMENTERS, "semantic-toy", recipe)
    return add_semantic_labels(red_cityscapes(tmp_path / "cityscapes"))


def write(path: Path, architecture: SemanticArchitecture = TINY) -> Path:
    torch.manual_seed(0)
    save_segmenter(SemanticFPN(architecture), path)
    return path


@pytest.mark.slow
def test_one_command_trains_what_finds_the_cars(bench: Bench, streets: Path) -> None:
    result = bench("train", "semantic-toy", "--root", streets, "--out", "made")
    assert result.status == 0, result.err
    assert MADE in result.out
    task = open_task(f"semantic-toy=made/{MADE}")
    assert task.finds == "semantic"
    both = union = 0
    for entry in open_dataset("cityscapes:val", root=streets).entries:
        found = task.predict(entry.load().pixels)
        assert isinstance(found, SemanticMap)
        one, other = (
            each.classes == task.classes.index("car") for each in (entry.truth("semantic"), found)
        )
        other &= entry.truth("semantic").classes < 255
        both, union = both + (one & other).sum(), union + (one | other).sum()
    assert both > 0.5 * union


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_weights(streets: Path) -> None:
    api.train("semantic-toy", "whole", root=streets, steps=6)
    api.train("semantic-toy", "parted", root=streets, steps=3)
    api.train("semantic-toy", "parted", root=streets, steps=6)
    whole, parted = (read_checkpoint(Path(name, MADE)).tensors for name in ("whole", "parted"))
    assert all(torch.equal(whole[name], parted[name]) for name in whole | parted)


def test_pictures_without_semantic_labels_train_nothing(bench: Bench, streets: Path) -> None:
    for path in streets.rglob("*_labelIds.png"):
        path.unlink()
    result = bench("train", "semantic-toy", "--root", streets, "--out", "made")
    assert result.status == 1
    assert "no semantic labels" in result.err


@pytest.mark.parametrize("size", [(64, 96), (37, 101), (1, 1)])
def test_a_map_has_the_size_of_the_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    task = open_task(f"semantic-toy={write(tmp_path / 'tiny.safetensors')}")
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = task.predict(pixels)
    assert isinstance(found, SemanticMap)
    assert found.size == size
    assert found.names == task.classes


def test_weights_of_other_networks_are_one_line(bench: Bench, tmp_path: Path) -> None:
    good = write(tmp_path / "tiny.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(good.read_bytes()[:-100])
    few = write(tmp_path / "few.safetensors", SemanticArchitecture(classes=3))
    incomplete = tmp_path / "incomplete.safetensors"
    found = read_checkpoint(good)
    save_tensors(
        {name: each for name, each in found.tensors.items() if name != "predictor.bias"},
        incomplete,
        found.metadata,
    )
    detector = SHIPPED_WEIGHTS / "mask-rcnn-toy.safetensors"
    picture = next(red_cityscapes(tmp_path / "streets", 1).rglob("*_leftImg8bit.png"))
    run = ("run", "--codec", "jpeg", "--data", picture.parent, "--truth", "pseudo", "--metric")
    for task in (
        *(f"semantic-toy={path}" for path in (cut, few, incomplete, detector)),
        f"mask-rcnn-toy={good}",
    ):
        result = bench(*run, "psnr_y", "--task", task)
        assert result.status == 1
        (line,) = (line for line in result.err.splitlines() if line.startswith("bench: "))
        assert task.partition("=")[2] in line
        assert result.err.endswith(f"{line}\n")


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    task = open_task(f"semantic-toy={write(tmp_path / 'tiny.safetensors')}")
    write(tmp_path / "tiny.safetensors", SemanticArchitecture(stem=4))
    with pytest.raises(DataError, match="changed since the command began"):
        task.predict(np.zeros((32, 32, 3), np.uint8))
