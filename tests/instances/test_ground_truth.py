"""Ground truth from Cityscapes' two kinds of files, and what it says of an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cityscapesscripts.helpers.annotation import Annotation
from cityscapesscripts.preparation.json2instanceImg import createInstanceImage
from PIL import Image

from bench.datasets.cityscapes_labels import CLASSES, LABELS
from bench.datasets.cityscapes_polygons import draw_instances
from bench.datasets.cityscapes_truth import from_instance_ids, read_ground_truth
from bench.errors import DataError
from bench.instances.run_lengths import encode

NAMES = [label.name for label in LABELS]


def random_ids(seed: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    rng = np.random.default_rng(seed)
    ids = rng.choice([0, 7, 26, 24001, 26003, 29000], (9, 13)).astype(np.uint16)
    return ids.repeat(rng.integers(1, 6), axis=0)


@pytest.mark.parametrize("seed", range(10))
def test_regions_and_what_masks_share_with_them(seed: int) -> None:
    ids = random_ids(seed)
    truth = from_instance_ids(ids)
    rng = np.random.default_rng(seed)
    masks = [rng.random(ids.shape) < share for share in (0, 0.02, 0.5, 1)]
    masks.append(np.zeros(ids.shape, np.bool_))
    masks[-1][:, 2:9] = True  # runs over many columns
    shared = truth.intersections([encode(mask) for mask in masks])
    for column, value in enumerate(truth.ids):
        region = ids == value
        assert truth.areas[column] == region.sum()
        assert tuple(truth.boxes[column]) == encode(region).box()
        assert shared[:, column].tolist() == [(mask & region).sum() for mask in masks]
    assert truth.intersections([]).shape == (0, len(truth.ids))
    assert truth.ids[truth.void].tolist() == [0]


def test_instance_ids_are_read(tmp_path: Path) -> None:
    ids = random_ids(1)
    Image.fromarray(ids).save(tmp_path / "a.png")
    truth = read_ground_truth(tmp_path / "a.png")
    assert (truth.height, truth.width) == ids.shape
    assert truth.digest == from_instance_ids(ids).digest


def polygons(seed: int) -> dict[str, Any]:
    """Objects of all labels, in and out of the image, some groups, some deleted."""
    rng = np.random.default_rng(seed)
    names = [*NAMES, "cargroup", "persongroup", "bicyclegroup", "caravangroup"]
    objects = []
    for _ in range(60):
        corners = rng.integers(3, 9)
        x, y = rng.integers(-10, 210), rng.integers(-10, 110)
        points = rng.normal((x, y), 15, (corners, 2)).round(int(rng.integers(0, 2)))
        item: dict[str, Any] = {"label": str(rng.choice(names)), "polygon": points.tolist()}
        if rng.random() < 0.2:
            item["deleted"] = int(rng.integers(0, 2))
        objects.append(item)
    return {"imgWidth": 200, "imgHeight": 100, "objects": objects}


@pytest.mark.parametrize("seed", range(12))
def test_polygons_are_drawn_as_cityscapes_does(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "x_gtFine_polygons.json"
    path.write_text(json.dumps(polygons(seed)))
    annotation = Annotation()
    annotation.fromJsonFile(str(path))
    expected = np.asarray(createInstanceImage(annotation, "ids"))
    assert (draw_instances(path) == expected).all()
    assert read_ground_truth(path).digest == from_instance_ids(expected).digest


def test_the_evaluated_classes() -> None:
    assert CLASSES == ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")


def content(**changes: Any) -> str:
    item = {"label": "car", "polygon": [[0, 0], [5, 0], [5, 5]]}
    whole = {"imgWidth": 9, "imgHeight": 9, "objects": [item | changes]}
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read"),
        ("[]", "not Cityscapes' polygons"),
        ("{}", "not Cityscapes' polygons"),
        ('{"imgWidth": 9, "imgHeight": 0, "objects": []}', "size 9x0"),
        ('{"imgWidth": 99999999, "imgHeight": 99999, "objects": []}', "size 99999999x99999"),
        (content(label="unicorn"), "label 'unicorn'"),
        (content(label="unicorngroup"), "label 'unicorngroup'"),
        (content(label=3), "not Cityscapes' polygons"),
        (content(polygon=[[1, 2]]), "not Cityscapes' polygons"),
        (content(polygon=[[1, 2, 3], [1, 2, 3]]), "not Cityscapes' polygons"),
        (content(polygon="abc"), "not Cityscapes' polygons"),
    ],
)
def test_broken_polygons_are_refused(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=problem) as caught:
        read_ground_truth(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_broken_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cases = {"no such": None, "not a readable image": b"hello"}
    Image.fromarray(random_ids(0)).save(path)
    cases["damaged"] = path.read_bytes()[:-60]
    for problem, data in cases.items():
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(DataError, match=problem):
            read_ground_truth(path)
    with pytest.raises(DataError, match="no such"):
        read_ground_truth(tmp_path / "a.json")
    Image.new("L", (9, 9)).save(path)
    with pytest.raises(DataError, match="L samples, not the 16 bits"):
        read_ground_truth(path)
    Image.fromarray(np.full((9, 9), 34001, np.uint16)).save(path)
    with pytest.raises(DataError, match="instance id 34001"):
        read_ground_truth(path)
