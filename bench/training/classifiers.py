"""Training a VGG to classify crops, for the features of an LSMnet.

A crop is an instance with its surroundings, or a place without one; all have the same size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor, nn

from bench.datasets import Dataset
from bench.datasets.dataset import Progress as Preparing
from bench.runtime.checkpoint import save_tensors
from bench.training.crops import ReadCache, pixel_cache
from bench.training.labels import instances_in, read_instances
from bench.training.loop import Training
from bench.training.processes import processes
from bench.training.recipes import CLASSIFIERS
from bench.training.session import TrainingSession
from bench.vision.vgg import VGG_MEAN, VGG_STD, vgg_layers

_SIDE = 64  # of a crop as the network sees it
_AROUND = 1.25  # the side of a crop relative to the instance's longer side
_MIN_PIXELS = 64
_VALIDATED = 900  # crops


class VggClassifier(nn.Module):
    """Crops of R, G, B from 0 to 1 to the logits of their classes, the last one for none."""

    mean: Tensor
    std: Tensor

    def __init__(self, widths: Sequence[int | None], classes: int) -> None:
        super().__init__()
        self.features = vgg_layers(widths)
        self.classifier = nn.Linear([width for width in widths if width][-1], classes + 1)
        for name, values in (("mean", VGG_MEAN), ("std", VGG_STD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, crops: Tensor) -> Tensor:
        features = self.features((crops - self.mean) / self.std)
        logits: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return logits


def train_classifier(name: str, session: TrainingSession) -> bool:
    """Train a shipped classifier again; False if the time ran out."""
    recipe = CLASSIFIERS[name]
    schedule = session.schedule(recipe.schedule)
    with processes() as ours:
        with ours.in_turn():
            data = session.data or recipe.data
            dataset, validated = session.dataset(data), session.dataset(recipe.validate, data)
        torch.manual_seed(schedule.seed)
        classes = len(dataset.classes["instances"])
        network = VggClassifier(recipe.widths, classes).to(ours.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        learnt = _Source(dataset, _instances(dataset, session.preparing))
        others = _Source(validated, _instances(validated, session.preparing))
        training = Training(
            network,
            schedule,
            partial(_crops, learnt, ours.share(schedule.batch), schedule.seed),
            partial(_losses, network, ours.device),
            session.folder,
            ours,
            f"{recipe.widths} {dataset.digest}",
            partial(_accuracy, network, ours.device, others),
        )
        finished = session.run(training)
        if finished and ours.first:
            save_tensors(network.state_dict(), session.folder / f"{name}.safetensors", {})
    return finished


_Batch = tuple[Tensor, Tensor]  # crops and their classes


def _losses(network: VggClassifier, device: torch.device, batch: _Batch) -> dict[str, Tensor]:
    crops, classes = (part.to(device) for part in batch)
    return {"cross_entropy": functional.cross_entropy(network(crops).float(), classes)}


@torch.no_grad()
def _accuracy(network: VggClassifier, device: torch.device, others: _Source) -> dict[str, float]:
    """The share of right answers, on equally many crops of each class."""
    right = []
    for start in range(0, _VALIDATED, 100):
        crops, classes = _crops(others, range(start, start + 100), 0, 0)
        right.append(network(crops.to(device)).argmax(dim=1).cpu() == classes)
    return {"accuracy": float(torch.cat(right).float().mean())}


# By class, where an instance is: which picture, left, top, right and bottom.
_Places = dict[int, NDArray[np.int64]]


def _instances(dataset: Dataset, preparing: Preparing | None) -> _Places:
    classes = range(len(dataset.classes["instances"]))
    found: dict[int, list[tuple[int, ...]]] = {index: [] for index in classes}
    for at, entry in enumerate(dataset.entries):
        if preparing and (at % 100 == 0 or at == len(dataset.entries) - 1):
            preparing(f"instances of {dataset.name}", at + 1, len(dataset.entries))
        for index, box, mask in instances_in(read_instances(entry)):
            if mask.sum() >= _MIN_PIXELS:
                found[index].append((at, *box))
    return {index: np.array(places) for index, places in found.items() if places}


@dataclass(frozen=True, eq=False)
class _Source:
    """The data set and the instances that crops are taken from."""

    dataset: Dataset
    places: _Places
    pixels: ReadCache = field(default_factory=pixel_cache)

    @property
    def nothing(self) -> int:
        """The class of a crop without an instance."""
        return len(self.dataset.classes["instances"])


def _crops(source: _Source, places: range, seed: int, step: int) -> _Batch:
    """Some of a step's crops, each a function of its place; all classes are equally frequent."""
    made = [_crop(source, np.random.default_rng((seed, step, at))) for at in places]
    crops = torch.from_numpy(np.stack([crop for crop, _ in made])).permute(0, 3, 1, 2)
    classes = torch.tensor([index for _, index in made])
    return crops.contiguous(memory_format=torch.channels_last).float() / 255, classes


def _crop(source: _Source, random: np.random.Generator) -> tuple[NDArray[np.uint8], int]:
    known = source.places
    index = int(random.choice([*known, source.nothing]))
    of = int(random.choice(list(known))) if index == source.nothing else index
    at, left, top, right, bottom = random.choice(known[of])
    pixels = source.pixels(source.dataset.entries[at])
    height, width = pixels.shape[:2]
    side = max(right - left, bottom - top) * _AROUND * random.uniform(0.9, 1.3)
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    middle = middle + random.uniform(-0.1, 0.1, 2) * side
    if index == source.nothing:  # of the size of an instance, away from the middle of any
        middle = _elsewhere(known, at, (width, height), side, random)
    box = (*(middle - side / 2), *(middle + side / 2))
    picture = PillowImage.fromarray(pixels).transform(
        (_SIDE, _SIDE), PillowImage.Transform.EXTENT, box, PillowImage.Resampling.BILINEAR
    )
    crop = np.asarray(picture)
    return (crop[:, ::-1] if random.integers(2) else crop), index


def _elsewhere(
    known: _Places, at: int, size: tuple[int, int], side: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """A place whose middle half shows no instance, if a few tries find one."""
    boxes = np.concatenate([places[places[:, 0] == at, 1:] for places in known.values()])
    for _ in range(20):
        middle = random.uniform((0, 0), size)
        low, high = middle - side / 4, middle + side / 4
        if not ((boxes[:, :2] < high) & (boxes[:, 2:] > low)).all(axis=1).any():
            break
    return middle
