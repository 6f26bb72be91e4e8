"""Region proposals: boxes that may contain an object."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from bench.vision.architecture import Architecture
from bench.vision.boxes import apply_deltas, clip, encode_deltas, not_empty
from bench.vision.matching import match, sample
from bench.vision.operators import suppress

_RATIOS = (0.5, 1.0, 2.0)  # height over width
_STRIDES = (4, 8, 16, 32, 64)
_UNWEIGHTED = (1.0, 1.0, 1.0, 1.0)
_OVERLAP = 0.7
_SAMPLES = 256  # anchors of an image in the loss
_FOREGROUND_SHARE = 0.5
_FOREGROUND, _BACKGROUND, _IGNORED = 1, 0, -1
_MATCHES = (0.3, 0.7)  # background below, foreground from


class Head(nn.Module):
    """For every anchor, whether it is an object, and the deltas to its box."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness_logits = nn.Conv2d(channels, len(_RATIOS), 1)
        self.anchor_deltas = nn.Conv2d(channels, 4 * len(_RATIOS), 1)
        for layer in (self.conv, self.objectness_logits, self.anchor_deltas):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (images, anchors) and deltas (images, anchors, 4) of one level."""
        hidden = functional.relu(self.conv(features))
        logits, deltas = self.objectness_logits(hidden), self.anchor_deltas(hidden)
        images, _, height, width = logits.shape
        deltas = deltas.reshape(images, len(_RATIOS), 4, height, width).permute(0, 3, 4, 1, 2)
        logits = logits.permute(0, 2, 3, 1).reshape(images, -1)
        return logits.float(), deltas.reshape(images, -1, 4).float()


class ProposalGenerator(nn.Module):
    """A region proposal network over p2 to p6."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.rpn_head = Head(architecture.pyramid)
        self.anchor_sizes = architecture.anchor_sizes
        # Of each level before suppression, in training and in inference; of an image after it.
        self.most_before, self.most = architecture.proposals_before, architecture.proposals

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Logits and deltas of every level."""
        heads = [self.rpn_head(level) for level in features]
        return [logits for logits, _ in heads], [deltas for _, deltas in heads]

    def anchors(self, features: Sequence[Tensor]) -> list[Tensor]:
        """The anchors of every level, in the order of the logits."""
        shapes = tuple((int(level.shape[2]), int(level.shape[3])) for level in features)
        return [
            anchors.to(features[0].device)
            for anchors in map(_level_anchors, shapes, _STRIDES, self.anchor_sizes)
        ]

    @torch.no_grad()
    def propose(
        self,
        logits: Sequence[Tensor],
        deltas: Sequence[Tensor],
        anchors: Sequence[Tensor],
        size: tuple[int, int],
    ) -> tuple[Tensor, Tensor]:
        """The best boxes (images, n, 4) and their logits (images, n), −∞ if there are fewer.

        ``size`` is the height and width of the pictures without their padding.
        """
        boxes, scores = [], []
        for level_logits, level_deltas, level_anchors in zip(logits, deltas, anchors, strict=True):
            count = min(self.most_before[0 if self.training else 1], level_logits.shape[1])
            best, index = level_logits.topk(count, dim=1)
            chosen = level_deltas.gather(1, index[..., None].expand(-1, -1, 4))
            moved = apply_deltas(
                level_anchors[index].reshape(-1, 4), chosen.reshape(-1, 4), _UNWEIGHTED
            ).reshape(chosen.shape)
            finite = moved.isfinite().all(dim=-1) & best.isfinite()
            moved = clip(torch.where(finite[..., None], moved, 0.0), size)
            kept = suppress(moved, _OVERLAP) & finite & not_empty(moved)
            boxes.append(moved)
            scores.append(torch.where(kept, best, -torch.inf))
        all_boxes, all_scores = torch.cat(boxes, dim=1), torch.cat(scores, dim=1)
        most = min(self.most, all_scores.shape[1])
        best, index = all_scores.topk(most, dim=1)
        return all_boxes.gather(1, index[..., None].expand(-1, -1, 4)), best

    @torch.no_grad()
    def label(self, anchors: Sequence[Tensor], truth: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The target of each anchor of each image, and the box that it belongs to.

        Labels are those of a sample: all other anchors are ignored.
        """
        every = torch.cat(list(anchors))
        labels, boxes = [], []
        for image_boxes in truth:
            overlap, index, best = match(image_boxes, every)
            label = torch.full_like(index, _IGNORED)
            label[overlap < _MATCHES[0]] = _BACKGROUND
            label[(overlap >= _MATCHES[1]) | best] = _FOREGROUND
            chosen = sample(label == _FOREGROUND, label == _BACKGROUND, _SAMPLES, _FOREGROUND_SHARE)
            sampled = torch.full_like(label, _IGNORED)
            sampled[chosen] = label[chosen]
            labels.append(sampled)
            boxes.append(image_boxes[index] if len(image_boxes) else every)
        return torch.stack(labels), torch.stack(boxes)

    def losses(
        self,
        logits: Sequence[Tensor],
        deltas: Sequence[Tensor],
        anchors: Sequence[Tensor],
        labels: Tensor,
        boxes: Tensor,
    ) -> dict[str, Tensor]:
        """The losses of anchors labelled by ``label``."""
        every = torch.cat(list(anchors))
        all_logits, all_deltas = torch.cat(list(logits), dim=1), torch.cat(list(deltas), dim=1)
        norm = _SAMPLES * len(labels)
        sampled, image_anchor = labels >= 0, (labels == _FOREGROUND).nonzero()
        right = functional.binary_cross_entropy_with_logits(
            all_logits[sampled], labels[sampled].to(all_logits.dtype), reduction="sum"
        )
        image, anchor = image_anchor[:, 0], image_anchor[:, 1]
        wanted = encode_deltas(every[anchor], boxes[image, anchor], _UNWEIGHTED)
        placed = (all_deltas[image, anchor] - wanted).abs().sum()
        return {"loss_rpn_cls": right / norm, "loss_rpn_loc": placed / norm}


@lru_cache(maxsize=32)
def _level_anchors(shape: tuple[int, int], stride: int, size: int) -> Tensor:
    """All anchors of a level, row by row, the ratios of one place together."""
    sides = []
    for ratio in _RATIOS:
        across = (size**2 / ratio) ** 0.5
        down = ratio * across
        sides.append((-across / 2, -down / 2, across / 2, down / 2))
    rows, columns = (torch.arange(side, dtype=torch.float32) * stride for side in shape)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    places = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
    return (places + torch.tensor(sides)).reshape(-1, 4)
