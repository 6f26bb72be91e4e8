"""NanoDet, a small detector of COCO's 80 classes, with the weights of an npm package.

A backbone whose features go on beside each block, a pyramid that passes them down and up again, and
a head for each of three scales. Each side of a box is the mean of a distribution over eleven
distances, in cells of the scale.

The package has the network as a TensorFlow.js graph of 416×416 pixels. It is written down here, for
pictures of any size: of the graph only the weights are read, by the numbers of its convolutions.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.vision.architecture import Architecture
from bench.vision.boxes import clip, not_empty
from bench.vision.coco_classes import COCO
from bench.vision.detector import to_network
from bench.vision.nanodet_files import read_convolutions
from bench.vision.operators import suppress

_BINS = 11
_STRIDES = (8, 16, 32)
_SIZE = Architecture(shortest_side=512, longest_side=1024)
_MEAN, _DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # of blue, green, red
_LOWEST_SCORE, _OVERLAP = 0.02, 0.6
_MAX_CANDIDATES, _MAX_DETECTIONS = 1000, 100


class Convolution(nn.Sequential):
    """3×3, and a rectifier that leaks."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(0.1, inplace=True)
        )


class Pair(nn.Module):
    """Two convolutions to half the channels each, side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels // 2)
        self.second = Convolution(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return torch.cat([self.second(x), x], dim=1)


class Block(nn.Module):
    """Pairs of convolutions, and beside them what went in: twice the channels."""

    def __init__(self, channels: int, depth: int, stride: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, stride)
        self.pairs = nn.Sequential(*(Pair(channels) for _ in range(depth)))
        self.last = Convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return torch.cat([self.last(self.pairs(x)), x], dim=1)


class NanoDet(nn.Module):
    """Pictures (n, 3, height, width) to classes and distances; its sides are multiples of 32."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 2)
        self.blocks = nn.ModuleList(
            [Block(32, 1, 1), Block(64, 2, 2), Block(128, 2, 2), Block(256, 3, 2)]
        )
        self.lateral = nn.ModuleList(nn.Conv2d(inputs, 128, 1) for inputs in (128, 256, 512))
        self.heads = nn.ModuleList(
            nn.Sequential(Convolution(128, 128), nn.Conv2d(128, len(COCO) + 4 * _BINS, 1))
            for _ in _STRIDES
        )
        for name, values in (("mean", _MEAN), ("deviation", _DEVIATION)):
            self.register_buffer(name, torch.tensor(values).reshape(3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> list[tuple[Tensor, Tensor]]:
        """At strides 8, 16 and 32, scores (n, 80, …) and distributions (n, 44, …)."""
        x = functional.max_pool2d(self.stem((pictures - self.mean) / self.deviation), 3, 2, 1)
        features = []
        for block in self.blocks:
            x = block(x)
            features.append(x)
        fine, middle, coarse = (
            lateral(level) for lateral, level in zip(self.lateral, features[1:], strict=True)
        )
        middle = middle + _resized(coarse, 2)
        fine = fine + _resized(middle, 2)
        middle = middle + _resized(fine, 0.5)
        coarse = coarse + _resized(middle, 0.5)
        said = [head(x) for head, x in zip(self.heads, (fine, middle, coarse), strict=True)]
        return [(one[:, : len(COCO)].sigmoid(), one[:, len(COCO) :]) for one in said]


def load_nanodet(path: Path, device: torch.device) -> NanoDet:
    """The network with the weights of its package, ready to detect."""
    network = NanoDet()
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for layer, (kernel, bias) in zip(layers, read_convolutions(path), strict=True):
            assert layer.bias is not None
            layer.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1)))
            layer.bias.copy_(torch.from_numpy(bias))
    network.to(device).eval().requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
    return network


def _resized(x: Tensor, factor: float) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear")


@torch.no_grad()
def detect(network: NanoDet, pixels: Pixels) -> Detections:
    """What the network finds in an RGB picture, in the picture's coordinates."""
    picture = to_network(pixels, _SIZE).to(network.mean.device)
    height, width = picture.shape[2:]
    filled = functional.pad(picture, (0, -width % 32, 0, -height % 32), mode="replicate")
    levels = network(filled.contiguous(memory_format=torch.channels_last))
    found = [
        _candidates(scores, sides, stride)
        for (scores, sides), stride in zip(levels, _STRIDES, strict=True)
    ]
    boxes, scores, classes = (torch.cat(parts) for parts in zip(*found, strict=True))
    boxes = clip(boxes, (height, width))
    kept = _best(boxes, scores, classes)
    size = pixels.shape[:2]
    scale = boxes.new_tensor([size[1] / width, size[0] / height])
    return Detections(
        size,
        classes[kept].cpu().numpy(),
        scores[kept].double().cpu().numpy(),
        (boxes[kept] * scale.repeat(2)).double().cpu().numpy(),
        names=COCO,
    )


def _candidates(scores: Tensor, sides: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """The boxes of one scale that are likely enough, their scores and classes."""
    classes, y, x = (scores[0] > _LOWEST_SCORE).nonzero(as_tuple=True)
    bins = sides[0, :, y, x].reshape(4, _BINS, len(x)).softmax(dim=1)
    left, top, right, bottom = torch.einsum(
        "sbn,b->sn", bins, torch.arange(_BINS, dtype=bins.dtype, device=bins.device)
    )
    x_centre, y_centre = x + 0.5, y + 0.5
    corners = (x_centre - left, y_centre - top, x_centre + right, y_centre + bottom)
    return torch.stack(corners, dim=1) * stride, scores[0, classes, y, x], classes


def _best(boxes: Tensor, scores: Tensor, classes: Tensor) -> Tensor:
    """The best by falling score; overlapping ones of one class are suppressed."""
    likely = not_empty(boxes).nonzero()[:, 0]
    order = likely[scores[likely].argsort(descending=True, stable=True)][:_MAX_CANDIDATES]
    kept = torch.zeros_like(classes, dtype=torch.bool)
    for index in range(len(COCO)):
        own = order[classes[order] == index]
        kept[own[suppress(boxes[own], _OVERLAP)]] = True
    return order[kept[order]][:_MAX_DETECTIONS]
