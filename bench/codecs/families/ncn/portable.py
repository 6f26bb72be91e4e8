"""The entropy model of ŷ and ẑ in whole numbers: the same on every machine, to the last bit.

A decoder has to choose exactly the probability tables that the encoder chose; one that differs
turns all that follows into noise. In floating point, h_dec gives other last digits with another
number of threads, instruction set, memory format, library or device, as each adds up in another
order. Here each number is a whole multiple of a fixed unit, held in a double, and every sum stays
below 2⁵³ units, where doubles are exact: then no order matters, and nor does it whether a product
is rounded before it is added. That holds by construction, not by luck:

- weights are multiples of 2⁻¹⁴, activations of 2⁻¹⁰ and clamped to ±2¹⁰, so a sum is one of
  multiples of 2⁻²⁴ that stays below 2⁵³ of them as long as a row's weights add up to less than 2¹⁹;
- of GDN, squares are multiples of 2⁻⁸ below 2²⁰ and γ of 2⁻¹⁹, so a row of γ may add up to 2⁶;
  the root and the product that follow it are single operations, which IEEE 754 defines to the bit;
- both sums are checked when the weights are read;
- convolutions are matrix products here, one for each place in the kernel: of those, unlike of
  convolutions, no library has a variant that computes with fractions (Winograd's, Fourier's);
- an element's distribution is found by comparisons, without a logarithm or an exponential.

What is lost against the float model is a few thousandths of the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.codecs.families.ncn.laplace import choose_tables
from bench.codecs.families.ncn.network import BETA_MIN, GAMMA_MIN, GDN, NCN, PEDESTAL, SLOPE
from bench.errors import DataError
from bench.runtime.lanes import beside

_WEIGHT, _ACTIVATION = 2**14, 2**10  # units in one
UNIT = _WEIGHT * _ACTIVATION  # of sums
_MAX = _ACTIVATION * 2**10
_SQUARE, _GAMMA = 2**8, 2**19
_EXACT = 2**53

Take = Callable[[NDArray[np.uint16], NDArray[np.int32], Any], None]
Floats = NDArray[np.float64]
Tap = tuple[int, int, Tensor]  # its place in the kernel, and its weights


class PortablePrior:
    """Which table each element of ẑ and of ŷ is coded with, and around which whole number."""

    def __init__(self, ncn: NCN, device: torch.device) -> None:
        layers: tuple[Any, ...] = tuple(ncn.h_dec)
        first, gdn1, second, gdn2, last = layers
        self._first, self._second = _Twice(first, device), _Twice(second, device)
        self._gdn1, self._gdn2 = _InverseGDN(gdn1, device), _InverseGDN(gdn2, device)
        self._last = _Same(last, device)
        self._hidden = _Causal(ncn.z_prior.conv1)
        self._mu, self._raw = _Causal(ncn.z_prior.conv2), _Causal(ncn.z_prior.conv3)
        self._device = device

    def y_tables(self, z_hat: NDArray[np.int16]) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
        """For each element of ŷ, N×H×W."""
        return choose_tables(*self.y_parameters(z_hat), UNIT)

    @torch.inference_mode()
    def y_parameters(self, z_hat: NDArray[np.int16]) -> tuple[Floats, Floats]:
        """The μ of each element of ŷ, and the r of its σ = softplus(-r), both in 2⁻²⁴."""
        with beside(self._device):
            x = torch.from_numpy(z_hat.astype(np.float64)).to(self._device) * _ACTIVATION
            x = self._gdn1(_settled(self._first(x.clamp(-_MAX, _MAX))))
            x = self._gdn2(_settled(self._second(x)))
            sums = self._last(x).cpu().numpy()
        mu, raw = sums.reshape(2, -1, 4 * z_hat.shape[1], 4 * z_hat.shape[2])
        return mu, raw

    def walk_z(self, z_hat: NDArray[np.int16], take: Take) -> None:
        """Go through ẑ as a decoder must, many independent positions at a time.

        ``take`` gets the tables and centres of some positions, and their index in ẑ; when it
        returns, ẑ must have their values.

        Nothing at (y, x) depends on (y, x-1), on (y-1, x+1) or on (y-2, x+3); so all positions with
        the same y + x // 2 can go together.
        """
        channels, height, width = z_hat.shape
        # One row above and a column at each side, as the convolutions have: zeros.
        known = np.zeros((height + 1, width + 2, channels))
        hidden = np.zeros_like(known)
        rows, columns = (index.ravel() for index in np.indices((height, width)))
        turn, hidden_turn = rows + columns // 2, rows + (columns - 1) // 2
        for now in range(-1, int(turn.max()) + 1):
            here = turn == now
            if here.any():
                y, x = rows[here], columns[here]
                mu, raw = self._mu(hidden, y, x), self._raw(hidden, y, x)
                take(*choose_tables(mu, raw, UNIT), (slice(None), y, x))
                known[y + 1, x + 1] = np.clip(z_hat[:, y, x].T * float(_ACTIVATION), -_MAX, _MAX)
            there = hidden_turn == now
            y, x = rows[there], columns[there]
            sums = self._hidden(known, y, x)
            settled = np.rint(np.where(sums < 0, sums * SLOPE, sums) / _WEIGHT)
            hidden[y + 1, x + 1] = np.clip(settled, -_MAX, _MAX)


def _settled(sums: Tensor) -> Tensor:
    """Sums of products as activations: rounded and clamped."""
    return torch.round(sums / _WEIGHT).clamp_(-_MAX, _MAX)


def _whole(weight: Tensor, unit: int) -> Tensor:
    return torch.round(weight.detach().cpu().double() * unit)


def _whole_layer(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    assert layer.bias is not None
    return _whole(layer.weight, _WEIGHT), _whole(layer.bias, UNIT)


def _check(weights: Tensor, bias: Tensor, most: int) -> None:
    """Refuse weights whose sums could leave what doubles hold exactly."""
    if not (weights.abs().sum(1) * most + bias.abs() < _EXACT).all():
        raise DataError("the weights of its entropy model are too large to be coded with exactly")


class _Causal:
    """A causal 3×3 convolution at some positions: a product with what the four before them hold."""

    _BEFORE = ((0, 0), (0, 1), (0, 2), (1, 0))  # in a map with a row above and a column at the left

    def __init__(self, layer: nn.Conv2d) -> None:
        weight, bias = _whole_layer(layer)
        taps = torch.cat([weight[:, :, dy, dx] for dy, dx in self._BEFORE], dim=1)
        _check(taps, bias, _MAX)
        self._weight, self._bias = taps.T.contiguous(), bias

    def __call__(self, known: Floats, y: NDArray[np.intp], x: NDArray[np.intp]) -> Floats:
        before = [known[y + dy, x + dx] for dy, dx in self._BEFORE]
        # With torch, whose threads are limited; numpy would use a second pool of them.
        known_before = torch.from_numpy(np.concatenate(before, axis=1))
        sums: Floats = torch.addmm(self._bias, known_before, self._weight).numpy()
        return sums


class _Same:
    """5×5 with replicated edges."""

    def __init__(self, layer: nn.Conv2d, device: torch.device) -> None:
        weight, bias = _whole_layer(layer)
        _check(weight.flatten(1), bias, _MAX)
        self._bias = bias.to(device)
        self._taps = [
            (dy, dx, weight[:, :, dy, dx].contiguous().to(device))
            for dy in range(5)
            for dx in range(5)
        ]

    def __call__(self, x: Tensor) -> Tensor:
        padded = functional.pad(x[None], (2, 2, 2, 2), mode="replicate")[0]
        return _products(padded, self._taps, self._bias, x.shape[1], x.shape[2])


class _Twice:
    """Transposed 5×5 of stride 2: for each of its four phases, the taps that fall on it."""

    def __init__(self, layer: nn.ConvTranspose2d, device: torch.device) -> None:
        weight, bias = _whole_layer(layer)
        weight = weight.transpose(0, 1)
        _check(weight.flatten(1), bias, _MAX)
        self._bias = bias.to(device)
        # Output row 2a + phase gets tap k of input row a + (phase + 2 - k) / 2.
        self._phases = [
            (
                row,
                column,
                [
                    ((row + 4 - dy) // 2, (column + 4 - dx) // 2, weight[:, :, dy, dx].to(device))
                    for dy in range(row, 5, 2)
                    for dx in range(column, 5, 2)
                ],
            )
            for row in range(2)
            for column in range(2)
        ]

    def __call__(self, x: Tensor) -> Tensor:
        _, height, width = x.shape
        padded = functional.pad(x, (1, 1, 1, 1))
        out = x.new_empty(len(self._bias), 2 * height, 2 * width)
        for row, column, taps in self._phases:
            out[:, row::2, column::2] = _products(padded, taps, self._bias, height, width)
        return out


def _products(padded: Tensor, taps: Iterable[Tap], bias: Tensor, height: int, width: int) -> Tensor:
    """The sum over taps of weights times the map moved by the tap's place, plus the bias.

    A map that is moved is the same memory read from another place on, its rows running on into
    the next ones' padding; those columns are computed, too, and cut off.
    """
    channels, rows, columns = padded.shape
    flat = functional.pad(padded.reshape(channels, rows * columns), (0, columns))
    length = height * columns
    out = bias[:, None].repeat(1, length)
    for dy, dx, weight in taps:
        start = dy * columns + dx
        out.addmm_(weight, flat[:, start : start + length])
    return out.reshape(len(bias), height, columns)[:, :, :width]


class _InverseGDN:
    def __init__(self, gdn: GDN, device: torch.device) -> None:
        beta = gdn.beta.detach().cpu().double().clamp(min=BETA_MIN)
        gamma = gdn.gamma.detach().cpu().double().clamp(min=GAMMA_MIN)
        self._beta = torch.round((beta * beta - PEDESTAL) * (_SQUARE * _GAMMA)).to(device)
        self._gamma = torch.round((gamma * gamma - PEDESTAL) * _GAMMA).to(device)
        _check(self._gamma, self._beta, _MAX * _MAX // _ACTIVATION**2 * _SQUARE)

    def __call__(self, x: Tensor) -> Tensor:
        squares = torch.round(x * x * (_SQUARE / _ACTIVATION**2)).flatten(1)
        sums = torch.addmm(self._beta[:, None], self._gamma, squares).reshape(x.shape)
        return torch.round(x * _root(sums / (_SQUARE * _GAMMA))).clamp_(-_MAX, _MAX)


def _root(x: Tensor) -> Tensor:
    """Rounded as IEEE 754 says, as numpy's and a GPU's is.

    On a CPU torch has MKL's, whose last digit is wrong for one number in 150 with AVX-512, and for
    others, one in 70, with AVX2.
    """
    return torch.from_numpy(np.sqrt(x.numpy())) if x.device.type == "cpu" else torch.sqrt(x)


def exact_prior(ncn: NCN, path: Path, device: torch.device) -> PortablePrior:
    """The entropy model of the weights in a file, unless they are too large for it."""
    try:
        return PortablePrior(ncn, device)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
