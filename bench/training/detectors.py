"""What a task network is trained on: pictures of a labelled data set, and how they are varied."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

from bench.cores import available_cores
from bench.datasets import Dataset, Entry, open_dataset
from bench.datasets.dataset import Progress as Preparing
from bench.datasets.labels import EVALUATED
from bench.errors import DataError
from bench.image import read_pixels
from bench.training.curves import draw_losses
from bench.training.loop import LOSSES, Progress, Training, train
from bench.training.recipes import find_recipe
from bench.vision.architecture import Architecture
from bench.vision.backbone import Norm
from bench.vision.checkpoint import save_weights
from bench.vision.rcnn import RCNN, Truth, to_network

_FEWEST_PIXELS = 16  # of an instance; fewer show nothing of it


def train_detector(
    name: str,
    folder: Path,
    *,
    root: Path | None = None,
    most_seconds: float = math.inf,
    preparing: Preparing | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> Path | None:
    """Make a shipped task network again; its weights' file, or None if time ran out before."""
    recipe = find_recipe(name)
    dataset = open_dataset(recipe.data, root=root, progress=preparing)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(available_cores())
    schedule, architecture = recipe.schedule, recipe.architecture
    torch.manual_seed(schedule.seed)
    network = RCNN(architecture).to(device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
    for module in network.modules():
        if isinstance(module, Norm):
            module.learning = True

    def losses(batch: LabelledBatch) -> dict[str, torch.Tensor]:
        there = batch.to(device)
        pictures = there.pictures.contiguous(memory_format=torch.channels_last)
        found: dict[str, torch.Tensor] = network.losses(pictures, there.truth)
        return found

    training = Training(
        network,
        schedule,
        partial(labelled_batch, dataset, architecture, schedule.batch, schedule.seed),
        losses,
        folder,
        device,
        f"{architecture.to_json()} {dataset.digest}",
    )
    whole = train(training, most_seconds=most_seconds, watch=watch)
    draw_losses(folder / LOSSES, folder / "losses.png")
    if not whole:
        return None
    weights = folder / f"{name}.safetensors"
    save_weights(network, weights)
    return weights


@dataclass(frozen=True, eq=False)
class LabelledBatch:
    """Pictures of one size in the network's coordinates, and what is in them."""

    pictures: torch.Tensor
    truth: tuple[Truth, ...]

    def to(self, device: torch.device) -> LabelledBatch:
        if device.type == "cpu":
            return self
        pictures = self.pictures.pin_memory().to(device, non_blocking=True)
        return LabelledBatch(pictures, tuple(truth.to(device) for truth in self.truth))


def labelled_batch(
    dataset: Dataset, architecture: Architecture, size: int, seed: int, step: int
) -> LabelledBatch:
    """The batch of a step: each epoch in an order of its own, half of the pictures mirrored."""
    pictures, truth = [], []
    for place in range(step * size, (step + 1) * size):
        epoch, index = divmod(place, len(dataset.entries))
        entry = dataset.entries[_order(len(dataset.entries), seed, epoch)[index]]
        mirrored = bool(np.random.default_rng((seed, epoch, index, 1)).integers(2))
        picture, its_truth = _labelled(entry, architecture, mirrored)
        pictures.append(picture)
        truth.append(its_truth)
    return LabelledBatch(torch.cat(pictures), tuple(truth))


def _order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, epoch)).permutation(count)


def _labelled(
    entry: Entry, architecture: Architecture, mirrored: bool
) -> tuple[torch.Tensor, Truth]:
    if entry.instances is None:
        raise DataError(f"{entry.name}: no instance labels to train with")
    pixels = read_pixels(entry.path)
    with PillowImage.open(entry.instances) as opened:
        ids = np.asarray(opened).astype(np.int32)
    if mirrored:
        pixels, ids = np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(ids[:, ::-1])
    picture = to_network(pixels, architecture)
    scale = (picture.shape[3] / pixels.shape[1], picture.shape[2] / pixels.shape[0])
    return picture, _truth(ids, scale)


def _truth(ids: NDArray[np.int32], scale: tuple[float, float]) -> Truth:
    classes, boxes, masks = [], [], []
    index = {label.id: place for place, label in enumerate(EVALUATED)}
    for instance in np.unique(ids[ids >= 1000]):
        label, mask = int(instance) // 1000, ids == instance
        if label not in index or mask.sum() < _FEWEST_PIXELS:
            continue
        across, down = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        boxes.append((across[0], down[0], across[-1] + 1, down[-1] + 1))
        classes.append(index[label])
        masks.append(mask)
    scales = np.array([*scale, *scale])
    return Truth(
        torch.from_numpy((np.array(boxes).reshape(-1, 4) * scales).astype(np.float32)),
        torch.tensor(classes, dtype=torch.long),
        torch.from_numpy(np.array(masks).reshape(-1, *ids.shape)),
    )
