"""Crops of a data set's pictures, to train a codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.datasets import Dataset, Entry
from bench.errors import DataError
from bench.images.image import read_pixels
from bench.training.labels import LabelledBatch, read_instances, truth_of
from bench.vision.detector import TrainingTargets


class ReadCache:
    """A cache of arrays read for entries, up to a size: a step may need any entry."""

    def __init__(self, read: Callable[[Entry], NDArray[Any]], room: int = 3 << 30) -> None:
        self._read, self._room = read, room
        self._kept: dict[Path, NDArray[Any]] = {}

    def __call__(self, entry: Entry) -> NDArray[Any]:
        if entry.path in self._kept:
            return self._kept[entry.path]
        array = self._read(entry)
        if array.nbytes <= self._room:
            self._room -= array.nbytes
            self._kept[entry.path] = array
        return array


def pixel_cache() -> ReadCache:
    return ReadCache(lambda entry: read_pixels(entry.path))


@dataclass(frozen=True)
class Cutting:
    """How pictures are cropped, and whether their instances are needed."""

    width: int
    height: int
    labelled: bool
    enlargement: float  # of the network's input
    pixels: ReadCache = field(default_factory=pixel_cache)
    instances: ReadCache = field(default_factory=lambda: ReadCache(read_instances))


def crops(dataset: Dataset, cutting: Cutting, places: range, seed: int, step: int) -> LabelledBatch:
    """Some of a step's crops: random crops of random pictures, half of them mirrored.

    Each is a function of its place, so that several processes share a step between them.
    """
    made = [_crop(dataset, cutting, np.random.default_rng((seed, step, at))) for at in places]
    pictures = torch.stack([picture for picture, _ in made]).float() / 255
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    return LabelledBatch(pictures, tuple(truth for _, truth in made if truth is not None))


def _crop(
    dataset: Dataset, cutting: Cutting, random: np.random.Generator
) -> tuple[Tensor, TrainingTargets | None]:
    entry = dataset.entries[random.integers(len(dataset.entries))]
    pixels = cutting.pixels(entry)
    cut = random_cut(entry, pixels.shape, (cutting.width, cutting.height), random)
    picture = torch.from_numpy(np.ascontiguousarray(cut(pixels).transpose(2, 0, 1)))
    if not cutting.labelled:
        return picture, None
    ids = np.ascontiguousarray(cut(cutting.instances(entry)))
    return picture, truth_of(ids, (cutting.enlargement, cutting.enlargement))


Cut = Callable[[NDArray[Any]], NDArray[Any]]
"""Takes the same part of each array of an entry, perhaps mirrored."""


def random_cut(
    entry: Entry, shape: tuple[int, ...], size: tuple[int, int], random: np.random.Generator
) -> Cut:
    """A random part of this width and height; one in two is mirrored."""
    height, width = shape[:2]
    wide, high = size
    if width < wide or height < high:
        raise DataError(f"{entry.name}: {width}x{height} is smaller than a crop, {wide}x{high}")
    left = random.integers(width - wide + 1)
    top = random.integers(height - high + 1)
    flip = -1 if random.integers(2) else 1
    return lambda array: array[top : top + high, left : left + wide][:, ::flip]
