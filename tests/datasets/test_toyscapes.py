"""Toyscapes: the same pixels everywhere, and labels that agree with one another."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.paths import environment

from bench.datasets.toyscapes import (
    PIXELS_DIGEST,
    SIZES,
    Scene,
    digest,
    files,
    render,
    scene_name,
    write_split,
)
from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.cycles import bicycle
from bench.datasets.toyscapes.light import daylight
from bench.datasets.toyscapes.raster import blank, stamp
from bench.datasets.toyscapes.stream import RandomStream

core = importlib.import_module("numpy._core._multiarray_umath")  # untyped
INSTANCES = (24, 25, 26, 27, 28, 31, 32, 33)
SAMPLE = 40


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [render("train", index) for index in range(SAMPLE)]


@pytest.mark.parametrize(
    "split", ["dev", *(pytest.param(name, marks=pytest.mark.slow) for name in ("train", "val"))]
)
def test_recorded_pixels(split: str) -> None:
    assert digest(split) == PIXELS_DIGEST[split]


def test_each_split_has_recorded_pixels() -> None:
    assert set(PIXELS_DIGEST) == set(SIZES) == {"train", "val", "dev"}


@pytest.mark.slow
def test_pixels_do_not_depend_on_cpu_features() -> None:
    usable = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    if not usable:
        pytest.skip("numpy dispatches on no feature of this CPU")
    program = "from bench.datasets.toyscapes import digest; print(digest('val', 3))"
    limited = {"NPY_DISABLE_CPU_FEATURES": " ".join(usable)}
    child = subprocess.run(
        [sys.executable, "-c", program],
        env=environment() | limited,
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == digest("val", 3), child.stderr


def test_the_same_scene_twice() -> None:
    one, other = render("dev", 5), render("dev", 5)
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.instance_ids, other.instance_ids)


def test_splits_do_not_overlap() -> None:
    names = [scene_name(split, index) for split, size in SIZES.items() for index in range(size)]
    assert len(set(names)) == sum(SIZES.values()) == 2300
    first = [render(split, 0).pixels for split in SIZES]
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])


@pytest.mark.parametrize("scale", [1, 2])
def test_shapes_and_types(scale: int) -> None:
    scene = render("dev", 0, scale)
    size = 256 * scale, 512 * scale
    assert scene.pixels.shape == (*size, 3) and scene.pixels.dtype == np.uint8
    assert scene.instance_ids.shape == size and scene.instance_ids.dtype == np.int32
    assert scene.label_ids.shape == size and scene.label_ids.dtype == np.uint8
    assert scene.depth.shape == size and scene.depth.dtype == np.float32


def test_unknown_splits_and_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="no split 'test'"):
        render("test", 0)
    with pytest.raises(ValueError, match="scale must be"):
        render("dev", 0, 5)


@pytest.mark.slow
def test_instances_agree_with_labels(scenes: list[Scene]) -> None:
    for scene in scenes:
        ids, labels = scene.instance_ids, scene.label_ids
        counted = ids >= 1000
        assert np.array_equal(ids[counted] // 1000, labels[counted])
        assert np.array_equal(ids[~counted], labels[~counted])
        assert set(np.unique(ids[counted] // 1000)) <= set(INSTANCES)
        assert np.bincount(ids[counted]).max(initial=0) > 0 or not counted.any()
        areas = np.bincount(ids[counted])
        assert (areas[areas > 0] >= 10).all()


@pytest.mark.slow
def test_frequencies_are_long_tailed(scenes: list[Scene]) -> None:
    found = [i // 1000 for scene in scenes for i in np.unique(scene.instance_ids) if i >= 1000]
    mean = {label: found.count(label) / SAMPLE for label in INSTANCES}
    assert 5 < mean[26] < 13
    assert 3 < mean[24] < 11
    assert 0.4 < mean[25] < 2
    assert 0.8 < mean[33] < 4
    assert all(0 < mean[label] < 1 for label in (27, 28, 31, 32))
    groups = {int(i) for scene in scenes for i in np.unique(scene.instance_ids) if 24 <= i <= 33}
    assert {24, 26, 33} <= groups


@pytest.mark.slow
def test_size_and_position_follow_depth(scenes: list[Scene]) -> None:
    checked = 0
    for scene in scenes:
        ground = scene.label_ids == 7
        first, last = (np.flatnonzero(ground.any(axis=1))[k] for k in (0, -1))
        far, near = (scene.depth[row][ground[row]].mean() for row in (first, last))
        assert far > 3 * near
        assert np.isinf(scene.depth[scene.label_ids == 23]).all()
        for ident in np.unique(scene.instance_ids):
            if ident // 1000 == 24:
                rows, columns = np.nonzero(scene.instance_ids == ident)
                metres = scene.depth[rows, columns]
                height = (rows.max() - rows.min() + 1) * float(metres.min()) / 565
                assert height < 2.4
                assert metres.max() - metres.min() < 1.5
                checked += 1
    assert checked > 50


def test_masks_are_filled_silhouettes() -> None:
    camera = Camera(512, 256, 565.0, 256.0, 112.0, 1.25)
    light = daylight(RandomStream("light"))
    frame = blank(256, 512)
    frame.colour[:] = 0.5
    patches = bicycle(camera, light, RandomStream("bicycle"), 0.0, 8.0, 1.57, 1.0)
    stamp(frame, patches, 33, 33000, (0.0, light.haze))
    mask = frame.ids == 33000
    seen_through = mask & (np.abs(frame.colour - 0.5).max(axis=2) < 0.02)
    assert mask.sum() > 2500
    assert seen_through.sum() > 0.3 * mask.sum()


@pytest.mark.slow
def test_one_scene_several_resolutions() -> None:
    for index in (1, 7):
        small, large = render("dev", index), render("dev", index, 2)
        halved = large.pixels.reshape(256, 2, 512, 2, 3).mean(axis=(1, 3))
        assert np.abs(halved - small.pixels).mean() < 8
        assert (large.instance_ids[::2, ::2] == small.instance_ids).mean() > 0.95
        assert (large.label_ids[::2, ::2] == small.label_ids).mean() > 0.93


def _snapshot(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_writing_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(files.SIZES, "dev", 3)

    def interrupt(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_split(tmp_path, "dev", jobs=1, progress=interrupt)
    begun = _snapshot(tmp_path)
    assert len(begun) == 4
    reports: list[tuple[int, int]] = []
    write_split(tmp_path, "dev", jobs=1, progress=lambda done, total: reports.append((done, total)))
    assert reports == [(1, 3), (2, 3), (3, 3)]
    complete = _snapshot(tmp_path)
    assert len(complete) == 12
    assert begun.items() <= complete.items()
    next(tmp_path.rglob("*_labelIds.png")).unlink()
    write_split(tmp_path, "dev", jobs=1)
    assert len(_snapshot(tmp_path)) == 12


@pytest.mark.slow
def test_files_hold_the_scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(files.SIZES, "val", 2)
    write_split(tmp_path, "val", jobs=2)
    scene = render("val", 1)
    stem = f"val/toyville/{scene_name('val', 1)}"
    stored: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        f"leftImg8bit/{stem}_leftImg8bit.png": scene.pixels,
        f"gtFine/{stem}_gtFine_instanceIds.png": scene.instance_ids,
        f"gtFine/{stem}_gtFine_labelIds.png": scene.label_ids,
        f"depth/{stem}_depth.png": files.stored_depth(scene),
    }
    assert len(_snapshot(tmp_path)) == 8
    for name, expected in stored.items():
        with Image.open(tmp_path / name) as image:
            assert np.array_equal(np.array(image), expected), name
    with Image.open(tmp_path / f"gtFine/{stem}_gtFine_instanceIds.png") as image:
        assert image.mode == "I;16"
