"""A task that needs no network: it finds what is red, worse and worse as a codec blurs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from bench.datasets.cityscapes_labels import CLASSES
from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.instances.predictions import Finds
from bench.instances.run_lengths import encode

CAR = 2  # among the evaluated classes
CAR_ID = 26


@dataclass
class RedThings:
    """Each patch of red is a car, the surer the redder."""

    name: str = "red-things"
    title: str = "Finds what is red"
    finds: Finds = "masks"
    classes: tuple[str, ...] = CLASSES
    fingerprint: str = "red 1"
    looked: list[str] = field(default_factory=list)  # one for each picture

    def predict(self, pixels: Pixels) -> Detections:
        self.looked.append("")
        redness = pixels[..., 0].astype(int) - pixels[..., 1:].max(axis=2)
        patches, count = ndimage.label(redness > 60)
        masks = [patches == number for number in range(1, count + 1)]
        runs = tuple(encode(mask) for mask in masks)
        return Detections(
            pixels.shape[:2],
            np.full(count, CAR),
            np.array([redness[mask].mean() / 255 for mask in masks]),
            np.array([run.box() for run in runs], float).reshape(-1, 4),
            runs if self.finds == "masks" else None,
            names=self.classes,
        )


def red_cityscapes(root: Path, count: int = 6, enlarged: int = 1) -> Path:
    """Pictures of red cars on grey noise in Cityscapes' layout, labels included."""
    for index in range(count):
        rng = np.random.default_rng(index)
        pixels = rng.normal(110, 25, (96, 192, 1)).repeat(3, 2)
        instance_ids = np.full((96, 192), 7, np.uint16)
        for number in range(4):
            y, x = rng.integers(4, 70), 8 + 46 * number
            place = (slice(y, y + rng.integers(12, 22)), slice(x, x + rng.integers(12, 34)))
            pixels[place] = np.array([160 + 25 * number, 60, 60]) + rng.normal(0, 30, 3)
            instance_ids[place] = 1000 * CAR_ID + number
        name = f"a_{index:06d}_000019"
        for kind, array in (
            ("leftImg8bit", pixels.clip(0, 255).astype(np.uint8)),
            ("gtFine_instanceIds", instance_ids),
        ):
            folder = root / kind.partition("_")[0] / "val" / "a"
            folder.mkdir(parents=True, exist_ok=True)
            array = array.repeat(enlarged, 0).repeat(enlarged, 1)
            Image.fromarray(array).save(folder / f"{name}_{kind}.png")
    return root


def add_semantic_labels(root: Path) -> Path:
    """A label for each pixel of a Cityscapes of red cars; the first rows are void."""
    for path in root.glob("gtFine/val/a/*_instanceIds.png"):
        ids = np.asarray(Image.open(path)).astype(int)
        labels = np.where(ids < 1000, ids, ids // 1000).astype(np.uint8)
        labels[:5] = 0
        Image.fromarray(labels).save(str(path).replace("instanceIds", "labelIds"))
    return root
