"""Faster and Mask R-CNN as Detectron2 defines them, parameter names included.

Where torchvision's models of the same name differ (colour order, resizing, strides, anchors,
pooling, losses), these follow Detectron2. Width and depth are parameters: the networks shipped
for Toyscapes are the same code, narrow.
"""

from __future__ import annotations

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
from bench.vision.heads import RegionDetections, RegionHeads
from bench.vision.pasting import paste
from bench.vision.proposals import ProposalGenerator

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


class RCNN(nn.Module):
    """The network: pixels to detections, or to losses."""

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.backbone = FeaturePyramid(a.stem, a.res2, a.blocks, a.pyramid)
        self.proposal_generator = ProposalGenerator(a)
        self.roi_heads = RegionHeads(a)
        for name in ("pixel_mean", "pixel_std"):
            values = torch.tensor(getattr(a, name)).reshape(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """p2 to p6 of pictures (n, 3, height, width) in B, G, R from 0 to 255."""
        height, width = pictures.shape[-2:]
        normal = (pictures - self.pixel_mean) / self.pixel_std
        below, right = -height % _MULTIPLE, -width % _MULTIPLE
        pyramid: list[Tensor] = self.backbone(nn.functional.pad(normal, (0, right, 0, below)))
        return pyramid

    def losses(self, pictures: Tensor, truth: Sequence[TrainingTargets]) -> dict[str, Tensor]:
        """The training losses of a batch of pictures of one size."""
        size = (int(pictures.shape[2]), int(pictures.shape[3]))
        pyramid = self.features(pictures)
        anchors = self.proposal_generator.anchors(pyramid)
        logits, deltas = self.proposal_generator(pyramid)
        boxes = [image.boxes for image in truth]
        labels, anchor_boxes = self.proposal_generator.label(anchors, boxes)
        proposals, scores = self.proposal_generator.propose(logits, deltas, anchors, size)
        regions = self.roi_heads.label(proposals, scores, boxes, [t.classes for t in truth])
        return {
            **self.proposal_generator.losses(logits, deltas, anchors, labels, anchor_boxes),
            **self.roi_heads.losses(pyramid[:4], regions, [t.masks for t in truth], size),
        }

    def find(self, picture: Tensor) -> RegionDetections:
        """The detections in one picture (1, 3, height, width), in its own coordinates."""
        (found,) = self.find_each(picture)
        return found

    @torch.no_grad()
    def find_each(self, pictures: Tensor) -> list[RegionDetections]:
        """The detections in each picture (n, 3, height, width)."""
        size = (int(pictures.shape[2]), int(pictures.shape[3]))
        pyramid = self.features(pictures)
        anchors = self.proposal_generator.anchors(pyramid)
        logits, deltas = self.proposal_generator(pyramid)
        boxes, scores = self.proposal_generator.propose(logits, deltas, anchors, size)
        found = []
        for index in range(len(pictures)):
            proposals = boxes[index][scores[index] > -torch.inf]
            levels = [level[index : index + 1] for level in pyramid[:4]]
            found.append(self.roi_heads.detect(levels, proposals, size))
        return found


def detect(network: RCNN, pixels: Pixels, names: tuple[str, ...]) -> Detections:
    """What a network of these classes detects in an RGB picture, in the picture's coordinates."""
    return detect_by(Direct(network), pixels, names)


def detect_by(networks: Lanes[RCNN], pixels: Pixels, names: tuple[str, ...]) -> Detections:
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


def _brought(picture: Tensor, network: RCNN) -> Tensor:
    with beside(network.pixel_mean.device):
        return picture.to(network.pixel_mean.device)


def _find(network: RCNN, pictures: Sequence[Tensor]) -> list[RegionDetections]:
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
