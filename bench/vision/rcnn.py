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

    @torch.no_grad()
    def find(self, picture: Tensor) -> RegionDetections:
        """The detections in one picture (1, 3, height, width), in its own coordinates."""
        size = (int(picture.shape[2]), int(picture.shape[3]))
        pyramid = self.features(picture)
        anchors = self.proposal_generator.anchors(pyramid)
        logits, deltas = self.proposal_generator(pyramid)
        boxes, scores = self.proposal_generator.propose(logits, deltas, anchors, size)
        proposals = boxes[0][scores[0] > -torch.inf]
        return self.roi_heads.detect(pyramid[:4], proposals, size)


def detect(network: RCNN, pixels: Pixels, names: tuple[str, ...]) -> Detections:
    """What a network of these classes detects in an RGB picture, in the picture's coordinates."""
    picture = to_network(pixels, network.architecture).to(network.pixel_mean.device)
    found = network.find(picture.contiguous(memory_format=torch.channels_last))
    height, width = pixels.shape[:2]
    across, down = width / picture.shape[3], height / picture.shape[2]
    boxes = clip(
        found.boxes * found.boxes.new_tensor([across, down, across, down]), (height, width)
    )
    seen = not_empty(boxes)
    masks = None if found.masks is None else paste(found.masks[seen], boxes[seen], (height, width))
    return Detections(
        (height, width),
        found.classes[seen].cpu().numpy(),
        found.scores[seen].double().cpu().numpy(),
        boxes[seen].double().cpu().numpy(),
        masks,
        names=names,
    )


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
