"""What a generator of JPD-SE is trained against: pix2pixHD's discriminators, and its losses.

Two discriminators judge patches, one of the picture and one of it at half its size. Generator and
discriminators take each step together: to the losses of one side, the other is constant.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.func import functional_call

from bench.codecs.families.jpd_se.generator import LABELS, Generator
from bench.vision.detector import Detector

MAP_PLANES = LABELS + 1
WEIGHT = 10.0  # of all losses but the adversarial one
_halving = partial(nn.Conv2d, kernel_size=4, stride=2, padding=2)
_same = partial(nn.Conv2d, kernel_size=4, padding=2)
Seen = list[Tensor]  # what each layer of a discriminator makes, its judgement last


class Discriminator(nn.Module):
    """Judges patches of 70×70 pixels of a picture and its map: 1 is real, 0 is generated."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        layers = [nn.Sequential(_halving(MAP_PLANES + 3, width), nn.LeakyReLU(0.2))]
        kinds = (_halving, _halving, _same)
        for (before, after), kind in zip(pairwise(widths), kinds, strict=True):
            norm = nn.InstanceNorm2d(after)
            layers.append(nn.Sequential(kind(before, after), norm, nn.LeakyReLU(0.2)))
        self.layers = nn.ModuleList([*layers, _same(widths[-1], 1)])

    def forward(self, x: Tensor) -> Seen:
        seen = []
        for layer in self.layers:
            x = layer(x)
            seen.append(x)
        return seen


class Adversaries(nn.Module):
    """A generator with the discriminators that it is trained against."""

    def __init__(self, generator: Generator, width: int) -> None:
        super().__init__()
        self.generator = generator
        self.judges = nn.ModuleList(Discriminator(width) for _ in range(2))

    def losses(
        self, planes: Tensor, made: Tensor, wanted: Tensor, network: Detector
    ) -> dict[str, Tensor]:
        """Of what the generator made of planes, and of the discriminators; without distances."""
        maps = planes[:, :MAP_PLANES]
        real, fake = (torch.cat([maps, each - 0.5], dim=1) for each in (wanted, made))
        of_real, of_fake = self._see(real), self._see(fake.detach())
        seen = self._see(fake, constant=True)
        right = [
            _squared(yes, 1) + _squared(no, 0) for yes, no in zip(of_real, of_fake, strict=True)
        ]
        matching = [_matching(*both) for both in zip(seen, of_real, strict=True)]
        return {
            "adversarial": torch.stack([_squared(each, 1) for each in seen]).sum(),
            "matching": WEIGHT * torch.stack(matching).mean(),
            "features": WEIGHT * _features(network, made, wanted),
            "judges": torch.stack(right).sum() / 2,
        }

    def _see(self, x: Tensor, *, constant: bool = False) -> list[Seen]:
        """What each discriminator sees."""
        seen = []
        for judge in self.judges:
            own = {n: v.detach() if constant else v for n, v in judge.named_parameters()}
            seen.append(functional_call(judge, own, (x,)))
            x = functional.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False)
        return seen


def distance(made: Tensor, wanted: Tensor) -> Tensor:
    return WEIGHT * functional.l1_loss(made, wanted)


def _squared(seen: Seen, wanted: float) -> Tensor:
    """How far a judgement is from 1 or 0, of least squares."""
    return (seen[-1] - wanted).square().mean()


def _matching(fake: Seen, real: Seen) -> Tensor:
    """The distance of what a discriminator's layers make of the two pictures."""
    both = zip(fake[:-1], real[:-1], strict=True)
    return torch.stack([functional.l1_loss(one, other.detach()) for one, other in both]).sum()


def _features(network: Detector, made: Tensor, wanted: Tensor) -> Tensor:
    """The distance of a task network's features, in place of those of a VGG."""
    with torch.no_grad():
        of_wanted = network.features(wanted.flip(1) * 255)
    both = zip(network.features(made.flip(1) * 255), of_wanted, strict=True)
    return torch.stack([functional.l1_loss(one, other) for one, other in both]).mean()
