"""ResNet with a feature pyramid, under the parameter names of Detectron2's checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


class Norm(nn.Module):
    """Batch normalisation with fixed statistics, unless ``learning`` selects those of the batch.

    A frozen one has two ways to compute, as Detectron2 has: they differ in the last digit.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    eps = 1e-5
    momentum = 0.03  # batches are small: their statistics are noisy

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.learning = False
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        if not self.learning and x.requires_grad:
            scale = self.weight * (self.running_var + self.eps).rsqrt()
            bias = self.bias - self.running_mean * scale
            return x * scale[:, None, None].to(x.dtype) + bias[:, None, None].to(x.dtype)
        return functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=self.learning,
            momentum=self.momentum,
            eps=self.eps,
        )


class Convolution(nn.Conv2d):
    """A convolution without bias, followed by a norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.norm = Norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel_size != (1, 1):
            convolved = super().forward(x)
        else:
            step = self.stride[0]
            cells = x[:, :, ::step, ::step].permute(0, 2, 3, 1)
            # A matrix product; torch's convolution is slow on a single thread.
            convolved = functional.linear(cells, self.weight[:, :, 0, 0]).permute(0, 3, 1, 2)
        normal: Tensor = self.norm(convolved)
        return normal


class Stem(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = Convolution(3, channels, 7, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv1(x), inplace=True)
        return functional.max_pool2d(x, kernel_size=3, stride=2, padding=1)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1, around which the input passes; a stride is the first 1×1's."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = outputs // 4
        self.shortcut = Convolution(inputs, outputs, 1, stride) if inputs != outputs else None
        self.conv1 = Convolution(inputs, middle, 1, stride)
        self.conv2 = Convolution(middle, middle, 3)
        self.conv3 = Convolution(middle, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        passed = x if self.shortcut is None else self.shortcut(x)
        x = functional.relu(self.conv1(x), inplace=True)
        x = functional.relu(self.conv2(x), inplace=True)
        x = self.conv3(x)
        x += passed
        return functional.relu(x, inplace=True)


class ResNet(nn.Module):
    """Features after each stage, res2 to as many as ``blocks`` has: at a quarter, an eighth, …"""

    def __init__(self, stem: int, res2: int, blocks: Sequence[int]) -> None:
        super().__init__()
        self.stem = Stem(stem)
        self.stages = [f"res{index + 2}" for index in range(len(blocks))]
        inputs, outputs = stem, res2
        for index, depth in enumerate(blocks):
            strides = [1 if index == 0 else 2] + [1] * (depth - 1)
            stage = nn.Sequential()
            for stride in strides:
                stage.append(Bottleneck(inputs, outputs, stride))
                inputs = outputs
            self.add_module(self.stages[index], stage)
            outputs *= 2

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        features = []
        for name in self.stages:
            x = getattr(self, name)(x)
            features.append(x)
        return features


class FeaturePyramid(nn.Module):
    """p2 to p6, or p3 to p7: every scale with the semantics of the coarsest.

    ``bottom_up`` gives features at a quarter to a 32nd, of so many ``inputs`` each. From p3 on, two
    more convolutions make the coarsest levels.
    """

    def __init__(
        self, bottom_up: nn.Module, inputs: Sequence[int], channels: int, *, first: int = 2
    ) -> None:
        super().__init__()
        self.bottom_up, self.levels = bottom_up, range(first, 6)
        for level in self.levels:
            lateral = nn.Conv2d(inputs[level - 2], channels, 1)
            output = nn.Conv2d(channels, channels, 3, padding=1)
            for part, layer in (("lateral", lateral), ("output", output)):
                _begin(layer)
                self.add_module(f"fpn_{part}{level}", layer)
        self.top_block = Coarser(channels) if first == 3 else None

    def forward(self, x: Tensor) -> list[Tensor]:
        bottom_up: list[Tensor] = self.bottom_up(x)
        pyramid: list[Tensor] = []
        above: Tensor | None = None
        for level in reversed(self.levels):
            here = getattr(self, f"fpn_lateral{level}")(bottom_up[level - 2])
            if above is not None:
                here = here + functional.interpolate(above, scale_factor=2.0, mode="nearest")
            above = here
            pyramid.insert(0, getattr(self, f"fpn_output{level}")(here))
        if self.top_block is None:
            return [*pyramid, functional.max_pool2d(pyramid[-1], kernel_size=1, stride=2)]
        return [*pyramid, *self.top_block(pyramid[-1])]


class Coarser(nn.Module):
    """p6 and p7, of p5."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.p7 = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        _begin(self.p6)
        _begin(self.p7)

    def forward(self, p5: Tensor) -> tuple[Tensor, Tensor]:
        p6 = self.p6(p5)
        return p6, self.p7(functional.relu(p6))


def _begin(layer: nn.Conv2d) -> None:
    nn.init.kaiming_uniform_(layer.weight, a=1)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


def resnet_pyramid(stem: int, res2: int, blocks: Sequence[int], channels: int) -> FeaturePyramid:
    """A feature pyramid on a ResNet."""
    return FeaturePyramid(ResNet(stem, res2, blocks), [res2 << k for k in range(4)], channels)
