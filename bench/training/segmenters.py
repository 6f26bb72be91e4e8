"""Training a network that tells of each pixel its class, or how near it is, on crops."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from bench.datasets import Dataset, Entry
from bench.errors import DataError
from bench.images.depth import DISPARITY, read_nearness
from bench.images.image import read_pixels
from bench.instances.predictions import UNLABELLED
from bench.tasks.task import task_network
from bench.training.crops import ReadCache, pixel_cache, random_cut
from bench.training.loop import Training
from bench.training.processes import processes
from bench.training.recipes import SEGMENTERS, SegmenterRecipe
from bench.training.session import TrainingSession
from bench.vision.backbone import Norm
from bench.vision.semantic_fpn import SemanticFPN, save_segmenter, to_network

_Batch = tuple[Tensor, Tensor]  # pictures, and the class or the nearness of each pixel
_HALF = 1 / 1000  # the nearness, of 10 m, that a network of depth gives as one half


def train_segmenter(name: str, session: TrainingSession) -> bool:
    """Train a shipped network of semantic maps or depth again; False if the time ran out."""
    recipe = SEGMENTERS[name]
    schedule = session.schedule(recipe.schedule)
    with processes() as ours:
        with ours.in_turn():
            dataset = session.dataset(session.data or recipe.data)
        torch.manual_seed(schedule.seed)
        network = SemanticFPN(recipe.architecture)
        if recipe.starts_from is not None:
            network.backbone.load_state_dict(task_network(recipe.starts_from).backbone.state_dict())
        network = network.to(ours.device).train()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
        for module in network.modules():
            if isinstance(module, Norm):
                module.learning = True
        share = ours.share(schedule.batch)
        training = Training(
            network,
            schedule,
            partial(_crops, _source(recipe, dataset), share, schedule.seed),
            partial(_LOSSES[recipe.learns], network, ours.device),
            session.folder,
            ours,
            f"{recipe.architecture.to_json()} {dataset.digest} from {recipe.starts_from}",
        )
        finished = session.run(training)
        if finished and ours.first:
            save_segmenter(network, session.folder / f"{name}.safetensors")
    return finished


def _class_loss(network: SemanticFPN, device: torch.device, batch: _Batch) -> dict[str, Tensor]:
    pictures, classes = (part.to(device) for part in batch)
    logits = network(pictures).float()
    weights = _weights(classes, logits.shape[1])
    loss = functional.cross_entropy(logits, classes, weights, ignore_index=UNLABELLED)
    return {"cross_entropy": loss}


def _weights(classes: Tensor, count: int) -> Tensor:
    """Of each class: its part in the loss grows with the root of its pixels in the batch.

    mIoU counts all classes alike, and most pixels are road, sky or building.
    """
    pixels = torch.bincount(classes.flatten(), minlength=UNLABELLED + 1)[:count]
    return pixels.clamp(min=1).float().rsqrt()


def _depth_loss(network: SemanticFPN, device: torch.device, batch: _Batch) -> dict[str, Tensor]:
    pictures, wanted = (part.to(device) for part in batch)
    return {"l1": functional.l1_loss(network(pictures).float().sigmoid()[:, 0], wanted)}


_LOSSES = {"semantic": _class_loss, "depth": _depth_loss}


@dataclass(frozen=True, eq=False)
class _Source:
    """The data set, and the size of the crops that are taken from it."""

    dataset: Dataset
    crop: tuple[int, int]
    targets: ReadCache
    pixels: ReadCache = field(default_factory=pixel_cache)


def _source(recipe: SegmenterRecipe, dataset: Dataset) -> _Source:
    read = _classes if recipe.learns == "semantic" else _nearness
    return _Source(dataset, recipe.crop, ReadCache(read))


def _nearness(entry: Entry) -> NDArray[np.float32]:
    """How near each pixel is, from 0 at infinity to 1."""
    if entry.depth is None:
        raise DataError(f"{entry.name}: no depth map to train with")
    if entry.depth.name.endswith(DISPARITY):
        raise DataError(f"{entry.depth}: disparity; expected a depth map in hundredths of a metre")
    pixels = read_pixels(entry.path)
    nearness = read_nearness(entry.depth, pixels.shape[1], pixels.shape[0])
    return nearness / (nearness + np.float32(_HALF))


def _classes(entry: Entry) -> NDArray[np.uint8]:
    """The class of each pixel of a picture."""
    classes: NDArray[np.uint8] = entry.truth("semantic").classes
    return classes


def _crops(source: _Source, places: range, seed: int, step: int) -> _Batch:
    """Some of a step's crops; each is a function of its place."""
    made = [_crop(source, np.random.default_rng((seed, step, at))) for at in places]
    pictures = torch.cat([picture for picture, _ in made])
    targets = torch.stack([target for _, target in made])
    return pictures.contiguous(memory_format=torch.channels_last), targets


def _crop(source: _Source, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    entry = source.dataset.entries[random.integers(len(source.dataset.entries))]
    pixels = source.pixels(entry)
    cut = random_cut(entry, pixels.shape, source.crop, random)
    target = np.ascontiguousarray(cut(source.targets(entry)))
    if target.dtype == np.uint8:
        target = target.astype(np.int64)  # as torch wants classes
    return to_network(cut(pixels)), torch.from_numpy(target)
