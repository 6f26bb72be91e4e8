"""VoVNet with effective squeeze-excitation, under the parameter names of its authors' checkpoints.

A block passes its input through a row of convolutions, gathers the outputs of all of them at once
(one-shot aggregation), and weighs the channels by their means (eSE): Lee and Park, CenterMask,
2020.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from bench.vision.backbone import Norm

_LAYERS = 5  # of a block


class VoVNet(nn.Module):
    """Features after each stage, at a quarter, an eighth, …

    ``stages`` has, for each, the channels within a block and those that come out of it.
    """

    def __init__(self, stem: int, stages: Sequence[tuple[int, int]], blocks: Sequence[int]) -> None:
        super().__init__()
        steps = ((3, stem, 2), (stem, stem, 1), (stem, 2 * stem, 2))
        layers = [
            layer
            for index, (inputs, outputs, stride) in enumerate(steps, 1)
            for layer in _convolution(f"stem_{index}", inputs, outputs, 3, stride)
        ]
        self.stem = nn.Sequential(OrderedDict(layers))
        self.names = []
        inputs = 2 * stem
        for number, ((inner, outer), depth) in enumerate(zip(stages, blocks, strict=True), 2):
            stage = nn.Sequential()
            if number > 2:
                stage.add_module("Pooling", nn.MaxPool2d(3, stride=2, ceil_mode=True))
            for block in range(1, depth + 1):
                name = f"OSA{number}_{block}"
                stage.add_module(name, Aggregation(name, inputs, inner, outer, block > 1))
                inputs = outer
            self.names.append(f"stage{number}")
            self.add_module(self.names[-1], stage)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        features = []
        for name in self.names:
            x = getattr(self, name)(x)
            features.append(x)
        return features


class Aggregation(nn.Module):
    """One block; around all but the first of a stage the input passes."""

    def __init__(self, name: str, inputs: int, inner: int, outer: int, passes: bool) -> None:
        super().__init__()
        self.passes = passes
        self.layers = nn.ModuleList()
        for index in range(_LAYERS):
            before = inner if index else inputs
            layer = _convolution(f"{name}_{index}", before, inner, 3)
            self.layers.append(nn.Sequential(OrderedDict(layer)))
        gathered = inputs + _LAYERS * inner
        self.concat = nn.Sequential(OrderedDict(_convolution(f"{name}_concat", gathered, outer, 1)))
        self.ese = ChannelWeights(outer)

    def forward(self, x: Tensor) -> Tensor:
        outputs = [x]
        for layer in self.layers:
            outputs.append(layer(outputs[-1]))
        weighted: Tensor = self.ese(self.concat(torch.cat(outputs, dim=1)))
        return weighted + x if self.passes else weighted


class ChannelWeights(nn.Module):
    """Channels times a function of the means of all (eSE)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * (functional.relu6(self.fc(means) + 3) / 6)


def _convolution(
    name: str, inputs: int, outputs: int, kernel: int, stride: int = 1
) -> list[tuple[str, nn.Module]]:
    """A convolution without bias, a norm and a ReLU, named as in checkpoints."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight)
    return [
        (f"{name}/conv", layer),
        (f"{name}/norm", Norm(outputs)),
        (f"{name}/relu", nn.ReLU(inplace=True)),
    ]
