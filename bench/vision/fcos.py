"""FCOS: boxes from the distances of a location to their four sides, without anchors.

Tian, Shen, Chen, He, 2019, in the form that CenterMask has it: locations near a box's centre are
its own, and a score is the root of a class's probability times the centreness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from bench.vision.boxes import clip, not_empty
from bench.vision.heads import RegionDetections
from bench.vision.operators import suppress

STRIDES = (8, 16, 32, 64, 128)
_LARGEST = (64.0, 128.0, 256.0, 512.0, math.inf)  # distance to a side that a level is asked for
_RADIUS = 1.5  # strides from a box's centre in which locations are its own
_LAYERS, _GROUPS = 4, 32
_PRIOR = 0.01  # probability of each class before training
_ALPHA, _GAMMA = 0.25, 2.0
_LOWEST, _OVERLAP = 0.05, 0.6
_MOST_OF_LEVEL, _MOST = 1000, 100


@dataclass(frozen=True, eq=False)
class Locations:
    """The places of all levels, finest first, one a row."""

    places: Tensor  # (n, 2) x and y in the picture
    strides: Tensor  # (n,)
    smallest: Tensor  # (n,) distance that a level is asked for
    largest: Tensor  # (n,)
    counts: tuple[int, ...]  # of each level


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is said at each location of each picture."""

    logits: Tensor  # (pictures, n, classes)
    distances: Tensor  # (pictures, n, 4) to left, top, right and bottom, in strides
    centreness: Tensor  # (pictures, n) logits


class CenterProposals(nn.Module):
    """A head that all levels share, its targets, its losses, and the boxes that it finds."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.fcos_head = Head(channels, classes)

    def forward(self, pyramid: Sequence[Tensor]) -> Predictions:
        levels = [self.fcos_head(level, index) for index, level in enumerate(pyramid)]
        return Predictions(*(torch.cat(part, dim=1).float() for part in zip(*levels, strict=True)))

    @torch.no_grad()
    def targets(self, at: Locations, boxes: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
        """The class of each location, that of no object being last, and the distances in strides.

        Of several boxes at a location, the smallest one counts.
        """
        low, high = at.places[:, None] - boxes[:, :2], boxes[:, 2:] - at.places[:, None]
        distances = torch.cat([low, high], dim=2)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        away = (at.places[:, None] - centre).abs().amax(dim=2)
        farthest = distances.amax(dim=2)
        own = (
            (distances.amin(dim=2) > 0)
            & (away < _RADIUS * at.strides[:, None])
            & (farthest >= at.smallest[:, None])
            & (farthest <= at.largest[:, None])
        )
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
        nothing = torch.full_like(at.strides, self.classes, dtype=torch.long)
        if not len(boxes):
            return nothing, distances.new_zeros(len(nothing), 4)
        area, which = torch.where(own, areas, math.inf).min(dim=1)
        found = distances[torch.arange(len(which), device=which.device), which]
        wanted = torch.where(area < math.inf, classes[which], nothing)
        return wanted, found / at.strides[:, None]

    def losses(self, said: Predictions, classes: Tensor, distances: Tensor) -> dict[str, Tensor]:
        """The losses of all pictures, given the targets (pictures, n) and (pictures, n, 4)."""
        picture, place = (classes < self.classes).nonzero(as_tuple=True)
        count = max(1, len(place))
        wanted = functional.one_hot(classes, self.classes + 1)[..., :-1].to(said.logits.dtype)
        found, target = said.distances[picture, place], distances[picture, place]
        centred = centreness(target)
        guess = said.centreness[picture, place]
        entropy = functional.binary_cross_entropy_with_logits(guess, centred, reduction="sum")
        off = 1 - generalised_iou(found, target)
        return {
            "loss_fcos_cls": focal_loss(said.logits, wanted) / count,
            "loss_fcos_loc": (off * centred).sum() / centred.sum().clamp(min=1e-6),
            "loss_fcos_ctr": entropy / count,
        }

    @torch.no_grad()
    def propose(
        self, said: Predictions, at: Locations, size: tuple[int, int]
    ) -> list[RegionDetections]:
        """The best boxes in each picture of that height and width, without their padding."""
        classes, reach = said.logits.sigmoid(), said.distances * at.strides[:, None]
        centred = said.centreness.sigmoid()
        boxes = torch.cat([at.places - reach[..., :2], at.places + reach[..., 2:]], dim=2)
        boxes = clip(boxes, size)
        return [_best(*each, at.counts) for each in zip(boxes, classes, centred, strict=True)]


class Head(nn.Module):
    """Class, distances and centreness at each location of a level."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.cls_tower, self.bbox_tower = _tower(channels), _tower(channels)
        self.cls_logits = nn.Conv2d(channels, classes, 3, padding=1)
        self.bbox_pred = nn.Conv2d(channels, 4, 3, padding=1)
        self.ctrness = nn.Conv2d(channels, 1, 3, padding=1)
        self.scales = nn.ModuleList([Scale() for _ in STRIDES])
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        assert self.cls_logits.bias is not None
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - _PRIOR) / _PRIOR))

    def forward(self, features: Tensor, level: int) -> tuple[Tensor, Tensor, Tensor]:
        classified, placed = self.cls_tower(features), self.bbox_tower(features)
        distances = functional.relu(self.scales[level](self.bbox_pred(placed)))
        return (
            _in_rows(self.cls_logits(classified)),
            _in_rows(distances),
            _in_rows(self.ctrness(placed))[..., 0],
        )


class Scale(nn.Module):
    """A number to multiply by."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def _tower(channels: int) -> nn.Sequential:
    groups = math.gcd(_GROUPS, channels // 2)  # of two channels or more, in narrow networks, too
    layers: list[nn.Module] = []
    for _ in range(_LAYERS):
        layers.append(nn.Conv2d(channels, channels, 3, padding=1))
        layers += [nn.GroupNorm(groups, channels), nn.ReLU()]
    return nn.Sequential(*layers)


def _in_rows(values: Tensor) -> Tensor:
    """(pictures, channels, height, width) as (pictures, locations, channels)."""
    return values.flatten(2).transpose(1, 2)


def locations(pyramid: Sequence[Tensor]) -> Locations:
    """The middle of each cell of each level."""
    parts, counts = [], []
    smallest = -1.0
    for level, stride, largest in zip(pyramid, STRIDES, _LARGEST, strict=True):
        height, width = level.shape[-2:]
        y, x = torch.meshgrid(
            torch.arange(height, device=level.device, dtype=torch.float32),
            torch.arange(width, device=level.device, dtype=torch.float32),
            indexing="ij",
        )
        places = torch.stack([x.flatten(), y.flatten()], dim=1) * stride + stride // 2
        of_level = torch.full_like(places[:, 0], 1)
        parts.append((places, of_level * stride, of_level * smallest, of_level * largest))
        counts.append(len(places))
        smallest = largest
    places, strides, low, high = (torch.cat(part) for part in zip(*parts, strict=True))
    return Locations(places, strides, low, high, tuple(counts))


def centreness(distances: Tensor) -> Tensor:
    """1 in the middle of a box, 0 at its sides."""
    across, down = distances[..., 0::2], distances[..., 1::2]
    ratios = [each.amin(-1) / each.amax(-1) for each in (across, down)]
    return (ratios[0] * ratios[1]).sqrt()


def generalised_iou(found: Tensor, wanted: Tensor) -> Tensor:
    """Of boxes by the distances (n, 4) from a location that is in both."""
    inner, outer = torch.minimum(found, wanted), torch.maximum(found, wanted)
    common, hull, *areas = (
        (each[:, 0] + each[:, 2]) * (each[:, 1] + each[:, 3])
        for each in (inner, outer, found, wanted)
    )
    union = areas[0] + areas[1] - common
    return common / union.clamp(min=1e-7) - (hull - union) / hull.clamp(min=1e-7)


def focal_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """The summed entropy, of which what is easy is a small part."""
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    share = logits.sigmoid()
    wrong = wanted * (1 - share) + (1 - wanted) * share
    weight = wanted * _ALPHA + (1 - wanted) * (1 - _ALPHA)
    return (weight * wrong**_GAMMA * entropy).sum()


def _best(
    boxes: Tensor, classes: Tensor, centred: Tensor, counts: Sequence[int]
) -> RegionDetections:
    """The detections in one picture, best first; overlapping ones of one class are suppressed."""
    place, index = (classes > _LOWEST).nonzero(as_tuple=True)
    scores = (classes[place, index] * centred[place]).sqrt()
    kept = torch.cat([_most(scores, place, *ends) for ends in _ends(counts)])
    kept = kept[not_empty(boxes[place[kept]])]
    kept = kept[scores[kept].argsort(descending=True, stable=True)]
    of_classes = []
    for each in range(classes.shape[1]):
        same = kept[index[kept] == each]
        of_classes.append(same[suppress(boxes[place[same]], _OVERLAP)])
    kept = torch.cat(of_classes) if of_classes else kept
    kept = kept[scores[kept].argsort(descending=True, stable=True)[:_MOST]]
    return RegionDetections(boxes[place[kept]], scores[kept], index[kept])


def _ends(counts: Sequence[int]) -> list[tuple[int, int]]:
    """Where the locations of each level begin and end."""
    last = 0
    ends = []
    for count in counts:
        ends.append((last, last + count))
        last += count
    return ends


def _most(scores: Tensor, place: Tensor, first: int, end: int) -> Tensor:
    """Which of a level have the highest scores."""
    here = ((place >= first) & (place < end)).nonzero()[:, 0]
    return here[scores[here].argsort(descending=True, stable=True)[:_MOST_OF_LEVEL]]
