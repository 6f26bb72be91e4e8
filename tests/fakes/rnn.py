"""A recurrent codec that codes pictures without having been trained: its weights are set by hand.

Each iteration codes whether the colours of 4×4 pixels are too dark or too bright, 48 bits for 16×16
pixels, and the decoder adds or subtracts less each time. No layer has a bias: what should stay the
same is made of the bits, and what should shrink follows a clock that a cell counts.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from bench.codecs.families.rnn.network import ConvLSTM, Recurrent

CARDS = {"rnn": "published"}
WIDTH, BITS = 64, 48
_PHASES = [(row, column) for row in (1, 2) for column in (1, 2)]  # of 2×2 pixels, in a kernel
_ENTERS, _STAYS, _NEW, _LEAVES = range(4)  # an LSTM's gates
_EVEN, _ODD, _CLOCK = 48, 52, 60  # channels beside those of values


def hand_made_rnn(last: float = 1.0) -> Recurrent:
    """Pictures of about 25 dB after some iterations; ``last`` scales what the decoder adds."""
    recurrent = Recurrent(WIDTH, BITS).eval().requires_grad_(False)
    for parameter in recurrent.parameters():
        parameter.zero_()
    _lay_out_encoder(recurrent)
    _lay_out_decoder(recurrent, last)
    return recurrent


def write_weights(folder: Path) -> None:
    """The published files of the networks, in a folder for BENCH_WEIGHTS."""
    for card, weight_set in CARDS.items():
        write_published(hand_made_rnn(), folder / card / weight_set)


def write_published(recurrent: Recurrent, folder: Path, epoch: str = "epoch_00000066") -> Path:
    """The three files, as they are published; the path of the decoder's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("encoder", "binarizer", "decoder"):
        network = getattr(recurrent, name)
        torch.save(network.state_dict(), folder / f"{name}_{epoch}.pth")
    return folder / f"decoder_{epoch}.pth"


def _lay_out_encoder(recurrent: Recurrent) -> None:
    encoder = recurrent.encoder
    for colour in range(3):
        encoder.conv.weight[colour, colour, 1:, 1:] = 0.05  # their mean, and a little of it
        _gate(encoder.rnn1, _NEW)[colour, colour, 1:, 1:] = 0.25
    for layer, values in ((encoder.rnn2, 3), (encoder.rnn3, 12)):
        for value in range(values):
            for phase, (row, column) in enumerate(_PHASES):
                _gate(layer, _NEW)[4 * value + phase, value, row, column] = 4
    for layer in (encoder.rnn1, encoder.rnn2, encoder.rnn3):
        _forget(layer)
    recurrent.binarizer.conv.weight[:, :BITS, 0, 0] = torch.eye(BITS)


def _lay_out_decoder(recurrent: Recurrent, last: float) -> None:
    decoder = recurrent.decoder
    decoder.conv1.weight[:BITS, :, 0, 0] = torch.eye(BITS)
    decoder.conv1.weight[BITS:, 0, 0, 0] = 1
    for value in range(BITS):
        _gate(decoder.rnn1, _NEW)[value, value, 1, 1] = 0.1
    _forget(decoder.rnn1, BITS)
    # Two cells whose difference is positive, whether the bit is 1 or -1.
    for first, sign in ((_EVEN, 3), (_ODD, -3)):
        for channel in range(first, first + 4):
            _gate(decoder.rnn1, _ENTERS)[channel, channel, 1, 1] = sign
            _gate(decoder.rnn1, _NEW)[channel, channel, 1, 1] = 0.1
    # It counts the iterations; the more there were, the less of a value leaves its cell.
    _constant(decoder.rnn2, _STAYS)[_CLOCK] = 200
    _constant(decoder.rnn2, _NEW)[_CLOCK] = 0.67
    for value in range(12):
        _constant(decoder.rnn2, _STAYS)[value] = -200
        _gate(decoder.rnn2, _NEW)[value, value, 1, 1] = 40
        _gate(decoder.rnn2, _LEAVES, "conv_hh")[value, _CLOCK, 0, 0] = -40
    for layer, gain in ((decoder.rnn3, 0.1), (decoder.rnn4, 4.0)):
        for channel in range(12):
            _gate(layer, _NEW)[channel, channel // 4, 1, 1] = gain
        _forget(layer)
    for colour in range(3):
        decoder.conv2.weight[colour, colour, 0, 0] = 70 * last


def _gate(layer: ConvLSTM, gate: int, of: str = "conv_ih") -> Tensor:
    weight: Tensor = layer.get_submodule(of).get_parameter("weight")
    return weight.chunk(4)[gate]


def _constant(layer: ConvLSTM, gate: int) -> _Constant:
    return _Constant(_gate(layer, gate))


class _Constant:
    """Weights on what the decoder's first LSTM makes the same in all iterations."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight

    def __setitem__(self, channel: int, value: float) -> None:
        self._weight[channel, _EVEN // 4, 1, 1] = value
        self._weight[channel, _ODD // 4, 1, 1] = -value


def _forget(layer: ConvLSTM, channels: int | None = None) -> None:
    """Take from what enters a cell what it would keep: half of it, four times its output."""
    weight = _gate(layer, _NEW, "conv_hh")
    middle = weight.shape[-1] // 2
    for channel in range(len(weight) if channels is None else channels):
        weight[channel, channel, middle, middle] = -2
