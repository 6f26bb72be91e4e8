"""The distortions that codecs are trained for: L_HVS, L_F and L_TASK of Fischer et al. 2022.

The loss is the distortion plus λ · rate. Networks in it are frozen: gradients pass through them to
the decoded picture, but do not change them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from bench.metrics.ms_ssim import WEIGHTS, WINDOW
from bench.vision.detector import Detector, TrainingTargets

# Of originals and decoded pictures, n×3×H×W in R, G, B from 0 to 1, and their instances.
Distortion = Callable[[Tensor, Tensor, Sequence[TrainingTargets]], dict[str, Tensor]]
_C1, _C2 = 0.01**2, 0.03**2


def hvs(x: Tensor, x_hat: Tensor, truth: Sequence[TrainingTargets] = ()) -> dict[str, Tensor]:
    """L_HVS: for viewers, MSE + 0.1 (1 - MS-SSIM)."""
    return {"mse": functional.mse_loss(x_hat, x), "ms_ssim": 0.1 * (1 - ms_ssim(x, x_hat))}


def feature(
    network: Detector,
    enlargement: float,
    x: Tensor,
    x_hat: Tensor,
    truth: Sequence[TrainingTargets],
) -> dict[str, Tensor]:
    """L_F: squared differences between a network's p2 features; needs no labels."""
    with torch.no_grad():
        wanted = network.features(_seen(x, enlargement))[0]
    found = network.features(_seen(x_hat, enlargement))[0]
    # Per pixel, so that λ does not depend on the size of the crops.
    return {"feature": (found - wanted).square().sum() / x[:, 0].numel()}


def task(
    network: Detector,
    enlargement: float,
    x: Tensor,
    x_hat: Tensor,
    truth: Sequence[TrainingTargets],
) -> dict[str, Tensor]:
    """L_TASK: the network's own training losses on the decoded picture."""
    return network.losses(_seen(x_hat, enlargement), truth)


def _seen(x: Tensor, enlargement: float) -> Tensor:
    """Pictures as a network's input: enlarged, B, G, R from 0 to 255."""
    x = x.flip(1) * 255
    if enlargement != 1:
        x = functional.interpolate(
            x, scale_factor=enlargement, mode="bilinear", align_corners=False
        )
    return x


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """The usual MS-SSIM of pictures from 0 to 1, averaged over channels and pictures."""
    window = torch.from_numpy(WINDOW).to(x)
    similarity = x.new_ones(x.shape[:2])
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            padding = [side % 2 for side in x.shape[-2:]]
            x, y = (functional.avg_pool2d(each, 2, padding=padding) for each in (x, y))
        luminance, contrast = _similarity(x, y, window)
        term = contrast * luminance if scale == len(WEIGHTS) - 1 else contrast
        similarity = similarity * functional.relu(term.mean(dim=(2, 3))) ** weight
    return similarity.mean()


def _similarity(x: Tensor, y: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, at each position."""
    channels = x.shape[1]
    across = window.expand(channels, 1, 1, -1)

    def blurred(values: Tensor) -> Tensor:
        values = functional.conv2d(values, across, groups=channels)
        return functional.conv2d(values, across.transpose(2, 3), groups=channels)

    mean_x, mean_y = blurred(x), blurred(y)
    variance_x = blurred(x * x) - mean_x * mean_x
    variance_y = blurred(y * y) - mean_y * mean_y
    covariance = blurred(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    return luminance, (2 * covariance + _C2) / (variance_x + variance_y + _C2)
