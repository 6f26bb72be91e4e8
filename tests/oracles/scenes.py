"""Random instances and predictions with all that the rules of evaluation speak of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.cityscapes_labels import CLASSES, EVALUATED
from bench.instances.detections import Detections
from bench.instances.run_lengths import encode

Mask = NDArray[np.bool_]


class Scene(NamedTuple):
    """One image's true instance ids, and what was predicted: label, score and mask."""

    instance_ids: NDArray[np.uint16]
    labels: list[int]
    scores: list[float]
    masks: list[Mask]


def ellipse(rng: np.random.Generator, shape: tuple[int, int], radius: tuple[int, int]) -> Mask:
    height, width = shape
    y, x = np.ogrid[:height, :width]
    cy, cx = rng.uniform(0, height), rng.uniform(0, width)
    ry, rx = rng.uniform(*radius, 2)
    inside: Mask = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
    return inside


def rectangle(rng: np.random.Generator, shape: tuple[int, int], pixels: int) -> Mask:
    """Of exactly so many pixels."""
    mask = np.zeros(shape, np.bool_)
    rows = int(rng.integers(6, 12))
    y, x = rng.integers(0, shape[0] - rows), rng.integers(0, shape[1] - 20)
    mask[y : y + rows, x : x + 20].T.flat = False
    block = np.zeros(rows * 20, np.bool_)
    block[:pixels] = True
    mask[y : y + rows, x : x + 20] = block.reshape(20, rows).T
    return mask


def random_scene(
    rng: np.random.Generator, shape: tuple[int, int], labels: Sequence[int], crowded: float = 1.0
) -> Scene:
    """Instances, groups, void, tiny regions; predictions that miss, repeat, stray and tie."""
    truth = rng.choice([7, 11, 23, 0, 4], size=1).astype(np.uint16).repeat(shape[0] * shape[1])
    truth = truth.reshape(shape)
    regions = []
    for index in range(rng.poisson(6 * crowded)):
        label = int(rng.choice([*labels, 29, 30]))
        mask = ellipse(rng, shape, (3, 22))
        kind = rng.random()
        if kind < 0.2:
            mask = rectangle(rng, shape, int(rng.choice([99, 100, 101, 60])))
        value = label if 0.2 <= kind < 0.35 else 1000 * label + index
        truth[mask] = value
        regions.append((label, value))
    for _ in range(rng.poisson(1)):
        truth[ellipse(rng, shape, (2, 15))] = rng.choice([0, 1, 3, 5, 9, 14, 18, 29, 30])
    predicted: tuple[list[int], list[float], list[Mask]] = ([], [], [])
    for label, value in regions:
        if label in (29, 30):
            label = int(rng.choice(labels))
        for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
            mask = truth == value
            amount = rng.choice([0, 1, 2, 4])
            mask = np.roll(mask, rng.integers(-amount, amount + 1, 2), (0, 1))
            if rng.random() < 0.3:
                mask &= rng.random(shape) < rng.uniform(0.5, 1)
            _add(rng, predicted, label if rng.random() < 0.85 else int(rng.choice(labels)), mask)
    for _ in range(rng.poisson(2 * crowded)):
        _add(rng, predicted, int(rng.choice([*labels, 7, 29])), ellipse(rng, shape, (2, 25)))
    return Scene(truth, *predicted)


def _add(
    rng: np.random.Generator,
    predicted: tuple[list[int], list[float], list[Mask]],
    label: int,
    mask: Mask,
) -> None:
    score = rng.random() if rng.random() < 0.5 else rng.choice([0.5, 0.75, 0.9])
    for column, value in zip(predicted, (label, float(np.float32(score)), mask), strict=True):
        column.append(value)  # type: ignore[arg-type]


def detections(scene: Scene) -> Detections:
    """The predictions of evaluated classes."""
    indices = {label.id: index for index, label in enumerate(EVALUATED)}
    kept = [i for i, label in enumerate(scene.labels) if label in indices]
    masks = tuple(encode(scene.masks[i]) for i in kept)
    return Detections(
        scene.instance_ids.shape,
        np.array([indices[scene.labels[i]] for i in kept], np.int64),
        np.array([scene.scores[i] for i in kept], np.float64),
        np.array([mask.box() for mask in masks], np.float64).reshape(-1, 4),
        masks,
        names=CLASSES,
    )


def write(scene: Scene, name: str, root: Path) -> tuple[Path, Path]:
    """As files of Cityscapes' formats: the instance ids, and the text that lists the masks."""
    truth = root / "gtFine" / "val" / "town" / f"{name}_gtFine_instanceIds.png"
    text = root / "results" / f"{name}_pred.txt"
    for path in (truth, text):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.instance_ids).save(truth)
    lines = []
    for index, (label, score, mask) in enumerate(
        zip(scene.labels, scene.scores, scene.masks, strict=True)
    ):
        Image.fromarray(mask).save(text.parent / f"{name}_{index}.png")
        lines.append(f"{name}_{index}.png {label} {score!r}\n")
    text.write_text("".join(lines))
    return truth, text


def write_predictions(detections: Detections, name: str, folder: Path) -> Path:
    """Write one image's detections as Cityscapes' evaluation reads them; the text file's path."""
    lines = []
    for index, mask in enumerate(detections.masks or ()):
        which = int(detections.classes[index])
        file = f"{name}_{index}_{CLASSES[which]}.png"
        Image.fromarray(mask.decode()).save(folder / file)  # of one bit, for speed
        lines.append(f"{file} {EVALUATED[which].id} {float(detections.scores[index])!r}\n")
    path = folder / f"{name}_pred.txt"
    path.write_text("".join(lines), "utf-8")
    return path
