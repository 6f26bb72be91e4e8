"""The published estimate of the rate, as training sees it; what is reported is real bytes.

Kept as published down to its approximations, so that figures can be compared: σ from a log-sigmoid
that is linear between 300 knots and 0 from 14.9 on, and a floor of 1e-10 under each probability,
all in single precision.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

_FIRST, _STEP, _KNOTS = -15.0, 0.1, 300


def sigma(raw: Tensor) -> Tensor:
    """softplus(-raw), as published."""
    knots = torch.arange(_KNOTS, dtype=torch.float64, device=raw.device) * _STEP + _FIRST
    values = functional.logsigmoid(knots).to(raw.dtype)
    knots = knots.to(raw.dtype)
    last = _KNOTS - 1
    left = torch.floor((raw.detach() - _FIRST) / _STEP).clamp(0, last - 1).long()
    # Single precision may have put it one knot too far.
    left = torch.where(raw.detach() < knots[left], left - 1, left)
    left = torch.where(raw.detach() >= knots[left + 1], left + 1, left).clamp(0, last - 1)
    slope = (values[left + 1] - values[left]) / (knots[left + 1] - knots[left])
    between = values[left] + slope * (raw - knots[left])
    log_sigmoid = torch.where(raw < knots[0], raw, between)
    return -torch.where(raw >= knots[last], torch.zeros_like(raw), log_sigmoid)


def bits(values: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """What each value costs under its Laplace distribution."""
    scale = sigma + 1e-10
    upper, lower = _cumulative(values + 0.5, mu, scale), _cumulative(values - 0.5, mu, scale)
    return -torch.log2(upper - lower + 1e-10)


def _cumulative(x: Tensor, mu: Tensor, scale: Tensor) -> Tensor:
    away = x - mu
    return 0.5 - 0.5 * away.sign() * torch.expm1(-away.abs() / scale)
