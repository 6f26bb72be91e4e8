"""Data sets in COCO's layout, against COCO's own tool."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes.task import RedThings, red_cityscapes
from oracles import coco
from PIL import Image
from pycocotools import mask as coco_masks
from support.command import Bench
from support.seeds import seeds

from bench import api
from bench.datasets import open_dataset
from bench.datasets.coco_masks import draw_polygon, mask_of
from bench.errors import DataError
from bench.images.image import read_pixels
from bench.instances.objects import Objects
from bench.instances.run_lengths import encode, from_coco

CATEGORIES = [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}]


def red_coco(root: Path, count: int = 4) -> Path:
    """Pictures of red cars and their outlines, one of them a crowd; one picture has no labels."""
    content: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": CATEGORIES}
    city = red_cityscapes(root / "made", count)
    folder = root / "cars"
    (folder / "val2017").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for number, path in enumerate(sorted(city.glob("leftImg8bit/val/a/*.png"))):
        name = f"{number:012}.png"
        content["images"].append({"id": 7 + number, "file_name": name, "width": 192, "height": 96})
        ids = np.asarray(Image.open(str(path).replace("leftImg8bit", "gtFine", 1).replace(
            "leftImg8bit.png", "gtFine_instanceIds.png"
        )))  # fmt: skip
        for car in range(4) if number else ():
            x0, y0, x1, y1 = encode(ids == 26000 + car).box()
            corners = [x0, y0, x1, y0, x1, y1, x0, y1]
            runs = {"size": [96, 192], "counts": encode(ids == 26000 + car).counts.tolist()}
            crowd = int(number == 2 and car == 1)
            content["annotations"].append({
                "id": 1 + len(content["annotations"]), "image_id": 7 + number, "category_id": 3,
                "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
                "iscrowd": crowd, "segmentation": runs if crowd else [corners],
            })  # fmt: skip
        path.rename(folder / "val2017" / name)
    (folder / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    return folder


def changed(folder: Path, change: Any) -> str:
    """The data set with its file of annotations changed."""
    file = folder / "annotations" / "instances_val2017.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return f"coco:{folder}"


@pytest.mark.parametrize("seed", seeds(300, quick=60))
def test_polygons_are_drawn_as_cocos_tool_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 120, 2))
    outlines = []
    for _ in range(rng.integers(1, 4)):
        corners = rng.uniform(-15, 140, (rng.integers(3, 12), 2)).round(int(rng.choice([0, 1, 9])))
        if rng.random() < 0.3:
            corners[1] = corners[0]
        outlines.append(corners.ravel().tolist())
    tools = coco_masks.merge(coco_masks.frPyObjects(outlines, height, width))
    assert mask_of(outlines, height, width) == from_coco(tools)


def test_labels_are_what_the_file_says(tmp_path: Path) -> None:
    folder = red_coco(tmp_path)
    dataset = open_dataset(f"coco:{folder}")
    assert dataset.classes == {"instances": ("person", "car")}
    assert [entry.name for entry in dataset.entries] == [f"{n:012}.png" for n in range(4)]
    bare, _, crowded, _ = (entry.truth("instances") for entry in dataset.entries)
    assert isinstance(bare, Objects) and len(bare) == 0
    assert crowded.classes.tolist() == [1] * 4
    assert crowded.crowd.tolist() == [False, True, False, False]
    assert [mask.area for mask in crowded.masks or ()] == crowded.areas.tolist()
    assert crowded.boxes[0].tolist() == list(crowded.mask(0).box())
    assert dataset.truths("instances")[dataset.entries[2].name] == crowded.digest


def test_a_changed_label_is_another_truth(tmp_path: Path) -> None:
    folder = red_coco(tmp_path)
    before = open_dataset(f"coco:{folder}").truths("instances")
    data = changed(folder, lambda content: content["annotations"][0].update(iscrowd=1))
    after = open_dataset(data).truths("instances")
    assert [name for name in before if before[name] != after[name]] == ["000000000001.png"]


@pytest.mark.slow
def test_a_run_gives_cocos_figures(bench: Bench, red: RedThings, tmp_path: Path) -> None:
    red.classes = ("dog", "lorry", "Car")  # the class is found by its name
    folder = red_coco(tmp_path)
    result = bench(
        "run", "--codec", "jpeg", "--codec", "jpeg2000", "--data", f"coco:{folder}", "--metric",
        "psnr_rgb", "--task", "red-things", "--save-decoded", "decoded",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert "mAP, red-things" in result.out
    assert "dog" in result.err and "person" in result.err  # they have no partner
    content = json.loads((folder / "annotations" / "instances_val2017.json").read_text())
    names = ("map", "map50", "map75", "map_s", "map_m", "map_l")
    with Path("bench-results/report/means.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        results = []
        for image in content["images"]:
            place = Path("decoded", row["codec"], f"{row['unit']}-{row['point']}")
            found = red.predict(read_pixels(place / f"{image['file_name']}.png"))
            for score, mask in zip(found.scores.tolist(), found.masks or (), strict=True):
                one = {"image_id": image["id"], "category_id": 3, "score": score}
                results.append(one | {"segmentation": mask.to_coco()})
        expected = coco.evaluate(content, results, "segm").stats[:6]
        for name, value in zip(names, expected, strict=True):
            figure = float(row[f"{name}:red-things"] or "nan")
            assert figure == pytest.approx(value if value >= 0 else np.nan, abs=1e-9, nan_ok=True)
    looked = len(red.looked)
    again = bench("report", "--data", f"coco:{folder}")
    assert again.status == 0, again.err
    assert "map:red-things" in [each.metric for each in api.report().comparisons]
    boxes = api.run(
        ["jpeg"], data=f"coco:{folder}", metrics=["psnr_rgb"], tasks=["red-things:coco-boxes"]
    )
    assert boxes.outcome.encoded.total() == 0
    assert len(red.looked) > looked
    assert [task.metric for task in boxes.results.tasks] == ["map:red-things:coco-boxes"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("categories"), "not COCO's annotations"),
        (lambda content: content["annotations"][0].update(image_id=99), "not COCO's annotations"),
        (lambda content: content.update(images=[], annotations=[]), "no images"),
        (lambda content: content["images"][0].update(file_name="../x.png"), "invalid file_name"),
        (lambda content: content["images"][0].update(id=float("inf")), "not COCO's annotations"),
        (lambda content: content.update(annotations=[7]), "not COCO's annotations"),
        (lambda content: content["categories"].append({"id": 4, "name": "car"}), "one name"),
        (lambda content: [one.update(file_name="gone") for one in content["images"]], "none of"),
    ],
)
def test_files_that_are_wrong_are_one_line(
    bench: Bench, tmp_path: Path, change: Any, message: str
) -> None:
    data = changed(red_coco(tmp_path, 2), change)
    result = bench("run", "--codec", "jpeg", "--data", data, "--metric", "bpp")
    assert result.status == 1
    assert message in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3, 4]],
        [[float("nan")] * 6],
        {"size": [9, 9], "counts": [81]},
        [["x"] * 6],
        "abc",
        [[0, 0, 1e7, 0, 0, 9]],
        {"size": [96, 192], "counts": [2**70]},
    ],
)
def test_an_outline_that_is_none_is_one_line(tmp_path: Path, segmentation: Any) -> None:
    change = {"segmentation": segmentation}
    data = changed(red_coco(tmp_path, 2), lambda c: c["annotations"][0].update(change))
    entry = open_dataset(data).entries[1]
    with pytest.raises(DataError, match=r"instances_val2017\.json: labels of 000000000001"):
        entry.truth("instances")


def test_the_file_is_named_where_there_are_several(tmp_path: Path) -> None:
    folder = red_coco(tmp_path, 2)
    file = folder / "annotations" / "instances_val2017.json"
    (folder / "other.json").write_text(file.read_text())
    with pytest.raises(DataError, match="several"):
        open_dataset(f"coco:{folder}")
    assert len(open_dataset(f"coco:{folder}:instances_val2017.json").entries) == 2
    with pytest.raises(DataError, match=r"no lost\.json"):
        open_dataset(f"coco:{folder}:lost.json")
    with pytest.raises(DataError, match="no folder"):
        open_dataset(f"coco:{tmp_path / 'nowhere'}")
    with pytest.raises(DataError, match="which folder"):
        open_dataset("coco")


def test_boxes_are_enough(tmp_path: Path) -> None:
    folder = red_coco(tmp_path, 2)

    def change(content: dict[str, list[Any]]) -> None:
        for one in content["annotations"]:
            del one["segmentation"]

    data = changed(folder, change)
    dataset = open_dataset(data)
    assert dataset.measures == ("coco-boxes",)
    assert not dataset.entries[1].truth("instances").has_masks


def test_a_missing_image_is_a_remark(tmp_path: Path) -> None:
    folder = red_coco(tmp_path, 3)
    (folder / "val2017" / "000000000001.png").unlink()
    dataset = open_dataset(f"coco:{folder}")
    assert len(dataset.entries) == 2
    assert "1 of the 3 images" in (dataset.remark or "")


def test_an_outline_needs_three_corners() -> None:
    with pytest.raises(DataError, match="three corners"):
        draw_polygon([1, 2, 3, 4], 9, 9)
