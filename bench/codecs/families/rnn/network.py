"""The recurrent networks: encoder, binarizer and decoder, which work on a picture in iterations.

Each iteration sees what is still missing of the picture, x - x̂, and codes it in bits of ±1 at a
sixteenth of the size; the decoder's output is added to x̂, which begins as 0.5. Both remember
earlier iterations in their LSTMs. The names of the layers are those of the published files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

STEP = 16  # pixels each way for an element of a code
NARROWEST = 16  # the decoder's last layer has a sixteenth of the width
GREY = 0.5  # the picture before the first iteration
Memory = tuple[Tensor, Tensor]  # an LSTM's hidden state and its cell
Memories = dict[nn.Module, Memory]  # of each LSTM, from the first iteration on


class Recurrent(nn.Module):
    """All three networks; N is the ``width`` of the inner layers, B the ``bits`` of an element."""

    def __init__(self, width: int = 512, bits: int = 32) -> None:
        super().__init__()
        if width % NARROWEST:
            raise ValueError(f"a width of {width}: expected a multiple of {NARROWEST}")
        self.width, self.bits = width, bits
        self.encoder = Encoder(width)
        self.binarizer = Binarizer(width, bits)
        self.decoder = Decoder(width, bits)

    def codes(self, x: Tensor, iterations: int) -> Iterator[Tensor]:
        """The bits of each iteration, of pictures from 0 to 1."""
        to_code, to_draw, x_hat = Memories(), Memories(), torch.full_like(x, GREY)
        for left in reversed(range(iterations)):
            code = self.binarizer(self.encoder(x - x_hat, to_code))
            yield code
            if left:
                x_hat = x_hat + self.decoder(code, to_draw)

    def pictures(self, codes: Iterable[Tensor]) -> Iterator[Tensor]:
        """x̂ after each iteration."""
        to_draw, x_hat = Memories(), None
        for code in codes:
            added = self.decoder(code, to_draw)
            x_hat = added + (GREY if x_hat is None else x_hat)
            yield x_hat

    def forward(self, x: Tensor, iterations: int) -> list[Tensor]:
        """x̂ after each iteration, of pictures that are coded; for training."""
        to_code, to_draw, x_hat, seen = Memories(), Memories(), torch.full_like(x, GREY), []
        for _ in range(iterations):
            x_hat = x_hat + self.decoder(self.binarizer(self.encoder(x - x_hat, to_code)), to_draw)
            seen.append(x_hat)
        return seen


class ConvLSTM(nn.Module):
    """An LSTM whose states are maps."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, hidden: int = 1) -> None:
        super().__init__()
        self.conv_ih = nn.Conv2d(inputs, 4 * outputs, 3, stride, 1, bias=False)
        self.conv_hh = nn.Conv2d(outputs, 4 * outputs, hidden, padding=hidden // 2, bias=False)

    def forward(self, x: Tensor, memory: Memory | None) -> Memory:
        gates = self.conv_ih(x)
        if memory is not None:
            gates = gates + self.conv_hh(memory[0])
        enters, stays, new, leaves = gates.chunk(4, dim=1)
        cell = torch.sigmoid(enters) * torch.tanh(new)
        if memory is not None:
            cell = cell + torch.sigmoid(stays) * memory[1]
        return torch.sigmoid(leaves) * torch.tanh(cell), cell


class Encoder(nn.Module):
    """What is missing of a picture to features at a sixteenth of its size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width // 8, 3, stride=2, padding=1, bias=False)
        self.rnn1 = ConvLSTM(width // 8, width // 2, stride=2)
        self.rnn2 = ConvLSTM(width // 2, width, stride=2)
        self.rnn3 = ConvLSTM(width, width, stride=2)

    def forward(self, missing: Tensor, memories: Memories) -> Tensor:
        """The features; the memories are renewed."""
        x: Tensor = self.conv(missing)
        for layer in (self.rnn1, self.rnn2, self.rnn3):
            memories[layer] = layer(x, memories.get(layer))
            x = memories[layer][0]
        return x


class Binarizer(nn.Module):
    """Features to bits, ±1."""

    def __init__(self, width: int, bits: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, bits, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        x = torch.tanh(self.conv(features))
        if self.training:
            drawn: Tensor = _Drawn.apply(x)  # type: ignore[no-untyped-call]
            return drawn
        return torch.where(x >= 0, 1.0, -1.0)


class _Drawn(torch.autograd.Function):
    """±1, drawn so that the mean is x; gradients pass as if it were x."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return torch.where(2 * torch.rand_like(x) < 1 + x, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class Decoder(nn.Module):
    """Bits to what is added to a picture, between -0.5 and 0.5."""

    def __init__(self, width: int, bits: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(bits, width, 1, bias=False)
        self.rnn1 = ConvLSTM(width, width)
        self.rnn2 = ConvLSTM(width // 4, width)
        self.rnn3 = ConvLSTM(width // 4, width // 2, hidden=3)
        self.rnn4 = ConvLSTM(width // 8, width // 4, hidden=3)
        self.conv2 = nn.Conv2d(width // 16, 3, 1, bias=False)

    def forward(self, code: Tensor, memories: Memories) -> Tensor:
        """The addition; the memories are renewed."""
        x: Tensor = self.conv1(code)
        for layer in (self.rnn1, self.rnn2, self.rnn3, self.rnn4):
            memories[layer] = layer(x, memories.get(layer))
            x = nn.functional.pixel_shuffle(memories[layer][0], 2)
        added: Tensor = torch.tanh(self.conv2(x)) / 2
        return added
