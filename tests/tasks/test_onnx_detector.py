"""A new user's detector and pictures: ONNX as torchvision exports it, and COCO's layout.

The detector is the shipped Mask R-CNN's boxes, written down for torch's exporter.
"""

from __future__ import annotations

import json
import math
import shutil
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import torch.nn.functional as functional
from support.command import Bench
from torch import Tensor, nn

from bench.datasets import open_dataset
from bench.datasets.cityscapes_labels import CLASSES
from bench.tasks.task import task_network
from bench.training.labels import instances_in, read_instances
from bench.vision.boxes import apply_deltas, clip
from bench.vision.operators import pairwise_iou

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

SIZE = (384, 768)  # of the network's input
BINS = 7
CARD = f"""
title = "Mine"
file = "detector.onnx"
finds = "boxes"
classes = {json.dumps(CLASSES)}
[input]
size = {list(SIZE)}
[output]
form = "lists"
"""


class Detector(nn.Module):
    """Boxes, labels from 1 and scores, for one picture of R, G, B from 0 to 255."""

    def __init__(self) -> None:
        super().__init__()
        self.network = task_network("mask-rcnn-toy").eval()

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pyramid = self.network.features(pictures.flip(1))
        proposals = self.proposals(pyramid)
        heads = self.network.roi_heads
        logits, deltas = heads.box_predictor(heads.box_head(self.pooled(pyramid, proposals)))
        scores, classes = logits.softmax(dim=1)[:, :-1].max(dim=1)
        boxes = apply_deltas(proposals, deltas, (10.0, 10.0, 5.0, 5.0))
        places = classes[:, None, None].expand(-1, 1, 4)
        boxes = clip(boxes.reshape(len(proposals), -1, 4).gather(1, places)[:, 0], SIZE)
        better = (scores[None] > scores[:, None]) & (classes[None] == classes[:, None])
        suppressed = ((pairwise_iou(boxes, boxes) > 0.5) & better).any(dim=1)
        return boxes, classes + 1, scores * (~suppressed).float()

    def proposals(self, pyramid: list[Tensor]) -> Tensor:
        """The likeliest boxes of each level."""
        generator = self.network.proposal_generator
        found = []
        levels = zip(generator.anchors(pyramid), *generator(pyramid), strict=True)
        for anchors, logits, deltas in levels:
            best = logits[0].topk(min(60, len(anchors))).indices
            found.append(clip(apply_deltas(anchors[best], deltas[0][best], (1.0,) * 4), SIZE))
        return torch.cat(found)

    def pooled(self, pyramid: list[Tensor], boxes: Tensor) -> Tensor:
        """A sample in the middle of each bin of each box, of the level that suits its size."""
        sides = boxes[:, 2:] - boxes[:, :2]
        canonical = self.network.roi_heads.canonical_side
        level = (4 + (sides.prod(dim=1).sqrt() / canonical + 1e-8).log2()).floor().clamp(2, 5)
        bins = (torch.arange(BINS) + 0.5) / BINS
        across, down = (
            (boxes[:, axis, None] + sides[:, axis, None] * bins) / SIZE[1 - axis] * 2 - 1
            for axis in (0, 1)
        )
        rows, columns = torch.arange(BINS).repeat_interleave(BINS), torch.arange(BINS).repeat(BINS)
        grid = torch.stack([across[:, columns], down[:, rows]], dim=2)[None]
        pooled = [
            functional.grid_sample(features, grid, align_corners=False)[0].permute(1, 0, 2)
            * (level == index + 2)[:, None, None].float()
            for index, features in enumerate(pyramid[:4])
        ]
        return torch.stack(pooled).sum(dim=0).reshape(len(boxes), -1, BINS, BINS)


def export(folder: Path) -> Path:
    """The detector and its card."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch, on its older exporter
        torch.onnx.export(
            Detector(),
            (torch.rand(1, 3, *SIZE) * 255,),
            str(folder / "detector.onnx"),
            dynamo=False,
            opset_version=17,
            input_names=["image"],
            output_names=["boxes", "labels", "scores"],
        )
    path = folder / "mine.toml"
    path.write_text(CARD)
    return path


def coco_folder(folder: Path, count: int) -> Path:
    """Toyscapes' pictures and boxes, as COCO has them."""
    folder.mkdir()
    images, labels = list[dict[str, Any]](), list[dict[str, Any]]()
    for number, entry in enumerate(open_dataset("toyscapes:dev", limit=count).entries[:count]):
        shutil.copy(entry.path, folder / f"{entry.name}.png")
        named = {"id": number, "file_name": f"{entry.name}.png"}
        images.append(named | {"width": 512, "height": 256})
        for place, (x0, y0, x1, y1), mask in instances_in(read_instances(entry)):
            one = {"id": len(labels) + 1, "image_id": number, "category_id": place + 1}
            box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": int(mask.sum()), "iscrowd": 0}
            labels.append(one | box)
    names = [{"id": place + 1, "name": name} for place, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": labels, "categories": names}
    (folder / "instances_val.json").write_text(json.dumps(content))
    return folder


@pytest.mark.slow
def test_codecs_are_compared_by_the_map_of_ones_own_detector(bench: Bench, tmp_path: Path) -> None:
    data, card = coco_folder(tmp_path / "mine", 4), export(tmp_path)
    points = ("--points", "jpeg=2,5,12,30", "--points", "jpeg2000=320,160,90,50")
    codecs = ("--codec", "jpeg", "--codec", "jpeg2000", *points)
    run = ("run", *codecs, "--metric", "psnr_y", "--pareto")
    result = bench(*run, "--data", f"coco:{data}", "--task", card)
    assert result.status == 0, result.err
    means = pd.read_csv("bench-results/report/means.csv")
    assert len(means) == 8
    value = means["map:mine"]
    assert ((means["map:mine_low"] <= value) & (value <= means["map:mine_high"])).all()
    for _, of_codec in means.groupby("codec"):
        values = of_codec["map:mine"].to_numpy()
        assert 0 <= values[0] < values[-1] < 1
    assert value.max() > 0.2
    deltas = pd.read_csv("bench-results/report/bjontegaard.csv").set_index("metric")
    low, found, high = (float(deltas[f"bd_rate{end}"]["map:mine"]) for end in ("_low", "", "_high"))
    assert math.isfinite(found) and low <= found <= high

    folder = tmp_path / "pictures"  # the same without labels
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("*.json"))
    pseudo = ("--results", "pseudo", "--data", folder, "--task", card)
    assert "--truth pseudo" in bench(*run, *pseudo).err
    result = bench(*run, *pseudo, "--truth", "pseudo")
    assert result.status == 0, result.err
    means = pd.read_csv("pseudo/report/means.csv")
    assert means["wap:mine:pseudo"].between(0, 1).all()
    assert means["wap:mine:pseudo"].max() > 0.3
