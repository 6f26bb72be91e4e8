"""Training: gone on with exactly where it stopped, stopped with a reason where it fails."""

from __future__ import annotations

import csv
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.network import TINY
from fakes.task import red_cityscapes
from PIL import Image
from support.command import Bench

from bench import api
from bench.errors import BenchError, DataError
from bench.runtime.checkpoint import read_checkpoint
from bench.tasks.task import open_task
from bench.training import recipes, session
from bench.training.loop import Training, TrainingProgress, train
from bench.training.processes import Processes
from bench.training.recipes import Recipe
from bench.training.schedule import Schedule

SCHEDULE = Schedule(steps=12, batch=4, rate=1e-2, warm_up=2)


def line(folder: Path, schedule: Schedule = SCHEDULE, spoilt_from: int = 10**9) -> Training[float]:
    """A straight line through noisy points; from some step on, NaN."""
    torch.manual_seed(3)
    network = torch.nn.Linear(1, 1)

    def losses(noise: float) -> dict[str, torch.Tensor]:
        x = torch.rand(4, 1)  # drawn in the step
        return {"square": ((network(x) - 2 * x - noise) ** 2).mean()}

    def batch(step: int) -> float:
        return float("nan") if step >= spoilt_from else 0.01 * step

    alone = Processes(torch.device("cpu"))
    return Training(network, schedule, batch, losses, folder, alone, "a line")


def weights(training: Training[float]) -> list[float]:
    return [float(p) for tensor in training.network.state_dict().values() for p in tensor.flatten()]


class HaltedError(Exception):
    """As Ctrl-C, or a power cut."""


def halted_at(step: int) -> object:
    def watch(progress: TrainingProgress) -> None:
        if progress.step == step:
            raise HaltedError

    return watch


@pytest.mark.parametrize("step", [1, 4, 11])
def test_resumed_is_as_if_never_stopped(tmp_path: Path, step: int) -> None:
    whole, parted = line(tmp_path / "whole"), line(tmp_path / "parted")
    assert train(whole, every=1)
    with pytest.raises(HaltedError):
        train(parted, every=1, save_seconds=0, watch=halted_at(step))  # type: ignore[arg-type]
    resumed = line(tmp_path / "parted")
    assert train(resumed, every=1)
    assert weights(resumed) == weights(whole)
    one, other = ((tmp_path / name / "losses.csv").read_text() for name in ("whole", "parted"))
    steps = [row.split(",")[0::2] for row in one.splitlines()]  # all but the seconds
    assert [row.split(",")[0::2] for row in other.splitlines()] == steps


def test_time_runs_out_between_two_steps(tmp_path: Path) -> None:
    training = line(tmp_path)
    assert not train(training, most_seconds=0)
    assert train(line(tmp_path), every=1)


def test_a_longer_training_goes_on(tmp_path: Path) -> None:
    with pytest.raises(HaltedError):
        train(line(tmp_path), every=1, save_seconds=0, watch=halted_at(6))  # type: ignore[arg-type]
    longer = line(tmp_path, replace(SCHEDULE, steps=20))
    assert train(longer, every=1)
    rows = (tmp_path / "losses.csv").read_text().splitlines()
    assert [int(row.partition(",")[0]) for row in rows[1:]] == list(range(1, 21))


def test_a_shorter_training_is_over(tmp_path: Path) -> None:
    assert train(line(tmp_path), every=1)
    assert train(line(tmp_path, replace(SCHEDULE, steps=6)), every=1)


def test_no_number_stops_it_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="square became nan before step 6"):
        train(line(tmp_path, spoilt_from=5), every=1, save_seconds=0)
    mended = line(tmp_path)
    assert train(mended, every=1)
    whole = line(tmp_path / "whole")
    train(whole, every=1)
    assert weights(mended) == weights(whole)


def test_another_recipe_does_not_go_on(tmp_path: Path) -> None:
    train(line(tmp_path))
    with pytest.raises(DataError, match="of another recipe"):
        train(line(tmp_path, replace(SCHEDULE, rate=1.0)))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match=r"checkpoint\.pt: "):
        train(line(tmp_path))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The recipe of a tiny network on a few small pictures; their root."""
    schedule = Schedule(steps=24, batch=2, rate=3e-3, warm_up=4)
    network = replace(TINY, pixel_std=(58.0, 57.0, 57.0), shortest_side=96)
    recipe = Recipe(network, "cityscapes:val", schedule)
    monkeypatch.setitem(recipes.RECIPES, "mask-rcnn-toy", recipe)
    boxes_alone = Recipe(
        replace(network, masks=False), "cityscapes:val", replace(schedule, steps=2)
    )
    monkeypatch.setitem(recipes.RECIPES, "faster-rcnn-toy", boxes_alone)
    return red_cityscapes(tmp_path / "cityscapes")


@pytest.mark.slow
def test_a_network_is_made_with_one_command(bench: Bench, tiny: Path) -> None:
    result = bench("train", "mask-rcnn-toy", "--root", tiny, "--out", "made")
    assert result.status == 0, result.err
    assert "mask-rcnn-toy.safetensors" in result.out
    assert "Weights: made" in result.out
    with Image.open("made/training.png") as curves:
        assert curves.width > 300
    with open("made/losses.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    names = {"loss_cls", "loss_box_reg", "loss_mask", "loss_rpn_cls", "loss_rpn_loc"}
    assert names <= row.keys()
    task = open_task("mask-rcnn-toy=made/mask-rcnn-toy.safetensors")
    pixels = np.zeros((96, 192, 3), np.uint8)
    assert task.predict(pixels).size == (96, 192)


@pytest.mark.slow
def test_it_learns(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[float] = []

    def every_eighth(training: Training[object], **options: object) -> bool:
        def watch(progress: TrainingProgress) -> None:
            losses.append(sum(progress.losses.values()))

        return train(training, every=8, watch=watch)

    monkeypatch.setattr(session, "train", every_eighth)
    assert api.train("mask-rcnn-toy", Path("made"), root=tiny).whole
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.slow
def test_a_network_of_boxes_has_no_mask_head(bench: Bench, tiny: Path) -> None:
    assert bench("train", "faster-rcnn-toy", "--root", tiny, "--out", "made").status == 0
    names = read_checkpoint(Path("made/faster-rcnn-toy.safetensors")).tensors
    assert not [name for name in names if "mask" in name]
    assert bench("train", "faster-rcnn-toy", "--root", tiny, "--out", "made").status == 0


def test_what_is_not_known_is_answered_with_the_nearest(bench: Bench) -> None:
    result = bench("train", "mask-rcn-toy")
    assert result.status == 1
    assert "did you mean 'mask-rcnn-toy'?" in result.err


def test_pictures_without_labels_train_nothing(bench: Bench, tiny: Path) -> None:
    for path in tiny.rglob("*_instanceIds.png"):
        path.unlink()
    result = bench("train", "mask-rcnn-toy", "--root", tiny, "--out", "made")
    assert result.status == 1
    assert "no instance labels to train with" in result.err


def test_time_is_told_with_its_unit(bench: Bench) -> None:
    assert "90s, 8m or 2h" in bench("train", "mask-rcnn-toy", "--max-time", "8").err


def test_tensorboard_is_told(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    threads = set(threading.enumerate())
    with pytest.raises(HaltedError):
        train(line(tmp_path), every=1, save_seconds=0, watch=halted_at(6))  # type: ignore[arg-type]
    assert set(threading.enumerate()) <= threads  # nobody writes after the end
    assert train(line(tmp_path), every=1)
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in events.Scalars("losses/square")] == list(range(1, 13))
