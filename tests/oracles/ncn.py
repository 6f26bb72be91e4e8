"""What the published NCN computes, recorded, and the weights it was given.

The records are of the code of the paper's authors (FAU-LMS/NCN_for_M2M) on a CPU with one thread
and its piecewise log-sigmoid on, for a picture in the public domain; the LSMnet's branch was
Detectron2's ResNet-50. Of large arrays every 17th value is kept. No element of y is closer than
3e-5 to where it would be rounded otherwise, so ŷ has to come out the same.

The weights come from numpy alone, each from a stream that its name seeds, so no 76 MB are stored.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from oracles.detectron2 import random_weights
from support.paths import RECORDED
from torch import Tensor

from bench.codecs.families.ncn.entropy import as_latent
from bench.codecs.families.ncn.network import NCN

EVERY = 17
Shape = tuple[int, ...]
Weights = dict[str, NDArray[Any]]

_LEVEL = "LSUnits.0"
_PRIOR = f"{_LEVEL}.priorNetwork"
_CAUSAL = f"{_PRIOR}.autoregressive"
_STAGES = ("stem", "res2", "res3", "res4")


def recorded() -> dict[str, NDArray[Any]]:
    with np.load(RECORDED / "ncn" / "published.npz") as arrays:
        return dict(arrays)


def save_checkpoint(weights: Weights, path: Path) -> Path:
    """As the published files are: a plain dictionary of tensors."""
    torch.save({name: torch.from_numpy(values) for name, values in weights.items()}, path)
    return path


def ncn_weights(channels: int = 192) -> Weights:
    """Of an NCN, under the published names."""
    n = channels
    weights: Weights = {}
    for layer, first, second, size, gain in (
        ("encoder.0", n, 3, 5, 1.4),
        ("encoder.1", n, n, 5, 1.4),
        ("encoder.2", n, n, 5, 1.4),
        ("decoder.0", n, n, 5, 0.9),
        ("decoder.1", n, n, 5, 0.9),
        ("decoder.2", n, 3, 5, 0.9),
        (f"{_LEVEL}.convEnc", n, n, 5, 1.4),
        (f"{_LEVEL}.deconvDec", 2 * n, n, 5, 1.4),
        (f"{_LEVEL}.LSGen", n, 2 * n, 5, 3.0),
        (f"{_PRIOR}.encoder_first", n, 2 * n, 5, 1.0),
        (f"{_PRIOR}.encoder.0", n // 2, n, 5, 3.0),
        (f"{_PRIOR}.decoder.0", n // 2, n, 5, 1.0),
        (f"{_PRIOR}.decoder.1", n, 2 * n, 5, 1.0),
        (f"{_PRIOR}.decoder_final", 2 * n, 3 * n, 5, 0.4),
        (f"{_CAUSAL}.conv1", n // 2, n // 2, 3, 0.7),
        (f"{_CAUSAL}.conv2", n // 2, n // 2, 3, 0.7),
        (f"{_CAUSAL}.conv3", n // 2, n // 2, 3, 0.7),
    ):
        weights |= _convolution(layer, (first, second, size, size), gain)
    for layer, width in (("encoder_GDN.0", n), ("decoder_GDN.0", n), ("decoder_GDN.1", 2 * n)):
        weights |= _gdn(f"{_PRIOR}.{layer}", width)
    past = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1], bool).reshape(3, 3)
    for layer in ("conv1", "conv2", "conv3"):
        weights[f"{_CAUSAL}.{layer}.mask"] = np.broadcast_to(past, (n // 2, n // 2, 3, 3)).copy()
    return weights


def lsm_weights(
    channels: int = 192, stem: int = 64, res2: int = 256, blocks: tuple[int, ...] = (3, 4, 6)
) -> Weights:
    """Of an NCN with the LSMnet that has a ResNet's features, of 50 layers unless said otherwise.

    The gain of the last convolution spreads α over 0 to 1.
    """
    shapes = dict(_resnet_shapes(stem, res2, blocks))
    drawn = random_weights({f"backbone.bottom_up.{name}": shapes[name] for name in shapes}, {})
    branch = {}
    for name in shapes:
        stage, rest = name.split(".", 1)
        values = drawn[f"backbone.bottom_up.{name}"]
        branch[f"parallelBranch.{_STAGES.index(stage)}.{rest}"] = values
    outputs = res2 << (len(blocks) - 1)
    to_alpha = _convolution(f"{_LEVEL}.resNetToMask.0", (channels, outputs, 1, 1), 0.5)
    return branch | ncn_weights(channels) | to_alpha


def narrow_lsm_weights() -> Weights:
    """Of the smallest that has everything."""
    return lsm_weights(8, stem=8, res2=16, blocks=(1, 2, 1))


def drawn_latents(
    ncn: NCN, width: int, height: int, seed: int = 0
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """ŷ and ẑ of an image so large, as likely as the network says that they are."""
    generator = torch.Generator().manual_seed(seed)

    def draw(mu: Tensor, raw: Tensor) -> Tensor:
        uniform = torch.rand(mu.shape, generator=generator) - 0.5
        away = -uniform.sign() * torch.log1p(-2 * uniform.abs().clamp(max=0.49999997))
        return torch.round(mu + functional.softplus(-raw) * away)

    z_hat = torch.zeros(1, ncn.channels // 2, height // 64, width // 64)
    with torch.inference_mode():
        for y, x in np.ndindex(*z_hat.shape[2:]):
            z_hat[:, :, y, x] = draw(*(part[:, :, y, x] for part in ncn.z_prior(z_hat)))
        y_hat = draw(*ncn.y_distribution(z_hat))
    return as_latent(y_hat[0].numpy()), as_latent(z_hat[0].numpy())


def _resnet_shapes(stem: int, res2: int, blocks: tuple[int, ...]) -> Iterator[tuple[str, Shape]]:
    yield from _with_norm("stem.conv1", (stem, 3, 7, 7))
    inputs = stem
    for stage, depth in enumerate(blocks):
        outputs = res2 << stage
        middle = outputs // 4
        for index in range(depth):
            block = f"{_STAGES[stage + 1]}.{index}"
            if index == 0:
                yield from _with_norm(f"{block}.shortcut", (outputs, inputs, 1, 1))
            yield from _with_norm(f"{block}.conv1", (middle, inputs, 1, 1))
            yield from _with_norm(f"{block}.conv2", (middle, middle, 3, 3))
            yield from _with_norm(f"{block}.conv3", (outputs, middle, 1, 1))
            inputs = outputs


def _with_norm(layer: str, shape: Shape) -> Iterator[tuple[str, Shape]]:
    yield f"{layer}.weight", shape
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{layer}.norm.{part}", shape[:1]


def _convolution(layer: str, shape: Shape, gain: float) -> Weights:
    transposed = "decoder." in layer or "deconv" in layer
    if transposed:  # each output is a sum over a quarter of the kernel
        inputs, outputs = shape[0] * shape[2] * shape[3] / 4, shape[1]
    else:
        inputs, outputs = float(np.prod(shape[1:])), shape[0]
    weight = _draw(f"{layer}.weight", shape) * gain / np.sqrt(inputs)
    bias = 0.05 * _draw(f"{layer}.bias", (outputs,))
    if layer.endswith("decoder_final"):
        bias[outputs // 2 :] -= 1.5  # σ around 1.7
    return {
        f"{layer}.weight": weight.astype(np.float32),
        f"{layer}.bias": bias.astype(np.float32),
    }


def _gdn(layer: str, width: int) -> Weights:
    pedestal = 2.0**-36
    beta = 1 + 0.2 * np.abs(_draw(f"{layer}.beta", (width,)))
    gamma = 0.1 * np.eye(width) + 0.002 * np.abs(_draw(f"{layer}.gamma", (width, width)))
    return {
        f"{layer}.beta": np.sqrt(beta + pedestal).astype(np.float32),
        f"{layer}.gamma": np.sqrt(gamma + pedestal).astype(np.float32),
    }


def _draw(name: str, shape: Shape) -> NDArray[np.float64]:
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
