"""What steers an encoder: how near pixels are, or how much they matter to a task network."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bench.codecs.families.learned import torch_version
from bench.errors import CodecError, DataError, UnavailableError
from bench.images.depth import read_nearness
from bench.images.image import Image, SideInformation
from bench.instances.detections import Detections
from bench.runtime.programs import unmetered
from bench.tasks.task import Task, open_task
from bench.vision.depth import OWN, NearnessOf, depth_weights, load_depth_network, weights_digest

_READERS = {".h5": "h5py"}  # packages that read a file
Source = Literal["data", "network", "task"]
Nearness = NDArray[np.float32]
"""How near each pixel is, or how much it matters; only the order of the values has a meaning."""


class Steering(ABC):
    """A source of such a map; threads may share one."""

    side_information: ClassVar[tuple[SideInformation, ...]] = ()

    @abstractmethod
    def nearness(self, image: Image) -> Nearness: ...

    def missing(self) -> str | None:
        """What this machine lacks, in one line; else None."""
        return None

    def depends_on(self) -> dict[str, str]:
        """What decides the map besides the image."""
        return {}


class DataDepth(Steering):
    """The depth that a data set has of its images."""

    side_information = ("depth",)

    def nearness(self, image: Image) -> Nearness:
        if image.depth is None:
            raise CodecError(f"{image.name} has no depth map")
        return read_nearness(image.depth, image.width, image.height)


class NetworkDepth(Steering):
    """The depth that a network sees in the picture."""

    def __init__(self, name: str, beside: Path) -> None:
        self._name, self._path = name, depth_weights(name, beside)
        self._loading = threading.Lock()

    def missing(self) -> str | None:
        if not self._path.exists():
            how = "; 'bench train depth-toy' makes one" if self._name == OWN else ""
            return f"no depth network at {self._path}{how}"
        reader = "transformers" if self._path.is_dir() else _READERS.get(self._path.suffix)
        if reader is not None and find_spec(reader) is None:
            return f"{self._path}: {reader} is not installed; pip install {reader}"
        return None

    def depends_on(self) -> dict[str, str]:
        return {} if self.missing() else {"network": self._digest, "torch": torch_version()}

    def nearness(self, image: Image) -> Nearness:
        from bench.runtime.torch_threads import one_thread

        with self._loading, unmetered():
            find = self._find
        with one_thread():  # images are coded side by side, one on each core
            return find(image.pixels)

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._path)

    @cached_property
    def _find(self) -> NearnessOf:
        expected, find = self._digest, load_depth_network(self._path)
        if weights_digest(self._path) != expected:
            raise DataError(f"{self._path}: changed since the command began; run it again")
        return find


class TaskSaliency(Steering):
    """What a task network finds: pixels in no box, and those in a box by its best score."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._opening = threading.Lock()

    def missing(self) -> str | None:
        try:
            self._open()
        except UnavailableError as error:
            return str(error)
        return None

    def depends_on(self) -> dict[str, str]:
        if self.missing():
            return {}
        return {"network": self._open().fingerprint, "torch": torch_version()}

    def nearness(self, image: Image) -> Nearness:
        found = self._open().predict(image.pixels)
        if not isinstance(found, Detections):
            raise CodecError(f"{self._name} finds no instances, by which to steer")
        salient = np.zeros((image.height, image.width), np.float32)
        for score, (left, top, right, bottom) in zip(found.scores, found.boxes, strict=True):
            rows = slice(max(0, int(top)), int(np.ceil(bottom)))
            columns = slice(max(0, int(left)), int(np.ceil(right)))
            np.maximum(salient[rows, columns], score, out=salient[rows, columns])
        return salient

    def _open(self) -> Task:
        with self._opening, unmetered():
            return self._task

    @cached_property
    def _task(self) -> Task:
        return open_task(self._name)


def steering(source: Source, network: str, beside: Path) -> Steering:
    """What a card's ``map`` and ``network`` name; its own folder is ``beside`` files."""
    if source == "data":
        return DataDepth()
    return NetworkDepth(network, beside) if source == "network" else TaskSaliency(network)
