"""The heads that predict the class, box and mask of each proposed region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from bench.vision.architecture import Architecture
from bench.vision.boxes import apply_deltas, clip, encode_deltas
from bench.vision.matching import match, sample
from bench.vision.operators import roi_align, suppress

_BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
_BOX_BINS, _MASK_BINS = 7, 14
MASK_SIDE = 28
_SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)
_FOREGROUND_SHARE = 0.25
_FOREGROUND_OVERLAP = 0.5
_LOWEST_SCORE = 0.05
_OVERLAP = 0.5
_MAX_DETECTIONS = 100


class BoxHead(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels * _BOX_BINS**2, hidden)
        self.fc2 = nn.Linear(hidden, hidden)

    def forward(self, regions: Tensor) -> Tensor:
        hidden = functional.relu(self.fc1(regions.flatten(1)))
        return functional.relu(self.fc2(hidden))


class BoxPredictor(nn.Module):
    """A score for each class and, last, for the background; a box for each class."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(hidden, classes + 1)
        self.bbox_pred = nn.Linear(hidden, 4 * classes)
        for layer, spread in ((self.cls_score, 0.01), (self.bbox_pred, 0.001)):
            nn.init.normal_(layer.weight, std=spread)
            nn.init.zeros_(layer.bias)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(hidden).float(), self.bbox_pred(hidden).float()


class MaskHead(nn.Module):
    """A mask of 28×28 logits for each class."""

    def __init__(self, channels: int, hidden: int, classes: int) -> None:
        super().__init__()
        for index in range(1, 5):
            inputs = channels if index == 1 else hidden
            layer = nn.Conv2d(inputs, hidden, 3, padding=1)
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            self.add_module(f"mask_fcn{index}", layer)
        self.deconv = nn.ConvTranspose2d(hidden, hidden, 2, stride=2)
        self.predictor = nn.Conv2d(hidden, classes, 1)
        nn.init.normal_(self.predictor.weight, std=0.001)

    def forward(self, regions: Tensor, classes: Tensor) -> Tensor:
        """The logits (regions, 28, 28) of the given class of each region."""
        for index in range(1, 5):
            regions = functional.relu(getattr(self, f"mask_fcn{index}")(regions))
        logits: Tensor = self.predictor(self.upsampled(regions)).float()
        return logits[torch.arange(len(classes), device=logits.device), classes]

    def upsampled(self, regions: Tensor) -> Tensor:
        """The features of regions, at twice their resolution."""
        return functional.relu(self.deconv(regions))


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions sampled for the losses, with their targets."""

    boxes: Tensor
    image: Tensor  # of the batch
    classes: Tensor  # the number of classes means background
    true_boxes: Tensor
    instance: Tensor  # which of its image's


@dataclass(frozen=True, eq=False)
class RegionDetections:
    """Detections in one image, best first, in the network's coordinates."""

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    masks: Tensor | None = None  # probabilities (n, 28, 28)

    def to(self, device: torch.device) -> RegionDetections:
        boxes, scores, classes = (e.to(device) for e in (self.boxes, self.scores, self.classes))
        masks = None if self.masks is None else self.masks.to(device)
        return RegionDetections(boxes, scores, classes, masks)


class RegionHeads(nn.Module):
    """Box head and, if there is one, mask head, on features pooled from p2 to p5."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.classes = a.classes
        self.canonical_side = a.canonical_side  # a region of that size is pooled from p4
        self.samples = a.region_samples  # regions of an image in the losses
        self.box_head = BoxHead(a.pyramid, a.box_hidden)
        self.box_predictor = BoxPredictor(a.box_hidden, a.classes)
        self.mask_head = MaskHead(a.pyramid, a.mask_hidden, a.classes) if a.masks else None

    def pool(self, pyramid: Sequence[Tensor], boxes: Tensor, image: Tensor, bins: int) -> Tensor:
        """Each region from the level that suits its size."""
        sides = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
        level = (4 + torch.log2(sides / self.canonical_side + 1e-8)).floor().clamp(2, 5)
        pooled, places = [], []
        for index, scale in enumerate(_SCALES):
            these = (level == index + 2).nonzero()[:, 0]
            pooled.append(roi_align(pyramid[index], boxes[these], image[these], scale, bins))
            places.append(these)
        return torch.cat(pooled)[torch.cat(places).argsort()]

    def detect(
        self, pyramid: Sequence[Tensor], proposals: Tensor, size: tuple[int, int]
    ) -> RegionDetections:
        """The detections in a batch of one image, of that height and width without its padding."""
        image = torch.zeros(len(proposals), dtype=torch.long, device=proposals.device)
        hidden = self.box_head(self.pool(pyramid, proposals, image, _BOX_BINS))
        logits, deltas = self.box_predictor(hidden)
        boxes = apply_deltas(proposals, deltas, _BOX_WEIGHTS)
        found = select_detections(boxes, logits.softmax(dim=-1), size)
        if self.mask_head is None:
            return found
        image = image.new_zeros(len(found.boxes))  # there may be more: of several classes
        regions = self.pool(pyramid, found.boxes, image, _MASK_BINS)
        masks = self.mask_head(regions, found.classes).sigmoid()
        return RegionDetections(found.boxes, found.scores, found.classes, masks)

    @torch.no_grad()
    def label(
        self, proposals: Tensor, logits: Tensor, truth: Sequence[Tensor], classes: Sequence[Tensor]
    ) -> Regions:
        """A sample of each image's proposals and true boxes, with their targets."""
        parts: list[tuple[Tensor, ...]] = []
        for index, (boxes, image_classes) in enumerate(zip(truth, classes, strict=True)):
            proposed = proposals[index][logits[index] > -torch.inf]
            every = torch.cat([proposed, boxes.to(proposed.dtype)])
            overlap, instance, _ = match(boxes, every)
            foreground = overlap >= _FOREGROUND_OVERLAP
            chosen = sample(foreground, ~foreground, self.samples, _FOREGROUND_SHARE)
            if len(boxes):
                target_class = torch.where(foreground, image_classes[instance], self.classes)
                target_box = boxes[instance]
            else:
                target_class, target_box = torch.full_like(instance, self.classes), every
            image = torch.full_like(instance, index)
            parts.append(
                tuple(each[chosen] for each in (every, image, target_class, target_box, instance))
            )
        return Regions(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def losses(
        self,
        pyramid: Sequence[Tensor],
        regions: Regions,
        masks: Sequence[Tensor],
        size: tuple[int, int],
    ) -> dict[str, Tensor]:
        """The losses of regions labelled by ``label``; ``masks`` are each image's instances."""
        hidden = self.box_head(self.pool(pyramid, regions.boxes, regions.image, _BOX_BINS))
        logits, deltas = self.box_predictor(hidden)
        there = (regions.classes < self.classes).nonzero()[:, 0]
        boxes, image, classes = regions.boxes[there], regions.image[there], regions.classes[there]
        wanted = encode_deltas(boxes, regions.true_boxes[there], _BOX_WEIGHTS)
        moved = deltas[there].reshape(len(there), -1, 4)
        moved = moved[torch.arange(len(there), device=moved.device), classes]
        losses = {
            "loss_cls": functional.cross_entropy(logits, regions.classes),
            "loss_box_reg": (moved - wanted).abs().sum() / len(regions.classes),
        }
        if self.mask_head is not None:
            pooled = self.pool(pyramid, boxes, image, _MASK_BINS)
            guess = self.mask_head(pooled, classes)
            target = mask_targets(masks, boxes, image, regions.instance[there], size)
            entropy = functional.binary_cross_entropy_with_logits
            losses["loss_mask"] = entropy(guess, target) if len(there) else guess.sum() * 0
        return losses


@torch.no_grad()
def mask_targets(
    masks: Sequence[Tensor], boxes: Tensor, image: Tensor, instance: Tensor, size: tuple[int, int]
) -> Tensor:
    """The target mask of each region's instance, as 28×28 zeros and ones.

    The boxes are in the coordinates of pictures of that height and width; the masks may have
    another resolution.
    """
    counts = torch.tensor([0, *map(len, masks[:-1])], device=boxes.device)
    every = torch.cat(list(masks))[:, None]
    place = counts.cumsum(0)[image] + instance
    scale = every.shape[3] / size[1]
    return (roi_align(every, boxes, place, scale, MASK_SIDE)[:, 0] >= 0.5).to(boxes.dtype)


def select_detections(boxes: Tensor, scores: Tensor, size: tuple[int, int]) -> RegionDetections:
    """The best boxes of all classes; overlapping ones of one class are suppressed."""
    finite = boxes.isfinite().all(dim=1) & scores.isfinite().all(dim=1)
    boxes, scores = boxes[finite], scores[finite][:, :-1]
    boxes = clip(boxes.reshape(len(boxes), scores.shape[1], 4), size)
    kept = []
    for index in range(scores.shape[1]):
        likely = (scores[:, index] > _LOWEST_SCORE).nonzero()[:, 0]
        order = likely[scores[likely, index].argsort(descending=True, stable=True)]
        order = order[suppress(boxes[order, index], _OVERLAP)]
        kept.append((boxes[order, index], scores[order, index], torch.full_like(order, index)))
    boxes, scores, classes = (torch.cat(parts) for parts in zip(*kept, strict=True))
    best = scores.argsort(descending=True, stable=True)[:_MAX_DETECTIONS]
    return RegionDetections(boxes[best], scores[best], classes[best])
