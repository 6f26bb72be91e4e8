"""The instances of a labelled picture, as training targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.datasets import Entry
from bench.datasets.cityscapes_truth import from_instance_ids, read_instance_ids
from bench.errors import DataError
from bench.instances.run_lengths import encode
from bench.vision.detector import TrainingTargets

_MIN_PIXELS = 16  # of an instance; fewer do not show it

Ids = NDArray[np.uint16]
Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, eq=False)
class LabelledBatch:
    """Pictures of one size and, if they are labelled, the instances in each."""

    pictures: Tensor
    truth: tuple[TrainingTargets, ...]

    def to(self, device: torch.device) -> LabelledBatch:
        if device.type == "cpu":
            return self
        pictures = self.pictures.pin_memory().to(device, non_blocking=True)
        return LabelledBatch(pictures, tuple(targets.to(device) for targets in self.truth))


def read_instances(entry: Entry) -> Ids:
    """The instance id of each pixel, as in Cityscapes."""
    if entry.instances is None:
        raise DataError(f"{entry.name}: no instance labels to train with")
    return read_instance_ids(entry.instances.path).astype(np.uint16)


def instances_in(ids: Ids) -> Iterator[tuple[int, Box, NDArray[np.bool_]]]:
    """The class, the box and the mask of each instance of a class that is evaluated."""
    truth = from_instance_ids(ids)
    for place in np.flatnonzero((truth.classes >= 0) & ~truth.crowd):
        mask = ids == truth.ids[place]
        if mask.sum() >= _MIN_PIXELS:
            yield int(truth.classes[place]), encode(mask).box(), mask


def truth_of(ids: Ids, scale: tuple[float, float]) -> TrainingTargets:
    """The instances in a map of ids, whose coordinates are scaled across and down."""
    found = list(instances_in(ids))
    boxes = np.array([box for _, box, _ in found]).reshape(-1, 4) * np.array([*scale, *scale])
    return TrainingTargets(
        torch.from_numpy(boxes.astype(np.float32)),
        torch.tensor([index for index, _, _ in found], dtype=torch.long),
        torch.from_numpy(np.array([mask for _, _, mask in found]).reshape(-1, *ids.shape)),
    )
