"""Networks in ONNX files, by a card: each is written down in torch here and exported.

Red and green squares on black are what they find.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from support.command import run_bench
from torch import Tensor, nn

from bench import api
from bench.errors import BenchError
from bench.instances.detections import Detections
from bench.instances.predictions import ClassScores, SemanticMap
from bench.tasks.onnx_network import OnnxNetwork
from bench.tasks.task import open_task

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

SIZE = (60, 120)
SQUARES = {"red": (10, 15, 30, 35), "green": (70, 20, 110, 50)}  # x0, y0, x1, y1


class Lists(nn.Module):
    """As torchvision's detectors: a box around each colour, with a mask."""

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        seen = pictures[0, :2] > 0.5
        sides = []
        for axis in (1, 2):
            there = seen.any(dim=axis).float()
            places = torch.arange(there.shape[1])
            sides.append(((1 - there) * 1e4 + there * places).amin(dim=1))
            sides.append((there * (places + 1)).amax(dim=1))
        boxes = torch.stack([sides[0], sides[2], sides[1], sides[3]], dim=1)
        return boxes, torch.tensor([1, 2]), torch.tensor([0.9, 0.8]), seen[:, None].float()


class Rows(nn.Module):
    """As a YOLO: two rows for each colour, the second one only slightly off."""

    def __init__(self, transposed: bool, objectness: bool) -> None:
        super().__init__()
        self.lists, self.transposed, self.objectness = Lists(), transposed, objectness

    def forward(self, pictures: Tensor) -> Tensor:
        boxes = self.lists(pictures)[0]
        boxes = torch.cat([boxes, boxes + 1])
        centre, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        scores = torch.tensor([[0.9, 0], [0, 0.8], [0.7, 0], [0, 0.6]])
        sure = torch.full((4, 1), 0.5)
        rows = torch.cat([centre, sides, *([sure] if self.objectness else []), scores], dim=1)
        return (rows if self.transposed else rows.T)[None]


class Colours(nn.Module):
    """A score for black, red and green: of each second pixel, or of the picture."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, pictures: Tensor) -> Tensor:
        red, green = pictures[:, 0], pictures[:, 1]
        scores = torch.stack([1 - red - green, red, green], dim=1)
        return scores.mean(dim=(2, 3)) if self.whole else scores[:, :, ::2, ::2]


def picture(size: tuple[int, int] = SIZE) -> np.ndarray:
    pixels = np.zeros((*SIZE, 3), np.uint8)
    for channel, (x0, y0, x1, y1) in enumerate(SQUARES.values()):
        pixels[y0:y1, x0:x1, channel] = 255
    across = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.NEAREST)
    return np.asarray(across)


def save(folder: Path, network: nn.Module, outputs: list[str], card: str) -> Path:
    """The network and its card, for pictures of any size."""
    file = folder / "network.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, on its older exporter
        torch.onnx.export(
            network,
            (torch.rand(1, 3, *SIZE),),
            str(file),
            dynamo=False,
            input_names=["image"],
            output_names=outputs,
            dynamic_axes={"image": {2: "height", 3: "width"}},
        )
    path = folder / "mine.toml"
    path.write_text(f'title = "Mine"\nfile = "network.onnx"\n{card}')
    return path


TWO, THREE = 'classes = ["red", "green"]\n', 'classes = ["black", "red", "green"]\n'
UNIT = "deviation = [255, 255, 255]\n"
LISTS = f'finds = "masks"\n{TWO}[output]\nform = "lists"\n[input]\n{UNIT}'
NAMES = ["boxes", "labels", "scores", "masks"]


def assert_finds_the_squares(found: object, within: float) -> None:
    assert isinstance(found, Detections)
    assert [found.names[index] for index in found.classes] == list(SQUARES)
    assert found.size == SIZE
    np.testing.assert_allclose(found.boxes, list(SQUARES.values()), atol=within)


def test_lists_of_boxes_and_masks(tmp_path: Path) -> None:
    found = open_task(str(save(tmp_path, Lists(), NAMES, LISTS))).predict(picture())
    assert_finds_the_squares(found, 0)
    assert found.masks is not None
    assert [mask.box() for mask in found.masks] == list(SQUARES.values())


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_boxes_and_masks_are_of_the_picture_not_of_the_input(tmp_path: Path, fit: str) -> None:
    card = f'{LISTS}size = [160, 240]\nfit = "{fit}"\n'
    found = OnnxNetwork(save(tmp_path, Lists(), NAMES, card)).predict(picture())
    assert_finds_the_squares(found, 1)
    assert found.masks is not None
    for mask, box in zip(found.masks, SQUARES.values(), strict=True):
        np.testing.assert_allclose(mask.box(), box, atol=1)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("objectness", [True, False])
def test_rows_suppress_each_other(tmp_path: Path, transposed: bool, objectness: bool) -> None:
    card = f'finds = "boxes"\n{TWO}[input]\n{UNIT}multiple = 32\n[output]\nform = "rows"\n'
    card += f"objectness = {str(objectness).lower()}\n"
    path = save(tmp_path, Rows(transposed, objectness), ["scores"], card)
    found = OnnxNetwork(path).predict(picture())
    assert_finds_the_squares(found, 0)
    assert found.masks is None
    factor = 0.5 if objectness else 1
    np.testing.assert_allclose(found.scores, [0.9 * factor, 0.8 * factor], rtol=1e-6)


def test_a_map_has_the_size_of_the_picture(tmp_path: Path) -> None:
    card = f'finds = "semantic"\n{THREE}[input]\n{UNIT}[output]\nform = "map"\n'
    found = OnnxNetwork(save(tmp_path, Colours(whole=False), ["map"], card)).predict(picture())
    assert isinstance(found, SemanticMap)
    expected = picture()[:, :, 0] // 255 + picture()[:, :, 1] // 255 * 2
    assert found.classes.shape == SIZE
    assert (found.classes == expected).mean() > 0.95  # it sees every second pixel


def test_scores_of_classes(tmp_path: Path) -> None:
    card = f'finds = "class"\n{THREE}[input]\n{UNIT}colours = "BGR"\n[output]\nform = "scores"\n'
    found = OnnxNetwork(save(tmp_path, Colours(whole=True), ["scores"], card)).predict(picture())
    assert isinstance(found, ClassScores)
    # Blue comes first: nothing is red, and what is green stays so.
    area = 40 * 30 / (60 * 120)
    np.testing.assert_allclose(found.scores, [1 - area, 0, area], atol=1e-6)


def test_a_command_shows_what_it_finds(tmp_path: Path) -> None:
    path = save(tmp_path, Lists(), NAMES, LISTS)
    Image.fromarray(picture()).save(tmp_path / "picture.png")
    result = run_bench("predict", tmp_path / "picture.png", "--task", path)
    assert result.status == 0
    assert "red" in result.out
    assert "green" in result.out


def coco_folder(folder: Path, count: int = 6) -> Path:
    """Pictures of a red and a green square each, in noise, labelled as COCO's files are."""
    rng = np.random.default_rng(0)
    labels: list[dict[str, Any]] = []
    images = [{"id": i, "file_name": f"{i}.png", "height": 60, "width": 120} for i in range(count)]
    for number in range(count):
        pixels = rng.integers(0, 100, (*SIZE, 3)).astype(np.uint8)
        for channel in (0, 1):
            x, y = 60 * channel + int(rng.integers(0, 20)), int(rng.integers(0, 20))
            width, height = (int(side) for side in rng.integers(10, 36, 2))
            pixels[y : y + height, x : x + width, channel] = rng.integers(150, 256)
            one = {"id": 1 + len(labels), "image_id": number, "category_id": 1 + channel}
            box = {"bbox": [x, y, width, height], "area": width * height, "iscrowd": 0}
            labels.append(one | box)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    names = [{"id": 1, "name": "red"}, {"id": 2, "name": "green"}]
    content = {"images": images, "annotations": labels, "categories": names}
    (folder / "instances_val.json").write_text(json.dumps(content))
    return folder


@pytest.mark.slow
def test_codecs_are_compared_by_cocos_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "squares").mkdir()
    data = f"coco:{coco_folder(tmp_path / 'squares')}:instances_val.json"
    task = save(tmp_path, Lists(), NAMES, LISTS.replace("masks", "boxes"))
    run = ("run", "--codec", "jpeg", "--codec", "webp", "--metric", "bpp", "--pareto")
    result = run_bench(*run, "--data", data, "--task", f"{task}:coco-boxes", "--anchor", "jpeg")
    assert result.status == 0, result.err
    report = api.report(pareto=True, anchor="jpeg")
    rows = report.deltas.set_index("metric")
    assert "map:mine" in rows.index
    means = pd.read_csv("bench-results/report/means.csv")
    low, value, high = (means[f"map:mine{end}"] for end in ("_low", "", "_high"))
    assert ((low <= value) & (value <= high)).all()
    assert value.max() > value.min() > 0
    assert (means["map50:mine"] >= value).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('form = "lists"', 'form = "rows"', "form 'rows' has boxes"),
        ('form = "lists"', 'form = "lists"\nnames = {boxes = "b"}', "no output 'b' for boxes"),
        ("[output]", "[outputs]", "did you mean 'output'"),
        ("deviation = [255, 255, 255]", "deviation = [0, 1, 1]", "above 0"),
        ('"red", "green"', '"red", "red"', "named twice"),
        ('file = "network.onnx"', 'file = "lost.onnx"\nget = "ask me"', "lost.onnx; ask me"),
        ('file = "network.onnx"', 'file = "mine.toml"', "not a network"),
        ('file = "network.onnx"', 'file = "network.onnx"\nsha256 = "00"', "SHA-256"),
    ],
)
def test_a_wrong_card_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = save(tmp_path, Lists(), NAMES, LISTS)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BenchError) as caught:
        OnnxNetwork(path).predict(picture())
    assert message in str(caught.value)


def test_another_shape_is_named(tmp_path: Path) -> None:
    card = f'finds = "semantic"\n{TWO}[input]\n{UNIT}[output]\nform = "map"\n'
    path = save(tmp_path, Colours(whole=False), ["map"], card)
    with pytest.raises(BenchError, match=r"shape .*expected"):
        OnnxNetwork(path).predict(picture())


def test_the_fingerprint_is_of_the_card_and_the_file(tmp_path: Path) -> None:
    path = save(tmp_path, Lists(), NAMES, LISTS)
    first = OnnxNetwork(path).fingerprint
    path.write_text(path.read_text().replace('"Mine"', '"Yours"'))
    assert OnnxNetwork(path).fingerprint == first
    path.write_text(path.read_text().replace("[output]", "[output]\nlowest_score = 0.5"))
    assert OnnxNetwork(path).fingerprint != first
