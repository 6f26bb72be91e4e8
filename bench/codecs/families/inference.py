"""How the networks of learned codecs run: the device, the precision, and pictures as tensors."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor

from bench.codecs.families.neural_stream import MULTIPLE
from bench.images.colour import Pixels
from bench.images.image import pad


def coding_device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def full_precision() -> AbstractContextManager[None]:
    """Without the shortened factors that a GPU's convolutions use by default."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


def to_tensor(pixels: Pixels, device: torch.device) -> Tensor:
    """A picture of any size, padded, as 1×3×H×W from 0 to 1."""
    x = torch.tensor(pad(pixels, MULTIPLE)).to(device).permute(2, 0, 1)[None]
    return x.to(torch.float32, memory_format=torch.channels_last) / 255


def to_pixels(x_hat: Tensor, width: int, height: int) -> Pixels:
    """The picture of that size which a decoded tensor holds."""
    samples = torch.round(x_hat[0, :, :height, :width].clamp(0, 1) * 255).to(torch.uint8)
    return samples.permute(1, 2, 0).cpu().numpy()
