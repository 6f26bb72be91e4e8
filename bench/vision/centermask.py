"""CenterMask: FCOS's boxes, and in each a mask by spatial attention, whose quality is foretold.

Lee and Park, 2020, in the form and under the parameter names of its authors' second version.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from bench.vision.architecture import Architecture
from bench.vision.backbone import FeaturePyramid, ResNet
from bench.vision.detector import Detector, TrainingTargets
from bench.vision.fcos import STRIDES, CenterProposals, locations
from bench.vision.heads import MaskHead, RegionDetections, mask_targets
from bench.vision.matching import match, sample
from bench.vision.operators import roi_align
from bench.vision.vovnet import VoVNet

_FIRST, _LAST = 3, 5  # levels that masks are pooled from
_BINS = 14
_OVERLAP = 0.5  # from which a box is its object's


class CenterMask(Detector):
    """The network: pixels to detections, or to losses."""

    def __init__(self, architecture: Architecture) -> None:
        a = architecture
        super().__init__(a, _backbone(a))
        self.proposal_generator = CenterProposals(a.pyramid, a.classes)
        self.roi_heads = MaskHeads(a)

    def losses(self, pictures: Tensor, truth: Sequence[TrainingTargets]) -> dict[str, Tensor]:
        size = (int(pictures.shape[2]), int(pictures.shape[3]))
        pyramid = self.features(pictures)
        at, said = locations(pyramid), self.proposal_generator(pyramid)
        targets = [self.proposal_generator.targets(at, t.boxes, t.classes) for t in truth]
        classes, distances = (torch.stack(part) for part in zip(*targets, strict=True))
        proposals = [each.boxes for each in self.proposal_generator.propose(said, at, size)]
        return {
            **self.proposal_generator.losses(said, classes, distances),
            **self.roi_heads.losses(pyramid[: _LAST - _FIRST + 1], proposals, truth, size),
        }

    @torch.no_grad()
    def find_each(self, pictures: Tensor) -> list[RegionDetections]:
        size = (int(pictures.shape[2]), int(pictures.shape[3]))
        pyramid = self.features(pictures)
        found = self.proposal_generator.propose(
            self.proposal_generator(pyramid), locations(pyramid), size
        )
        levels = pyramid[: _LAST - _FIRST + 1]
        return [
            self.roi_heads.detect([level[n : n + 1] for level in levels], each, size)
            for n, each in enumerate(found)
        ]


class MaskHeads(nn.Module):
    """A mask in each box, and how well it will fit, by which scores are corrected."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.samples = a.region_samples
        self.mask_head = AttentiveMaskHead(a.pyramid, a.mask_hidden, a.classes)
        self.maskiou_head = FitHead(a.pyramid, a.mask_hidden, a.box_hidden, a.classes)

    def pool(
        self, levels: Sequence[Tensor], boxes: Tensor, image: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """Each region from the level that suits its part of the picture."""
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
        level = (_LAST - torch.log2(size[0] * size[1] / areas)).ceil().clamp(_FIRST, _LAST)
        pooled, places = [], []
        for index, (features, stride) in enumerate(zip(levels, STRIDES, strict=False)):
            these = (level == index + _FIRST).nonzero()[:, 0]
            pooled.append(roi_align(features, boxes[these], image[these], 1 / stride, _BINS))
            places.append(these)
        return torch.cat(pooled)[torch.cat(places).argsort()]

    def detect(
        self, levels: Sequence[Tensor], found: RegionDetections, size: tuple[int, int]
    ) -> RegionDetections:
        """The detections in one picture with their masks."""
        image = torch.zeros(len(found.boxes), dtype=torch.long, device=found.boxes.device)
        regions = self.pool(levels, found.boxes, image, size)
        masks = self.mask_head(regions, found.classes).sigmoid()
        scores = found.scores * self.maskiou_head(regions, masks, found.classes).clamp(0, 1)
        order = scores.argsort(descending=True, stable=True)
        return RegionDetections(
            found.boxes[order], scores[order], found.classes[order], masks[order]
        )

    def losses(
        self,
        levels: Sequence[Tensor],
        proposals: Sequence[Tensor],
        truth: Sequence[TrainingTargets],
        size: tuple[int, int],
    ) -> dict[str, Tensor]:
        """The losses of masks in a sample of the proposals and the true boxes."""
        parts = [self._sampled(*each) for each in zip(proposals, truth, strict=True)]
        boxes, instance, classes = (torch.cat(part) for part in zip(*parts, strict=True))
        counts = torch.tensor([len(each) for each, _, _ in parts], device=boxes.device)
        image = torch.arange(len(parts), device=boxes.device).repeat_interleave(counts)
        regions = self.pool(levels, boxes, image, size)
        logits = self.mask_head(regions, classes)
        fits = self.maskiou_head(regions, logits.sigmoid(), classes)
        if not len(boxes):
            return {"loss_mask": logits.sum() * 0, "loss_maskiou": fits.sum() * 0}
        masks = [each.masks for each in truth]
        wanted = mask_targets(masks, boxes, image, instance, size)
        target = mask_overlaps(
            logits > 0, wanted, parts_inside(masks, boxes, image, instance, size)
        )
        there = target > 0
        squares = 0.5 * (fits - target)[there] ** 2
        return {
            "loss_mask": functional.binary_cross_entropy_with_logits(logits, wanted),
            "loss_maskiou": squares.sum() / there.sum().clamp(min=1),
        }

    @torch.no_grad()
    def _sampled(self, proposed: Tensor, truth: TrainingTargets) -> tuple[Tensor, Tensor, Tensor]:
        """Some boxes that are objects', which instances those are, and their classes."""
        every = torch.cat([proposed, truth.boxes.to(proposed.dtype)])
        overlap, instance, _ = match(truth.boxes, every)
        own = overlap >= _OVERLAP
        chosen = sample(own, torch.zeros_like(own), self.samples, 0.25)
        instance = instance[chosen]
        return every[chosen], instance, truth.classes[instance]


class AttentiveMaskHead(MaskHead):
    """A mask head whose last features are weighed by where they matter."""

    def __init__(self, channels: int, hidden: int, classes: int) -> None:
        super().__init__(channels, hidden, classes)
        self.spatialAtt = SpatialAttention()

    def upsampled(self, regions: Tensor) -> Tensor:
        return super().upsampled(self.spatialAtt(regions))


class SpatialAttention(nn.Module):
    """Cells times a function of the means and maxima of their channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        over_channels = torch.stack([x.mean(dim=1), x.amax(dim=1)], dim=1)
        weights: Tensor = self.conv(over_channels).sigmoid()
        return x * weights


class FitHead(nn.Module):
    """For each region, the overlap of its mask with the object's, as far as it can be told."""

    def __init__(self, channels: int, hidden: int, wide: int, classes: int) -> None:
        super().__init__()
        for index in range(1, 5):
            inputs = channels + 1 if index == 1 else hidden
            layer = nn.Conv2d(inputs, hidden, 3, stride=2 if index == 4 else 1, padding=1)
            self.add_module(f"maskiou_fcn{index}", layer)
        self.maskiou_fc1 = nn.Linear(hidden * (_BINS // 2) ** 2, wide)
        self.maskiou_fc2 = nn.Linear(wide, wide)
        for each in self.children():
            assert isinstance(each, nn.Conv2d | nn.Linear)
            nn.init.kaiming_normal_(each.weight, mode="fan_out", nonlinearity="relu")
            assert each.bias is not None
            nn.init.zeros_(each.bias)
        self.maskiou = nn.Linear(wide, classes)
        nn.init.normal_(self.maskiou.weight, std=0.01)
        nn.init.zeros_(self.maskiou.bias)

    def forward(self, regions: Tensor, masks: Tensor, classes: Tensor) -> Tensor:
        """Of the given class of each region, whose ``masks`` are probabilities (n, 28, 28)."""
        x = torch.cat([regions, functional.max_pool2d(masks[:, None], 2)], dim=1)
        for index in range(1, 5):
            x = functional.relu(getattr(self, f"maskiou_fcn{index}")(x))
        x = functional.relu(self.maskiou_fc1(x.flatten(1)))
        x = functional.relu(self.maskiou_fc2(x))
        fits: Tensor = self.maskiou(x).float()
        return fits[torch.arange(len(classes), device=fits.device), classes]


def mask_overlaps(masks: Tensor, wanted: Tensor, inside: Tensor) -> Tensor:
    """The overlaps of masks with objects of which only a part lies ``inside`` their boxes."""
    common = (masks * wanted).sum((1, 2))
    whole = wanted.sum((1, 2)) / inside.clamp(min=1e-6)
    return common / (masks.sum((1, 2)) + whole - common).clamp(min=1)


@torch.no_grad()
def parts_inside(
    masks: Sequence[Tensor], boxes: Tensor, image: Tensor, instance: Tensor, size: tuple[int, int]
) -> Tensor:
    """How much of each region's instance lies inside the region, from 0 to 1."""
    counts = torch.tensor([0, *map(len, masks[:-1])], device=boxes.device)
    every = torch.cat(list(masks)).float()
    sums = functional.pad(every.cumsum(1).cumsum(2), (1, 0, 1, 0))
    place = counts.cumsum(0)[image] + instance
    corners = (boxes * (every.shape[2] / size[1])).round().long()
    x0, x1 = (corners[:, n].clamp(0, every.shape[2]) for n in (0, 2))
    y0, y1 = (corners[:, n].clamp(0, every.shape[1]) for n in (1, 3))
    here = sums[place, y1, x1] - sums[place, y0, x1] - sums[place, y1, x0] + sums[place, y0, x0]
    return here / sums[place, -1, -1].clamp(min=1)


def _backbone(a: Architecture) -> FeaturePyramid:
    """p3 to p7."""
    if a.vovnet:
        bottom_up: nn.Module = VoVNet(a.stem, a.vovnet, a.blocks)
        inputs = [outer for _, outer in a.vovnet]
    else:
        bottom_up = ResNet(a.stem, a.res2, a.blocks)
        inputs = [a.res2 << level for level in range(4)]
    return FeaturePyramid(bottom_up, inputs, a.pyramid, first=_FIRST)
