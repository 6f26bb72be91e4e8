"""The generator that refines decoded pictures: pix2pixHD's "global" network, as JPD-SE has it.

Its inputs are planes: one for each of 35 labels, the edges between instances, and the decoded
picture; it returns the picture. How wide and how deep it is follows from the shapes in its file. A
published one draws the whole picture; one of ours may draw what to add to the decoded picture, so
that brightness and contrast, which its norms discard, need not be drawn again.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.random import fork_rng

from bench.errors import DataError
from bench.images.colour import Pixels
from bench.runtime.checkpoint import check_tensors, outline, read_checkpoint, save_tensors

LABELS = 35  # of Cityscapes, 0 to 33, and one for what is none of them
INPUTS = LABELS + 1 + 3
_PER_INSTANCE = 1000  # an instance's id is its label's, times this, and more
_FIRST, _LAYERS_EACH = 4, 3  # where layers of halving begin, and how many there are for each
_BLOCK = re.compile(r"model\.(\d{1,3})\.conv_block\.1\.weight")
_ADDS = "adds to the decoded picture"  # a key of a file's metadata
_conv = partial(nn.Conv2d, kernel_size=3)
_norm = partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)


class Generator(nn.Module):
    """The layers are numbered as in the published files; one that ``adds`` begins with nothing."""

    def __init__(self, width: int, halvings: int, blocks: int, *, adds: bool = False) -> None:
        super().__init__()
        self.adds = adds
        widths = [width << each for each in range(halvings + 1)]
        down = ([_conv(n, 2 * n, stride=2, padding=1), _norm(2 * n), _relu()] for n in widths[:-1])
        up = ([_doubling(n), _norm(n // 2), _relu()] for n in widths[:0:-1])
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3), FirstLayer(INPUTS, width, 7), _norm(width), _relu(),
            *chain.from_iterable(down),
            *(Block(widths[-1]) for _ in range(blocks)),
            *chain.from_iterable(up),
            nn.ReflectionPad2d(3), (last := nn.Conv2d(width, 3, 7)), nn.Tanh(),
        )  # fmt: skip
        if adds:
            for parameter in last.parameters():
                nn.init.zeros_(parameter)
        # Reflection needs two values each way in the innermost layers.
        self.multiple, self.smallest = 1 << halvings, 2 << halvings

    def forward(self, planes: Tensor) -> Tensor:
        """Pictures from 0 to 1 of planes whose sides are multiples of ``multiple``."""
        picture: Tensor = self.model(planes).float()
        return picture + 0.5 + (planes[:, -3:] if self.adds else 0)


class FirstLayer(nn.Conv2d):
    """Leaves out planes that are zero, as most labels' are: half of a narrow network's work."""

    def forward(self, x: Tensor) -> Tensor:
        used = x.detach().abs().amax((0, 2, 3)) > 0
        if not used.any():
            return super().forward(x)
        return functional.conv2d(x[:, used], self.weight[:, used], self.bias)


def _relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)


def _doubling(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), _conv(channels, channels), _norm(channels), _relu(),
            nn.ReflectionPad2d(1), _conv(channels, channels), _norm(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.conv_block(x)
        return y


@fork_rng([])  # layers that are made draw their first weights
def load_generator(path: Path, digest: str | None = None) -> Generator:
    """The generator in a file, ours or a published ``net_G.pth``; the file must have the digest."""
    checkpoint = read_checkpoint(path, digest)
    found = checkpoint.tensors
    first = found.get("model.1.weight")
    if first is None or first.ndim != 4 or first.shape[1] != INPUTS:
        raise DataError(f"{path}: no model.1.weight N×{INPUTS}×7×7: not a generator of JPD-SE")
    blocks = [int(match[1]) for name in found if (match := _BLOCK.fullmatch(name))]
    halvings, odd = divmod(min(blocks, default=0) - _FIRST, _LAYERS_EACH)
    if odd or halvings < 1:
        raise DataError(f"{path}: no model.N.conv_block.1.weight: not a generator of JPD-SE")
    build = partial(Generator, len(first), halvings, len(blocks), adds=_ADDS in checkpoint.metadata)
    check_tensors(path, outline(path, build).state_dict(), found)
    generator = build()
    generator.load_state_dict(found)
    generator.eval().requires_grad_(False)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
    return generator


def save_generator(generator: Generator, path: Path) -> None:
    """Write the weights in half precision, under the published names."""
    save_tensors(generator.state_dict(), path, {_ADDS: "yes"} if generator.adds else {})


def to_planes(pixels: Pixels, ids: NDArray[np.integer] | None, generator: Generator) -> Tensor:
    """The inputs 1×39×H×W of a picture and its map, padded; without a map, its planes are zero."""
    height, width, _ = pixels.shape
    picture = torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255 - 0.5
    planes = torch.cat([map_planes(ids, height, width)[None], picture], dim=1)
    sides = (max(generator.smallest, n + -n % generator.multiple) for n in (width, height))
    right, below = (side - n for side, n in zip(sides, (width, height), strict=True))
    planes = functional.pad(planes, (0, right, 0, below), mode="replicate")
    return planes.contiguous(memory_format=torch.channels_last)


def map_planes(ids: NDArray[np.integer] | None, height: int, width: int) -> Tensor:
    """A plane for each label and one of the edges."""
    planes = torch.zeros(LABELS + 1, height, width)
    if ids is not None:
        wide = torch.from_numpy(ids.astype(np.int64))
        labels = torch.where(wide < _PER_INSTANCE, wide, wide // _PER_INSTANCE)
        planes.scatter_(0, labels.clamp(max=LABELS - 1)[None], 1.0)
        planes[LABELS] = _edges(wide)
    return planes


def _edges(ids: Tensor) -> Tensor:
    """Where a pixel or one of its four neighbours is of another instance."""
    edges = torch.zeros(ids.shape)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edges[:, 1:][across] = 1
    edges[:, :-1][across] = 1
    edges[1:][down] = 1
    edges[:-1][down] = 1
    return edges
