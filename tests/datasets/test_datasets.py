"""Bringing data: Toyscapes on demand, Cityscapes as it is downloaded, any folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.command import Bench
from support.paths import SHARED
from support.pictures import picture

from bench.datasets import open_dataset
from bench.datasets.toyscapes import FIRST
from bench.errors import DataError

SAMPLE = SHARED / "data" / "cityscapes-sample"


@pytest.mark.slow
def test_toyscapes_is_rendered_as_far_as_it_is_asked_for(tmp_path: Path) -> None:
    message: list[tuple[Any, ...]] = []

    def tell(*news: Any) -> None:
        message.append(news)

    dataset = open_dataset("toyscapes:dev", root=tmp_path, limit=3, progress=tell)
    assert dataset.name == "toyscapes:dev[:3]"
    assert [entry.path.is_file() for entry in dataset.entries] == [True] * 3
    assert len(list(tmp_path.rglob("*_leftImg8bit.png"))) == 3
    assert message[0] == ("rendering toyscapes:dev", 0, 3)
    assert message[-1] == ("rendering toyscapes:dev", 3, 3)
    image = dataset.entries[0].load()
    assert (image.width, image.height) == (512, 256)
    assert image.instances
    assert image.depth
    assert dataset.remark is None

    message.clear()
    again = open_dataset(
        "toyscapes:dev", root=tmp_path, limit=3, progress=lambda *n: message.append(n)
    )
    assert not message
    assert again.digest == dataset.digest


@pytest.mark.slow
def test_one_scene_in_several_sizes(tmp_path: Path) -> None:
    dataset = open_dataset("toyscapes:dev@2", root=tmp_path, limit=1)
    image = dataset.entries[0].load()
    assert (image.width, image.height) == (1024, 512)
    assert dataset.name == "toyscapes:dev@2[:1]"
    assert dataset.kind == "toyscapes"


@pytest.mark.slow
def test_two_editions_of_toyscapes(tmp_path: Path) -> None:
    first, second = (
        open_dataset(f"{name}:dev", root=tmp_path / name, limit=1)
        for name in ("toyscapes", "toyscapes-2")
    )
    assert (first.version, second.version) == ("1", "2")
    assert second.name == "toyscapes-2:dev[:1]"
    assert second.remark is None
    assert first.digest != second.digest


@pytest.mark.slow
def test_a_machine_that_renders_other_pixels_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FIRST.pixels, "dev", "0" * 64)  # type: ignore[arg-type]
    dataset = open_dataset("toyscapes:dev", root=tmp_path, limit=1)
    assert dataset.remark
    assert "other pixels" in dataset.remark


@pytest.mark.slow
def test_a_scene_that_was_lost_is_rendered_again(tmp_path: Path) -> None:
    dataset = open_dataset("toyscapes:dev", root=tmp_path, limit=2)
    before = dataset.digest
    dataset.entries[1].path.unlink()
    assert open_dataset("toyscapes:dev", root=tmp_path, limit=2).digest == before


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    """Two images in Cityscapes' layout, one of them with labels."""
    root = tmp_path / "cityscapes"
    for index, city in enumerate(("lindau", "munster")):
        folder = root / "leftImg8bit" / "val" / city
        folder.mkdir(parents=True)
        Image.fromarray(picture(index, 64, 32)).save(folder / f"{city}_0_19_leftImg8bit.png")
    labels = root / "gtFine" / "val" / "lindau"
    labels.mkdir(parents=True)
    Image.fromarray(np.full((32, 64), 26001, np.uint16)).save(
        labels / "lindau_0_19_gtFine_instanceIds.png"
    )
    return root


def test_cityscapes_by_root_or_variable(cityscapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_root = open_dataset("cityscapes", root=cityscapes)
    assert [entry.name for entry in by_root.entries] == ["lindau_0_19", "munster_0_19"]
    assert by_root.entries[0].instances
    assert not by_root.entries[1].instances
    assert by_root.remark
    assert "2 of the 500" in by_root.remark
    assert "1 images have no gtFine" in by_root.remark
    monkeypatch.setenv("CITYSCAPES_DATASET", str(cityscapes))
    assert open_dataset("cityscapes:val").digest == by_root.digest


def test_what_is_missing_of_cityscapes_is_said(cityscapes: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CITYSCAPES_DATASET"):
        open_dataset("cityscapes")
    with pytest.raises(DataError, match="leftImg8bit_trainvaltest"):
        open_dataset("cityscapes", root=tmp_path)
    with pytest.raises(DataError, match="splits"):
        open_dataset("cityscapes:dev", root=cityscapes)
    shutil.rmtree(cityscapes / "leftImg8bit" / "val" / "lindau")
    shutil.rmtree(cityscapes / "leftImg8bit" / "val" / "munster")
    with pytest.raises(DataError, match="unpack"):
        open_dataset("cityscapes", root=cityscapes)


@pytest.mark.slow
@pytest.mark.skipif(not SAMPLE.is_dir(), reason="needs Cityscapes images beside the checkout")
def test_whole_cityscapes_frames(bench: Bench) -> None:
    command = ["run", "--data", "cityscapes", "--root", SAMPLE, "--limit", "2"]
    result = bench(*command, "--codec", "x265", "--codec", "jpeg", "--points", "jpeg=30,60")
    assert result.status == 0, result.err
    assert "of the 500 images" in result.err


def test_a_folder_in_order_of_names(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("b.png", "a.jpg", "c.webp"):
        Image.fromarray(picture(1, 32, 32)).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    os.mkfifo(folder / "pipe.png")  # reading it would wait for ever
    (folder / "lost.png").symlink_to("nowhere.png")
    dataset = open_dataset(str(folder))
    assert [entry.name for entry in dataset.entries] == ["a.jpg", "b.png", "c.webp", "lost.png"]
    assert dataset.remark == f"left out: 2 other files or folders in {folder}"
    assert dataset.kind == "folder"


def test_images_in_subfolders_where_there_are_no_others(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.png", "a/deep/1.png", ".hidden/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(1, 32, 32)).save(tmp_path / name)
    dataset = open_dataset(str(tmp_path))
    assert [entry.name for entry in dataset.entries] == ["a/deep/1.png", "b/1.png", "b/2.png"]
    Image.fromarray(picture(1, 32, 32)).save(tmp_path / "top.png")
    dataset = open_dataset(str(tmp_path))
    assert [entry.name for entry in dataset.entries] == ["top.png"]
    assert "subfolders" in (dataset.remark or "")


def test_the_classes_of_pixels_are_labels_too(cityscapes: Path) -> None:
    place = cityscapes / "gtFine" / "val" / "lindau"
    name = next(cityscapes.glob("leftImg8bit/val/lindau/*.png")).name
    labels = np.array([[0, 7, 8, 33], [29, 23, 24, 26]], np.uint8)
    Image.fromarray(labels).save(place / name.replace("leftImg8bit", "gtFine_labelIds"))
    dataset = open_dataset("cityscapes", root=cityscapes)
    names = dataset.classes["semantic"]
    assert len(names) == 19
    entry = next(entry for entry in dataset.entries if entry.semantic)
    truth = entry.truth("semantic")
    assert truth.classes.tolist() == [[255, 0, 1, 18], [255, 10, 11, 13]]
    assert [names[place] for place in (0, 1, 18, 10, 11, 13)] == [
        *("road", "sidewalk", "bicycle", "sky", "person", "car"),
    ]
    assert dataset.truths("semantic") == {entry.name: truth.digest}


def test_a_changed_pixel_is_another_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    pixels = picture(1, 32, 32)
    Image.fromarray(pixels).save(folder / "a.png")
    before = open_dataset(str(folder)).digest
    Image.fromarray(pixels).save(folder / "a.png", compress_level=0)
    assert open_dataset(str(folder)).digest == before
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(folder / "a.png")
    assert open_dataset(str(folder)).digest != before


def test_folders_that_are_none(tmp_path: Path) -> None:
    for wrong in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(DataError):
            open_dataset(str(wrong))
    with pytest.raises(DataError, match="--root"):
        open_dataset(str(tmp_path), root=tmp_path)


@pytest.mark.slow
def test_a_cache_that_cannot_be_used(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "cache"))
    result = bench("run", "--codec", "jpeg", "--limit", "1")
    assert result.status == 1
    assert "cache" in result.err
    assert "Traceback" not in result.err
