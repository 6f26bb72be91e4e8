"""The instances of a labelled picture, as training targets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from bench.datasets import Entry
from bench.errors import DataError
from bench.images.image import open_image
from bench.instances.labels import EVALUATED
from bench.vision.rcnn import TrainingTargets

_MIN_PIXELS = 16  # of an instance; fewer do not show it
_CLASSES = {label.id: index for index, label in enumerate(EVALUATED)}

Ids = NDArray[np.uint16]
Box = tuple[int, int, int, int]  # left, top, right, bottom


def read_instances(entry: Entry) -> Ids:
    """The instance id of each pixel, as in Cityscapes."""
    if entry.instances is None:
        raise DataError(f"{entry.name}: no instance labels to train with")
    with open_image(entry.instances) as opened:
        return np.asarray(opened).astype(np.uint16)


def instances_in(ids: Ids) -> Iterator[tuple[int, Box, NDArray[np.bool_]]]:
    """The class, the box and the mask of each instance of a class that is evaluated."""
    for instance in np.unique(ids[ids >= 1000]):
        label, mask = int(instance) // 1000, ids == instance
        if label not in _CLASSES or mask.sum() < _MIN_PIXELS:
            continue
        across, down = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        box = int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1
        yield _CLASSES[label], box, mask


def truth_of(ids: Ids, scale: tuple[float, float]) -> TrainingTargets:
    """The instances in a map of ids, whose coordinates are scaled across and down."""
    found = list(instances_in(ids))
    boxes = np.array([box for _, box, _ in found]).reshape(-1, 4) * np.array([*scale, *scale])
    return TrainingTargets(
        torch.from_numpy(boxes.astype(np.float32)),
        torch.tensor([index for index, _, _ in found], dtype=torch.long),
        torch.from_numpy(np.array([mask for _, _, mask in found]).reshape(-1, *ids.shape)),
    )
