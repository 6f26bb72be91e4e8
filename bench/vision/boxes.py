"""Boxes as corners (x0, y0, x1, y1), and as deltas from a reference box."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# exp() of a predicted side grows no larger than from a 16-pixel anchor to 1000 pixels.
_MAX_LOG_SCALE = math.log(1000.0 / 16)

Weights = tuple[float, float, float, float]


def encode_deltas(reference: Tensor, target: Tensor, weights: Weights) -> Tensor:
    """The deltas from each reference box to its target, scaled by the weights."""
    size, target_size = reference[:, 2:] - reference[:, :2], target[:, 2:] - target[:, :2]
    centre = reference[:, :2] + 0.5 * size
    target_centre = target[:, :2] + 0.5 * target_size
    shift = (target_centre - centre) / size
    deltas = torch.cat([shift, torch.log(target_size / size)], dim=1)
    return deltas * deltas.new_tensor(weights)


def apply_deltas(reference: Tensor, deltas: Tensor, weights: Weights) -> Tensor:
    """Each reference box (n, 4) moved by one or several deltas (n, 4·k)."""
    moves = (
        deltas.float().reshape(len(deltas), deltas.shape[1] // 4, 4)
        / deltas.new_tensor(weights).float()
    )
    reference = reference.to(moves.dtype)
    size = (reference[:, 2:] - reference[:, :2])[:, None]
    centre = reference[:, None, :2] + 0.5 * size
    moved = moves[..., :2] * size + centre
    half = 0.5 * (torch.exp(moves[..., 2:].clamp(max=_MAX_LOG_SCALE)) * size)
    return torch.cat([moved - half, moved + half], dim=-1).reshape(deltas.shape)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (…, 4) cut to a picture of that height and width."""
    height, width = size
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)


def not_empty(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])
