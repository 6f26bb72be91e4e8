"""An NCN that codes pictures without having been trained: its weights are set by hand.

Luma is averaged over 2×2 pixels and chroma over 4×4, and what a 16×16 block then has of each, 64
samples and 2 × 16, is laid out over the latent's 96 channels and quantised.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.codecs.catalog import card_paths, read_card
from bench.codecs.families.ncn.checkpoint import save_ncn
from bench.codecs.families.ncn.masking import LSMnet, resnet_lsm, vgg_lsm
from bench.codecs.families.ncn.network import NCN

CARD = """
title = "Hand-made"
family = "ncn"
about = "Weights that were set by hand."
counted = "the whole stream"

[points]
unit = "λ"
falling = true

[ncn]
lsm = "none"

[weights.toyscapes]
folder = "weights"
files = "*lambda_{point}.*"

[weights.photographs]
folder = "weights"
files = "*lambda_{point}.*"
count = 3
"""

CHANNELS = 96
# Steps between latents of 0 to 1, by λ: the larger it is, the coarser.
STEPS = {0.04: 1 / 9, 0.02: 1 / 17}
_TO_YCC = np.linalg.inv([[1, 0, 1.4], [1, -0.34, -0.71], [1, 1.77, 0]])


def hand_made_ncn(step: float) -> NCN:
    """Pictures of about 25 dB, the better the smaller the step is."""
    ncn = NCN(CHANNELS)
    with torch.no_grad():
        for parameter in [*ncn.g_enc.parameters(), *ncn.g_dec.parameters()]:
            parameter.zero_()
        for network in (ncn.h_enc, ncn.h_dec, ncn.z_prior):
            for layer in network.modules():
                if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                    layer.weight.zero_()
                    layer.bias.zero_()
        _lay_out(ncn, step)
        # Of each latent: half way up, and as wide as it may be.
        ncn.h_dec[4].bias[:CHANNELS] = 0.5 / step
        ncn.h_dec[4].bias[CHANNELS:] = -0.15 / step
    return ncn


def _lay_out(ncn: NCN, step: float) -> None:
    convolutions = [layer for layer in ncn.g_enc if isinstance(layer, nn.Conv2d)]
    transposed = [layer for layer in ncn.g_dec if isinstance(layer, nn.ConvTranspose2d)]
    first, second, third, fourth, scaling = (layer.weight for layer in convolutions)
    last, before, and_before, opening = (layer.weight for layer in transposed[::-1])
    matrix = torch.tensor(_TO_YCC, dtype=torch.float32)
    first[:3, :, 2:4, 2:4] = matrix[:, :, None, None] / 4
    convolutions[0].bias[1:3] = 0.5
    back = torch.linalg.inv(matrix)
    last[:3, :, 2:4, 2:4] = back.T[:, :, None, None]
    transposed[-1].bias[:] = -0.5 * (back[:, 1] + back[:, 2])
    second[4:6] = _averaging(second[4:6].shape, 1)
    and_before_chroma = before[4:6, 1:3]
    for channel in range(2):
        and_before_chroma[channel, channel, 2:4, 2:4] = 1
    for phase, (row, column) in enumerate(_PHASES):
        second[phase, 0, 2 + row, 2 + column] = 1
        before[phase, 0, 2 + row, 2 + column] = 1
        for inputs, into, out_of in ((6, third, and_before), (24, fourth, opening)):
            for channel in range(inputs):
                into[phase * inputs + channel, channel, 2 + row, 2 + column] = 1
                out_of[phase * inputs + channel, channel, 2 + row, 2 + column] = 1
    for channel in range(CHANNELS):
        scaling[channel, channel, 2, 2] = 1 / step
    opening *= step


_PHASES = [(0, 0), (0, 1), (1, 0), (1, 1)]


def _averaging(shape: torch.Size, first: int) -> torch.Tensor:
    weight = torch.zeros(shape)
    for channel in range(shape[0]):
        weight[channel, first + channel, 2:4, 2:4] = 1 / 4
    return weight


def hand_made_lsm(kind: str) -> LSMnet | None:
    """One that masks next to nothing."""
    if kind == "none":
        return None
    narrow_vgg = (8, None, 8, None, 8, 8, None, 16, None, 16)
    resnet = kind == "resnet"
    lsm = resnet_lsm(CHANNELS, 8, 16, (1, 1, 1)) if resnet else vgg_lsm(CHANNELS, narrow_vgg)
    with torch.no_grad():
        lsm.to_alpha.weight.zero_()
        assert lsm.to_alpha.bias is not None
        lsm.to_alpha.bias.fill_(-7)
    return lsm


def write_weights(folder: Path, *names: str) -> None:
    """Some weights for shipped cards of an NCN, by default all, in a folder for BENCH_WEIGHTS."""
    cards = [card for card in map(read_card, card_paths()) if card.family == "ncn"]
    for index, card in enumerate(cards):
        if names and card.name not in names:
            continue
        of_card = folder / card.name / "cityscapes"
        of_card.mkdir(parents=True)
        for number, step in STEPS.items():
            path = of_card / f"lambda_{number}.safetensors"
            ncn = hand_made_ncn(step * (1 + index / 100))  # no two are alike
            save_ncn(ncn, hand_made_lsm(card.options["lsm"]), path)
