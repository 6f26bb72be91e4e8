"""Matching predicted boxes with true ones, and sampling those in a loss."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.vision.operators import pairwise_iou


def match(truth: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each box's largest overlap, with which true box, and whether it is that box's largest."""
    if not len(truth):
        nothing = boxes.new_zeros(len(boxes))
        return nothing, nothing.long(), nothing.bool()
    iou = pairwise_iou(truth, boxes)
    overlap, index = iou.max(dim=0)
    best = (iou == iou.amax(dim=1, keepdim=True)).any(dim=0)
    return overlap, index, best


def sample(foreground: Tensor, background: Tensor, count: int, share: float) -> Tensor:
    """The places of a random sample: at most ``share`` foreground, first, the rest background."""
    key = torch.rand(foreground.shape, device=foreground.device)
    most = min(int(count * share), len(key))
    front, front_index = torch.where(foreground, key, -1.0).topk(most)
    back, back_index = torch.where(background, key, -1.0).topk(min(count, len(key)))
    found = front >= 0
    room = count - found.sum()
    fits = (back >= 0) & (torch.arange(len(back), device=key.device) < room)
    return torch.cat([front_index[found], back_index[fits]])
