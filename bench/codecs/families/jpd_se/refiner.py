"""One file of a generator's weights, on the device that it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.families.inference import apart, full_precision, to_pixels, together
from bench.codecs.families.jpd_se.generator import Generator, load_generator, to_planes
from bench.images.colour import Pixels
from bench.runtime.lanes import beside, devices, finish, lanes_of
from bench.runtime.torch_threads import one_thread


@one_thread()
def load_refiner(path: Path, digest: str) -> Refiner:
    """The generator in a file of that digest, ready to refine."""
    return Refiner(load_generator(path, digest), bytes.fromhex(digest), devices())


@dataclass(frozen=True, eq=False)
class _OnDevice:
    generator: Generator
    device: torch.device

    @torch.inference_mode()
    def refine(self, planes: Sequence[Tensor]) -> Sequence[Tensor]:
        with full_precision():
            pictures: Tensor = self.generator(together(planes))
            finish(self.device)
        return apart(pictures)


class Refiner:
    """A generator on a device, with copies of it on others."""

    def __init__(self, generator: Generator, digest: bytes, on: Sequence[torch.device]) -> None:
        self.digest = digest
        copies = [generator, *(deepcopy(generator) for _ in on[1:])]
        networks = [_OnDevice(one.to(each), each) for one, each in zip(copies, on, strict=True)]
        self._lanes = lanes_of(networks, on[0])

    def refine(self, pixels: Pixels, ids: NDArray[np.integer] | None) -> Pixels:
        """The picture that the generator makes of a decoded one and its map, if it has one."""

        def planes(network: _OnDevice) -> Tensor:
            made = to_planes(pixels, ids, network.generator)
            with beside(network.device):
                return made.to(network.device)

        height, width, _ = pixels.shape
        with one_thread():
            picture = self._lanes.call(_OnDevice.refine, planes, pixels.shape)
        with beside(picture.device):
            return to_pixels(picture, width, height)
