"""Networks of CompressAI's that code pictures without having been trained: set by hand.

The mean of 4×4 pixels is kept; those that a 16×16 block has, 16 of each colour, are laid out over
the latent's 48 channels and quantised.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from bench.codecs.catalog import card_paths, read_card

CHANNELS = 48
# Steps between latents of 0 to 1, by quality.
STEPS = {1: 1 / 7, 2: 1 / 15}
_COLOURS = 3
_PHASES = [(0, 0), (0, 1), (1, 0), (1, 1)]


def hand_made_network(model: str, step: float) -> Any:
    """Pictures of about 25 dB, the better the smaller the step is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from compressai.zoo.image import model_architectures
    is_cheng = model == "cheng2020-attn"
    widths = (CHANNELS,) if is_cheng else (4 * _COLOURS, CHANNELS)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the distribution of z is left as it begins
        network = model_architectures[model](*widths)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.startswith("entropy_bottleneck.") and not name.endswith(".beta"):
                parameter.zero_()
        (_lay_out_cheng if is_cheng else _lay_out)(network, 1 / step)
        last = network.entropy_parameters[-1] if hasattr(network, "entropy_parameters") else None
        # How wide the distribution of each latent is, about zero.
        (last or network.h_s[4]).bias[:CHANNELS] = 0.3 / step
    return network


def _lay_out(network: Any, gain: float) -> None:
    for stage in range(4):
        down, up = network.g_a[2 * stage], network.g_s[6 - 2 * stage]
        _gather(down.weight, stage, gain)
        for one, many, (row, column), share in _routes(stage, gain):
            up.weight[many, one, 2 + row, 2 + column] = 1 / share
    network.g_a[6].bias[:] = -gain / 2
    network.g_s[6].bias[:] = 0.5


def _lay_out_cheng(network: Any, gain: float) -> None:
    """Down by the blocks' convolutions, up by their shortcuts."""
    for stage, (down, up) in enumerate(((0, 9), (2, 7), (5, 4), (7, 2))):
        is_block = stage < 3
        _gather(
            network.g_a[down].conv1.weight if is_block else network.g_a[down].weight, stage, gain
        )
        if is_block:
            for channel in range(CHANNELS):
                network.g_a[down].conv2.weight[channel, channel, 1, 1] = 1
        shuffled = network.g_s[up][0] if stage == 0 else network.g_s[up].upsample[0]
        for one, many, (row, column), share in _routes(stage, gain):
            shuffled.weight[4 * one + 2 * row + column, many, 1, 1] = 1 / share
    for attention in (network.g_a[3], network.g_a[8], network.g_s[0], network.g_s[5]):
        attention.conv_b[-1].bias[:] = -100  # to nothing
    network.g_a[7].bias[:] = -gain / 2
    network.g_s[9][0].bias[:] = 0.5


def _gather(weight: torch.Tensor, stage: int, gain: float) -> None:
    centre = weight.shape[-1] // 2
    for one, many, (row, column), share in _routes(stage, gain):
        weight[many, one, centre + row, centre + column] = share / (4 if stage < 2 else 1)


def _routes(stage: int, gain: float) -> list[tuple[int, int, tuple[int, int], float]]:
    """Which of a stage's channels has which pixel of another at half the size, and how large."""
    if stage < 2:
        return [(c, c, place, 1) for c in range(_COLOURS) for place in _PHASES]
    channels = _COLOURS * (1 if stage == 2 else 4)
    return [
        (c, phase * channels + c, place, gain if stage == 3 else 1)
        for c in range(channels)
        for phase, place in enumerate(_PHASES)
    ]


def write_weights(folder: Path) -> None:
    """Some for each shipped card of the zoo, in a folder that BENCH_WEIGHTS may name."""
    if find_spec("compressai") is None:
        return
    cards = [card for card in map(read_card, card_paths()) if card.family == "compressai"]
    sets = [(card, its_set) for card in cards for its_set in card.sets.values()]
    for index, (card, its_set) in enumerate(sets):
        of_set = folder / card.name / its_set.name
        of_set.mkdir(parents=True)
        for quality, step in STEPS.items():
            name = its_set.files.replace("{point}", str(quality)).replace("*", "12345678")
            network = hand_made_network(card.options["model"], step * (1 + index / 100))
            torch.save(network.state_dict(), of_set / name)  # no two are alike
