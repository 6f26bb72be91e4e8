"""What the detectors have in common: how they are shown a picture, and what they say of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image as PillowImage
from torch import Tensor, nn

from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.runtime.lanes import Direct, Lanes, beside, finish
from bench.vision.architecture import Architecture
from bench.vision.backbone import FeaturePyramid
from bench.vision.boxes import clip, not_empty
from bench.vision.heads import RegionDetections
from bench.vision.pasting import paste

_MULTIPLE = 32  # of a picture's sides, so that every level of the pyramid halves them


@dataclass(frozen=True, eq=False)
class TrainingTargets:
    """The instances in one picture, in the network's coordinates."""

    boxes: Tensor  # (n, 4)
    classes: Tensor  # (n,)
    masks: Tensor  # (n, height, width) of any resolution, true where the instance is seen

    def to(self, device: torch.device) -> TrainingTargets:
        """A copy on the device, from ordinary memory, without waiting for it."""
        tensors = (self.boxes, self.classes, self.masks)
        return TrainingTargets(
            *(each.pin_memory().to(device, non_blocking=True) for each in tensors)
        )


class Detector(nn.Module, ABC):
    """A network that finds boxes and perhaps masks; its first layers are the ``backbone``."""

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, architecture: Architecture, backbone: FeaturePyramid) -> None:
        super().__init__()
        self.architecture = architecture
        self.backbone = backbone
        for name in ("pixel_mean", "pixel_std"):
            values = torch.tensor(getattr(architecture, name)).reshape(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """The pyramid of pictures (n, 3, height, width) in B, G, R from 0 to 255."""
        height, width = pictures.shape[-2:]
        normal = (pictures - self.pixel_mean) / self.pixel_std
        below, right = -height % _MULTIPLE, -width % _MULTIPLE
        pyramid: list[Tensor] = self.backbone(nn.functional.pad(normal, (0, right, 0, below)))
        return pyramid

    @abstractmethod
    def losses(self, pictures: Tensor, truth: Sequence[TrainingTargets]) -> dict[str, Tensor]:
        """The training losses of a batch of pictures of one size."""

    def find(self, picture: Tensor) -> RegionDetections:
        """The detections in one picture (1, 3, height, width), in its own coordinates."""
        (found,) = self.find_each(picture)
        return found

    @abstractmethod
    def find_each(self, pictures: Tensor) -> list[RegionDetections]:
        """The detections in each picture (n, 3, height, width)."""


def detect(network: Detector, pixels: Pixels, names: tuple[str, ...]) -> Detections:
    """What a network of these classes detects in an RGB picture, in the picture's coordinates."""
    return detect_by(Direct(network), pixels, names)


def detect_by(networks: Lanes[Detector], pixels: Pixels, names: tuple[str, ...]) -> Detections:
    """The same by copies of a network, which may look at the pictures of many threads at a time."""
    picture = to_network(pixels, networks.one.architecture)
    picture = picture.contiguous(memory_format=torch.channels_last)
    found = networks.call(_find, lambda network: _brought(picture, network), picture.shape)
    with beside(found.boxes.device):
        found = found.to(torch.device("cpu"))
    height, width = pixels.shape[:2]
    across, down = width / picture.shape[3], height / picture.shape[2]
    boxes = clip(
        found.boxes * found.boxes.new_tensor([across, down, across, down]), (height, width)
    )
    seen = not_empty(boxes)
    masks = None if found.masks is None else paste(found.masks[seen], boxes[seen], (height, width))
    return Detections(
        (height, width),
        found.classes[seen].numpy(),
        found.scores[seen].double().numpy(),
        boxes[seen].double().numpy(),
        masks,
        names=names,
    )


def _brought(picture: Tensor, network: Detector) -> Tensor:
    with beside(network.pixel_mean.device):
        return picture.to(network.pixel_mean.device)


def _find(network: Detector, pictures: Sequence[Tensor]) -> list[RegionDetections]:
    found = network.find_each(pictures[0] if len(pictures) == 1 else torch.cat(list(pictures)))
    finish(network.pixel_mean.device)
    return found


def to_network(pixels: Pixels, architecture: Architecture) -> Tensor:
    """An RGB picture resized to the network's size, as (1, 3, height, width) in B, G, R."""
    height, width = network_size(pixels.shape[0], pixels.shape[1], architecture)
    if (height, width) != pixels.shape[:2]:
        picture = PillowImage.fromarray(pixels)
        pixels = np.asarray(picture.resize((width, height), PillowImage.Resampling.BILINEAR))
    planes = np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1))
    return torch.from_numpy(planes)[None].float()


def network_size(height: int, width: int, architecture: Architecture) -> tuple[int, int]:
    """The size with the network's shortest side, unless the longest would be too long."""
    scale = architecture.shortest_side / min(height, width)
    if max(height, width) * scale > architecture.longest_side:
        scale = architecture.longest_side / max(height, width)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
