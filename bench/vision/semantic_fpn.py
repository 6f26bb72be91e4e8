"""A semantic network: a ResNet with a feature pyramid, whose levels are summed at a quarter."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.random import fork_rng

from bench.errors import DataError
from bench.images.colour import Pixels
from bench.instances.predictions import SemanticMap
from bench.runtime.checkpoint import check_tensors, outline, read_checkpoint, save_tensors
from bench.vision.architecture import METADATA, SemanticArchitecture, read_architecture
from bench.vision.backbone import Convolution, resnet_pyramid

_MULTIPLE = 32  # of a picture's sides, so that every level of the pyramid halves them


class SemanticFPN(nn.Module):
    """The network: pixels to the logits of each pixel's classes."""

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, architecture: SemanticArchitecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.backbone = resnet_pyramid(a.stem, a.res2, a.blocks, a.pyramid)
        self.head = Convolution(a.pyramid, a.head, 3)
        self.predictor = nn.Conv2d(a.head, a.classes, 1)
        for name in ("pixel_mean", "pixel_std"):
            values = torch.tensor(getattr(a, name)).reshape(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (n, classes, height, width) of pictures (n, 3, height, width) in B, G, R."""
        height, width = pictures.shape[-2:]
        normal = (pictures - self.pixel_mean) / self.pixel_std
        below, right = -height % _MULTIPLE, -width % _MULTIPLE
        finest, *coarser = self.backbone(functional.pad(normal, (0, right, 0, below)))[:4]
        for level in coarser:
            finest = finest + _enlarged(level, finest.shape[-2:])
        logits = self.predictor(functional.relu(self.head(functional.relu(finest)), inplace=True))
        return _enlarged(logits, (height + below, width + right))[..., :height, :width]


def _enlarged(planes: Tensor, size: tuple[int, ...]) -> Tensor:
    return functional.interpolate(planes, size, mode="bilinear", align_corners=False)


def to_network(pixels: Pixels) -> Tensor:
    """An RGB picture as (1, 3, height, width) in B, G, R."""
    planes = np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1))
    return torch.from_numpy(planes)[None].float()


@torch.no_grad()
def segment(network: SemanticFPN, pixels: Pixels, names: tuple[str, ...]) -> SemanticMap:
    """The likeliest class of each pixel of an RGB picture, by a network of these classes."""
    pictures = to_network(pixels).to(network.pixel_mean.device)
    logits = network(pictures.contiguous(memory_format=torch.channels_last))
    return SemanticMap(logits[0].argmax(dim=0).to(torch.uint8).cpu().numpy(), names)


@torch.no_grad()
def one_plane(network: SemanticFPN, pixels: Pixels) -> NDArray[np.float32]:
    """The output for each pixel of an RGB picture, by a network of a single one."""
    pictures = to_network(pixels).to(network.pixel_mean.device)
    logits = network(pictures.contiguous(memory_format=torch.channels_last))
    plane: NDArray[np.float32] = logits[0, 0].cpu().numpy()
    return plane


@fork_rng([])  # layers that are made draw their first weights
def load_segmenter(
    path: Path, classes: int, device: torch.device, digest: str | None = None
) -> SemanticFPN:
    """The network of so many classes that a file describes, ready to segment.

    If a digest is given, the file must have it.
    """
    found = read_checkpoint(path, digest)
    architecture = read_architecture(path, found.metadata, SemanticArchitecture)
    if architecture is None or architecture.classes != classes:
        raise DataError(f"{path}: not weights of a semantic network of {classes} classes")
    # The file's own claim is checked before it costs memory.
    outlined = outline(path, partial(SemanticFPN, architecture))
    check_tensors(path, outlined.state_dict(), found.tensors)
    network = SemanticFPN(architecture)
    network.load_state_dict(found.tensors)
    network.to(device).eval().requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
    return network


def save_segmenter(network: SemanticFPN, path: Path) -> None:
    """Write the weights in half precision, with the network's architecture."""
    save_tensors(network.state_dict(), path, {METADATA: network.architecture.to_json()})
