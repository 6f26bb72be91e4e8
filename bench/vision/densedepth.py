"""DenseDepth: depth by a DenseNet-169 and a decoder of four steps, from its published file.

The file is Keras's (``nyu.h5``): for each layer a group with its arrays. Widths and numbers of
layers are those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import DataError, UnavailableError
from bench.images.colour import Pixels
from bench.runtime.checkpoint import check_tensors

_MULTIPLE = 32  # of a picture's sides
_EPSILON = 1.001e-5  # of Keras's norms there
_LEAK = 0.2
_RANGE = 1.0, 100.0  # of the network's output, whose inverse is the depth: 10 m to 0.1 m
_STAGES, _STEPS = range(2, 6), range(1, 5)  # of the DenseNet and of the decoder
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_WHOLE_MODEL = "model_weights"
_MAX_VALUES = 2**29  # of a file

Layers = Mapping[str, Tensor]
"""A tensor for each name, such as ``conv2_block1_0_bn/gamma``."""


def load_densedepth(path: Path) -> Layers:
    """The layers in a file; DataError names the first one that is missing or of another shape."""
    layers = _read(path)
    wanted = _wanted(path, layers)
    with torch.device("meta"):
        outlined = {name: torch.empty(shape) for name, shape in wanted.items()}
    check_tensors(path, outlined, layers)
    return layers


@torch.no_grad()
def nearness(layers: Layers, pixels: Pixels) -> NDArray[np.float32]:
    """How near each pixel of an RGB picture is; only the order of the values has a meaning."""
    height, width, _ = pixels.shape
    below, right = -height % _MULTIPLE, -width % _MULTIPLE
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].float() / 255
    x, finer = _encoded(layers, functional.pad(planes, (0, right, 0, below), mode="replicate"))
    x = _convolved(layers, x, "conv2")
    for step, skipped in zip(_STEPS, reversed(finer), strict=True):
        x = torch.cat([_enlarged(x, skipped.shape[-2:]), skipped], dim=1)
        for part in "AB":
            x = functional.leaky_relu(_convolved(layers, x, f"up{step}_conv{part}"), _LEAK)
    x = _convolved(layers, x, "conv3").clamp(*_RANGE)
    whole = _enlarged(x, (height + below, width + right))[0, 0, :height, :width]
    found: NDArray[np.float32] = whole.numpy()
    return found


def _encoded(layers: Layers, planes: Tensor) -> tuple[Tensor, list[Tensor]]:
    """What a DenseNet makes of a picture, and what it has on the way at a half to a sixteenth."""
    x = functional.conv2d(planes, layers["conv1_conv/kernel"], stride=2, padding=3)
    x = _activated(layers, x, "conv1_bn")
    finer = [x]
    x = functional.max_pool2d(x, 3, stride=2, padding=1)
    finer.append(x)
    for stage in _STAGES:
        block = 1
        while (name := f"conv{stage}_block{block}") + "_1_conv/kernel" in layers:
            y = _convolved(layers, _activated(layers, x, f"{name}_0_bn"), f"{name}_1_conv")
            y = _convolved(layers, _activated(layers, y, f"{name}_1_bn"), f"{name}_2_conv")
            x = torch.cat([x, y], dim=1)
            block += 1
        if stage == _STAGES[-1]:
            continue
        x = _convolved(layers, _activated(layers, x, f"pool{stage}_bn"), f"pool{stage}_conv")
        x = functional.avg_pool2d(x, 2)
        finer.append(x)
    return _activated(layers, x, "bn"), finer[: len(_STEPS)]


def _convolved(layers: Layers, x: Tensor, name: str) -> Tensor:
    kernel = layers[f"{name}/kernel"]
    bias = layers.get(f"{name}/bias")
    return functional.conv2d(x, kernel, bias, padding=kernel.shape[-1] // 2)


def _activated(layers: Layers, x: Tensor, name: str) -> Tensor:
    scale, offset, mean, variance = (layers[f"{name}/{part}"] for part in _NORM)
    normal = functional.batch_norm(x, mean, variance, scale, offset, eps=_EPSILON)
    return functional.relu(normal, inplace=True)


def _enlarged(planes: Tensor, size: tuple[int, ...]) -> Tensor:
    return functional.interpolate(planes, size, mode="bilinear", align_corners=True)


def _read(path: Path) -> dict[str, Tensor]:
    """The arrays in a Keras file, by layer and name, kernels in torch's order."""
    try:
        import h5py
    except ImportError as error:
        raise UnavailableError(f"{path}: h5py is not installed; pip install '.[depth]'") from error
    layers: dict[str, Tensor] = {}
    room = _MAX_VALUES

    def keep(name: str, found: Any) -> None:
        nonlocal room
        if not isinstance(found, h5py.Dataset):
            return
        room -= found.size
        if room < 0:
            raise DataError(f"{path}: more than {_MAX_VALUES} values: not weights of DenseDepth")
        array = np.asarray(found[()])
        if array.dtype.kind == "f":
            tensor = torch.from_numpy(np.ascontiguousarray(array, np.float32))
            kernel = name.rpartition("/")[2].startswith("kernel") and tensor.ndim == 4
            layers[_key(name)] = tensor.permute(3, 2, 0, 1).contiguous() if kernel else tensor

    try:
        with h5py.File(path, "r") as opened:
            opened.get(_WHOLE_MODEL, opened).visititems(keep)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a readable HDF5 file: {reason}") from error
    return layers


def _key(name: str) -> str:
    """``conv1/conv/conv1/conv/kernel:0``, as Keras has it, as ``conv1_conv/kernel``."""
    layer, _, array = name.rpartition("/")
    parts = layer.split("/")
    half = len(parts) // 2
    if parts[:half] == parts[half:]:
        parts = parts[:half]
    return f"{'_'.join(parts)}/{array.partition(':')[0]}"


def _wanted(path: Path, layers: Layers) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of a network with the widths and the layers of the file."""

    def width(name: str) -> int:
        kernel = layers.get(f"{name}/kernel")
        if kernel is None or kernel.ndim != 4:
            raise DataError(f"{path}: no {name}/kernel: not weights of DenseDepth")
        return len(kernel)

    wanted: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, inputs: int, side: int, bias: bool = False) -> int:
        outputs = width(name)
        wanted[f"{name}/kernel"] = outputs, inputs, side, side
        if bias:
            wanted[f"{name}/bias"] = (outputs,)
        return outputs

    def norm(name: str, channels: int) -> None:
        wanted.update({f"{name}/{part}": (channels,) for part in _NORM})

    channels = convolution("conv1_conv", 3, 7)
    norm("conv1_bn", channels)
    finer = [channels, channels]
    for stage in _STAGES:
        for block in range(1, _blocks(layers, stage) + 1):
            name = f"conv{stage}_block{block}"
            norm(f"{name}_0_bn", channels)
            middle = convolution(f"{name}_1_conv", channels, 1)
            norm(f"{name}_1_bn", middle)
            channels += convolution(f"{name}_2_conv", middle, 3)
        if stage < _STAGES[-1]:
            norm(f"pool{stage}_bn", channels)
            channels = convolution(f"pool{stage}_conv", channels, 1)
            finer.append(channels)
    norm("bn", channels)
    channels = convolution("conv2", channels, 1, bias=True)
    for step, skipped in zip(_STEPS, reversed(finer[: len(_STEPS)]), strict=True):
        channels = convolution(f"up{step}_convA", channels + skipped, 3, bias=True)
        channels = convolution(f"up{step}_convB", channels, 3, bias=True)
    wanted["conv3/kernel"], wanted["conv3/bias"] = (1, channels, 3, 3), (1,)
    return wanted


def _blocks(layers: Layers, stage: int) -> int:
    """As many as the file has the last one of, so that one missing before it is reported."""
    found = (re.match(rf"conv{stage}_block(\d{{1,3}})_", name) for name in layers)
    return max((int(match[1]) for match in found if match), default=1)
