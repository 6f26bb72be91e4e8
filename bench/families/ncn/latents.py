"""From an image to what is coded of it, and from what was decoded back to an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.colour import Pixels
from bench.families.ncn.masking import LSMnet, masked
from bench.families.ncn.network import MULTIPLE, NCN
from bench.image import pad


@dataclass(frozen=True)
class Latents:
    """What an encoder makes of an image, each of one image: 1×N×H×W."""

    y: Tensor  # before it is masked
    y_hat: Tensor
    z_hat: Tensor
    alpha: Tensor | None


@torch.inference_mode()
def analyse(pixels: Pixels, ncn: NCN, lsm: LSMnet | None, device: torch.device) -> Latents:
    """The latents of a picture of any size, whose right and bottom edges are replicated."""
    samples = torch.from_numpy(np.ascontiguousarray(pad(pixels, MULTIPLE))).to(device)
    x = samples.permute(2, 0, 1)[None].to(torch.float32, memory_format=torch.channels_last) / 255
    y = ncn.g_enc(x)
    z_hat = torch.round(ncn.h_enc(y))
    if lsm is None:
        return Latents(y, torch.round(y), z_hat, None)
    mu, _ = ncn.y_distribution(z_hat)
    alpha = lsm(x)
    return Latents(y, torch.round(masked(y, mu, alpha)), z_hat, alpha)


@torch.inference_mode()
def synthesise(y_hat: Tensor, ncn: NCN, width: int, height: int) -> Tensor:
    """The picture that ŷ stands for, 3×H×W, as the network gives it: about 0 to 1."""
    x_hat: Tensor = ncn.g_dec(y_hat)
    return x_hat[0, :, :height, :width]


def to_pixels(x_hat: Tensor) -> Pixels:
    """As 8-bit samples."""
    samples = torch.round(x_hat.clamp(0, 1) * 255).to(torch.uint8)
    return samples.permute(1, 2, 0).cpu().numpy()
