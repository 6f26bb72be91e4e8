"""The recurrent codec as its published description has it, written from the names of its tensors.

Each LSTM's gates come in the order input, forget, cell, output; no layer has a bias. Only the first
iteration begins without memory, which is as if it were zero.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

Weights = dict[str, Tensor]
Files = dict[str, Weights]  # of encoder, binarizer and decoder


def drawn_weights(width: int = 32, bits: int = 8, seed: int = 0) -> Files:
    """Seeded weights, in the shapes of the published files at a width of 512 and 32 bits."""
    n, random = width, torch.Generator().manual_seed(seed)
    shapes = {
        "encoder": {
            "conv": (n // 8, 3, 3, 3),
            **_lstm("rnn1", n // 8, n // 2, 1),
            **_lstm("rnn2", n // 2, n, 1),
            **_lstm("rnn3", n, n, 1),
        },
        "binarizer": {"conv": (bits, n, 1, 1)},
        "decoder": {
            "conv1": (n, bits, 1, 1),
            **_lstm("rnn1", n, n, 1),
            **_lstm("rnn2", n // 4, n, 1),
            **_lstm("rnn3", n // 4, n // 2, 3),
            **_lstm("rnn4", n // 8, n // 4, 3),
            "conv2": (3, n // 16, 1, 1),
        },
    }
    return {
        network: {
            f"{name}.weight": torch.randn(shape, generator=random) / shape[1:].numel() ** 0.5
            for name, shape in ((name, torch.Size(shape)) for name, shape in layers.items())
        }
        for network, layers in shapes.items()
    }


def _lstm(name: str, inputs: int, outputs: int, kernel: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.conv_ih": (4 * outputs, inputs, 3, 3),
        f"{name}.conv_hh": (4 * outputs, outputs, kernel, kernel),
    }


def coded(files: Files, x: Tensor, iterations: int) -> tuple[list[Tensor], list[Tensor]]:
    """The bits of each iteration, and what the picture is after it."""
    missing, memory = x - 0.5, dict[str, tuple[Tensor, Tensor]]()
    codes, pictures = [], []
    for _ in range(iterations):
        e, b, d = files["encoder"], files["binarizer"], files["decoder"]
        y = functional.conv2d(missing, e["conv.weight"], stride=2, padding=1)
        for name in ("rnn1", "rnn2", "rnn3"):
            y = _remembered(e, name, y, memory, "encoder", 2)
        code = functional.conv2d(y, b["conv.weight"])
        code = torch.ones_like(code).masked_fill(code < 0, -1)
        y = functional.conv2d(code, d["conv1.weight"])
        for name in ("rnn1", "rnn2", "rnn3", "rnn4"):
            y = functional.pixel_shuffle(_remembered(d, name, y, memory, "decoder", 1), 2)
        missing = missing - torch.tanh(functional.conv2d(y, d["conv2.weight"])) / 2
        codes.append(code)
        pictures.append(x - missing)
    return codes, pictures


def _remembered(
    weights: Weights,
    name: str,
    x: Tensor,
    memory: dict[str, tuple[Tensor, Tensor]],
    network: str,
    stride: int,
) -> Tensor:
    inner = weights[f"{name}.conv_hh.weight"]
    gates = functional.conv2d(x, weights[f"{name}.conv_ih.weight"], stride=stride, padding=1)
    zeros = torch.zeros(len(x), inner.shape[1], *gates.shape[2:])
    hidden, cell = memory.get(network + name, (zeros, zeros))
    gates = gates + functional.conv2d(hidden, inner, padding=inner.shape[-1] // 2)
    enters, forgets, new, leaves = gates.split(inner.shape[1], dim=1)
    cell = forgets.sigmoid() * cell + enters.sigmoid() * new.tanh()
    hidden = leaves.sigmoid() * cell.tanh()
    memory[network + name] = hidden, cell
    return hidden
