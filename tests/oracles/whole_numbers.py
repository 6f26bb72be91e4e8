"""The portable prior again, in Python's whole numbers, which have no last digit to lose.

Written from what the numbers are: weights in units of 2⁻¹⁴, activations of 2⁻¹⁰ up to ±2¹⁰, squares
of 2⁻⁸, γ of 2⁻¹⁹, and β and the sums in the products of their units. Only the inverse GDN's root,
the product that follows and the leak of the ReLU are floats, of one operation each.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.codecs.families.ncn.network import NCN

Whole = NDArray[np.object_]
LARGEST = 2**20  # of activations, in their unit


def mu_and_raw_of_y(ncn: NCN, z_hat: NDArray[Any]) -> tuple[Whole, Whole]:
    """Both in 2⁻²⁴, N×H×W."""
    layers: tuple[Any, ...] = tuple(ncn.h_dec)
    first, gdn1, second, gdn2, last = layers
    x = clamped(whole(z_hat) * 2**10)
    x = inverse_gdn(settled(transposed(x, first)), gdn1)
    x = inverse_gdn(settled(transposed(x, second)), gdn2)
    height, width = x.shape[1:]
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="edge")
    sums = convolution(padded, in_units(last.weight, 2**14), height, width)
    sums += in_units(last.bias, 2**24)[:, None, None]
    return sums[: len(sums) // 2], sums[len(sums) // 2 :]


def mu_and_raw_of_z(ncn: NCN, z_hat: NDArray[Any]) -> tuple[Whole, Whole]:
    """Both in 2⁻²⁴, by convolutions of the whole map."""
    hidden = causal(clamped(whole(z_hat) * 2**10), ncn.z_prior.conv1)
    leaky = np.frompyfunc(lambda value: value if value >= 0 else Fraction(value * 0.01), 1, 1)
    hidden = settled(leaky(hidden))
    return causal(hidden, ncn.z_prior.conv2), causal(hidden, ncn.z_prior.conv3)


def causal(x: Whole, layer: Any) -> Whole:
    weight = in_units(layer.weight, 2**14)
    weight[:, :, 1, 1:] = 0
    weight[:, :, 2] = 0
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=0)
    sums = convolution(padded, weight, *x.shape[1:])
    sums += in_units(layer.bias, 2**24)[:, None, None]
    return sums


def convolution(padded: Whole, weight: Whole, height: int, width: int) -> Whole:
    sums = np.zeros((len(weight), height, width), object)
    for dy in range(weight.shape[2]):
        for dx in range(weight.shape[3]):
            seen = padded[:, dy : dy + height, dx : dx + width]
            sums += np.tensordot(weight[:, :, dy, dx], seen, axes=1)
    return sums


def transposed(x: Whole, layer: Any) -> Whole:
    """Of stride 2: input (a, b) gives weight (dy, dx) to output (2a + dy - 2, 2b + dx - 2)."""
    weight = in_units(layer.weight, 2**14)
    _, height, width = x.shape
    # With what falls off the edges.
    sums = np.zeros((weight.shape[1], 2 * height + 4, 2 * width + 4), object)
    for dy in range(5):
        for dx in range(5):
            given = np.tensordot(weight[:, :, dy, dx].T, x, axes=1)
            sums[:, dy : dy + 2 * height : 2, dx : dx + 2 * width : 2] += given
    sums += in_units(layer.bias, 2**24)[:, None, None]
    return sums[:, 2 : 2 + 2 * height, 2 : 2 + 2 * width]


def inverse_gdn(x: Whole, gdn: Any) -> Whole:
    pedestal = 2.0**-36
    beta = gdn.beta.double().clamp(min=math.sqrt(1e-6 + pedestal)) ** 2 - pedestal
    gamma = gdn.gamma.double().clamp(min=2.0**-18) ** 2 - pedestal
    squares = rounded(x * x, 2**12)
    sums = np.tensordot(in_units(gamma, 2**19), squares, axes=1)
    sums += in_units(beta, 2**27)[:, None, None]
    root = np.frompyfunc(lambda total: math.sqrt(total / 2**27), 1, 1)
    nearest = np.frompyfunc(lambda value, factor: round(value * factor), 2, 1)
    return clamped(nearest(x, root(sums)))


def settled(sums: Whole) -> Whole:
    return clamped(rounded(sums, 2**14))


def rounded(values: Whole, parts: int) -> Whole:
    """Halves go to the even neighbour."""
    divided: Whole = np.frompyfunc(lambda value: round(Fraction(value) / parts), 1, 1)(values)
    return divided


def clamped(values: Whole) -> Whole:
    return np.minimum(np.maximum(values, -LARGEST), LARGEST)


def whole(values: NDArray[Any]) -> Whole:
    exact: Whole = np.frompyfunc(int, 1, 1)(values).astype(object)
    return exact


def in_units(values: torch.Tensor, units: int) -> Whole:
    exact = np.frompyfunc(lambda value: round(Fraction(value) * units), 1, 1)
    numbers: Whole = exact(values.detach().double().numpy())
    return numbers
