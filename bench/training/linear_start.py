"""Begins an NCN's linear transform as the Karhunen–Loève transform of training pictures.

Of all linear transforms of blocks to N numbers it loses least, so that training begins with good
pictures. The deep transforms beside it begin at zero.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bench.codecs.families.ncn.network import LATENT_SCALE, NCN, Y_STEP, BesideLinear
from bench.datasets import Dataset
from bench.images.image import read_pixels

_PICTURES = 100
_STEPS = 3.0  # of rounding, in the whole range of a sample: about those of L_HVS at λ 0.03


@torch.no_grad()
def begin_linear(ncn: NCN, dataset: Dataset) -> None:
    """Set the first weights from some of a data set's pictures."""
    mean, basis = _klt(dataset, ncn.channels)
    assert isinstance(ncn.g_enc, BesideLinear)
    assert isinstance(ncn.g_dec, BesideLinear)
    for deep in (ncn.g_enc.deep, ncn.g_dec.deep):
        for parameter in deep[-1].parameters():
            parameter.zero_()
    encoder, decoder = ncn.g_enc.linear, ncn.g_dec.linear
    assert encoder.bias is not None
    assert decoder.bias is not None
    vectors = torch.from_numpy(basis).float().reshape(-1, 3, Y_STEP, Y_STEP)
    encoder.weight.copy_(vectors * _STEPS)
    encoder.bias.copy_(-(vectors.sum((2, 3)) @ mean) * _STEPS)
    decoder.weight.copy_(vectors / _STEPS / LATENT_SCALE)
    decoder.bias.copy_(mean)


def _klt(dataset: Dataset, count: int) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """The mean of each colour, and the main components of blocks, the largest first."""
    few = dataset.entries[:: max(1, len(dataset.entries) // _PICTURES)]
    blocks = np.concatenate([_blocks(read_pixels(entry.path)) for entry in few])
    mean = blocks.mean(axis=(0, 2), dtype=np.float64)
    centred = (blocks - mean[:, None]).reshape(len(blocks), -1)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return torch.from_numpy(mean).float(), vectors.T[::-1][:count].copy()


def _blocks(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Blocks of 16×16 samples from 0 to 1, as (blocks, colour, sample)."""
    rows, columns = pixels.shape[0] // Y_STEP, pixels.shape[1] // Y_STEP
    whole = pixels[: rows * Y_STEP, : columns * Y_STEP].astype(np.float64) / 255
    parts = whole.reshape(rows, Y_STEP, columns, Y_STEP, 3).transpose(0, 2, 4, 1, 3)
    return parts.reshape(rows * columns, 3, Y_STEP * Y_STEP)
