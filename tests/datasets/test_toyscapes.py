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
    FIRST,
    SECOND,
    SIZES,
    Edition,
    Scene,
    digest,
    files,
    labels_digest,
    render,
    scene_name,
    write_split,
)
from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.cycles import bicycle
from bench.datasets.toyscapes.light import daylight
from bench.datasets.toyscapes.raster import blank, stamp
from bench.datasets.toyscapes.scene import stored_depth
from bench.datasets.toyscapes.stream import RandomStream

core = importlib.import_module("numpy._core._multiarray_umath")  # untyped
INSTANCES = (24, 25, 26, 27, 28, 31, 32, 33)
SAMPLE = 40
# Cityscapes' 19 classes: road to bicycle.
EVALUATED = {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, *INSTANCES}
# The median size in pixels of ten frames' instances of at least 100 pixels, as a side.
SIDE_IN_CITYSCAPES = 40.1


@pytest.fixture(scope="module", params=[FIRST, SECOND], ids=["1", "2"])
def edition(request: pytest.FixtureRequest) -> Edition:
    edition: Edition = request.param
    return edition


@pytest.fixture(scope="module")
def scenes(edition: Edition) -> list[Scene]:
    return [render("train", index, edition=edition) for index in range(SAMPLE)]


SPLITS = ["dev", *(pytest.param(name, marks=pytest.mark.slow) for name in ("train", "val"))]


@pytest.mark.parametrize("split", SPLITS)
def test_recorded_pixels_and_labels(edition: Edition, split: str) -> None:
    assert digest(split, edition=edition) == edition.pixels[split]
    assert labels_digest(split, edition) == edition.labels[split]


def test_each_split_has_recorded_pixels(edition: Edition) -> None:
    assert set(edition.pixels) == set(edition.labels) == set(SIZES) == {"train", "val", "dev"}


@pytest.mark.slow
def test_pixels_do_not_depend_on_cpu_features() -> None:
    usable = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    if not usable:
        pytest.skip("numpy dispatches on no feature of this CPU")
    program = (
        "from bench.datasets.toyscapes import SECOND, digest, labels_digest;"
        "print(digest('val', 3), digest('val', edition=SECOND), labels_digest('val', SECOND))"
    )
    limited = {"NPY_DISABLE_CPU_FEATURES": " ".join(usable)}
    child = subprocess.run(
        [sys.executable, "-c", program],
        env=environment() | limited,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [digest("val", 3), SECOND.pixels["val"], SECOND.labels["val"]]
    assert child.stdout.split() == expected, child.stderr


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
def test_objects_of_the_second_edition_are_as_large_as_in_cityscapes() -> None:
    areas, classes = [], set()
    for index in range(100):
        scene = render("dev", index, edition=SECOND)
        areas += np.unique(scene.instance_ids[scene.instance_ids >= 1000], return_counts=True)[
            1
        ].tolist()
        classes |= set(np.unique(scene.label_ids).tolist())
    sides = np.sqrt([area for area in areas if area >= 100])
    assert abs(np.median(sides) / SIDE_IN_CITYSCAPES - 1) < 0.25
    assert (sides < 16).mean() < 0.17
    assert classes >= EVALUATED


@pytest.mark.slow
def test_frequencies_are_long_tailed(scenes: list[Scene]) -> None:
    found = [i // 1000 for scene in scenes for i in np.unique(scene.instance_ids) if i >= 1000]
    mean = {label: found.count(label) / SAMPLE for label in INSTANCES}
    assert 3 < mean[26] < 13
    assert 3 < mean[24] < 11
    assert 0.4 < mean[25] < 2
    assert 0.8 < mean[33] < 4
    assert all(0 < mean[label] < 1 for label in (27, 28, 31, 32))
    groups = {int(i) for scene in scenes for i in np.unique(scene.instance_ids) if 24 <= i <= 33}
    assert {24, 26, 33} <= groups


@pytest.mark.slow
def test_size_and_position_follow_depth(edition: Edition, scenes: list[Scene]) -> None:
    checked = 0
    for scene in scenes:
        ground = scene.label_ids == 7
        first, last = (np.flatnonzero(ground.any(axis=1))[k] for k in (0, -1))
        far, near = (scene.depth[row][ground[row]].mean() for row in (first, last))
        assert far > (3 if edition.zoom == 1 else 1.5) * near
        assert np.isinf(scene.depth[scene.label_ids == 23]).all()
        for ident in np.unique(scene.instance_ids):
            if ident // 1000 == 24:
                rows, columns = np.nonzero(scene.instance_ids == ident)
                metres = scene.depth[rows, columns]
                height = (rows.max() - rows.min() + 1) * float(metres.min()) / (565 * edition.zoom)
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
        f"depth/{stem}_depth.png": stored_depth(scene),
    }
    assert len(_snapshot(tmp_path)) == 8
    for name, expected in stored.items():
        with Image.open(tmp_path / name) as image:
            assert np.array_equal(np.array(image), expected), name
    with Image.open(tmp_path / f"gtFine/{stem}_gtFine_instanceIds.png") as image:
        assert image.mode == "I;16"
