"""Faster and Mask R-CNN as Detectron2 defines them, parameter names included.

Where torchvision's models of the same name differ (colour order, resizing, strides, anchors,
pooling, losses), these follow Detectron2. Width and depth are parameters: the networks shipped
for Toyscapes are the same code, narrow.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.vision.architecture import Architecture
from bench.vision.backbone import FeaturePyramid, resnet_pyramid
from bench.vision.detector import Detector, TrainingTargets
from bench.vision.heads import RegionDetections, RegionHeads
from bench.vision.proposals import ProposalGenerator
from bench.vision.vovnet import VoVNet


class RCNN(Detector):
    """The network: pixels to detections, or to losses."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture, _backbone(architecture))
        self.proposal_generator = ProposalGenerator(architecture)
        self.roi_heads = RegionHeads(architecture)

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


def _backbone(a: Architecture) -> FeaturePyramid:
    if not a.vovnet:
        return resnet_pyramid(a.stem, a.res2, a.blocks, a.pyramid)
    widths = [outer for _, outer in a.vovnet]
    return FeaturePyramid(VoVNet(a.stem, a.vovnet, a.blocks), widths, a.pyramid)
