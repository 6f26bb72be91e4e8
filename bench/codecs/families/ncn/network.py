"""The networks of an NCN, in the paper's symbols: g_enc, g_dec, h_enc, h_dec and the prior of ẑ.

An image x of sides that are multiples of 64 becomes the latent y = g_enc(x) at a sixteenth of its
size, which is rounded to ŷ and coded; x̂ = g_dec(ŷ). What makes that cheap is the hyper-latent
z = h_enc(y), at a 64th, rounded and coded first: h_dec(ẑ) gives the location μ and the scale σ of a
Laplace distribution for each element of ŷ. Those of ẑ come from its own past.

Besides the published layout there are cheaper ones, with fewer channels in the layers near the
picture and in the entropy model. Beside their g_enc and g_dec a linear transform of blocks of 16×16
pixels may add its output to theirs: it keeps detail that narrow layers lose.

The published network was made for more than one level: five of its convolutions have further inputs
for the level below, which are always zero. Their weights are left out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

# Where g_enc and h_enc have brought an image down by.
Y_STEP, Z_STEP = 16, 64
LATENT_SCALE = 1 / 64
"""Of ŷ before the linear decoder. Its weights are larger by as much, or a step of Adam, which is as
long for all weights, would change them by a third of their size."""

_same = partial(nn.Conv2d, kernel_size=5, padding=2, padding_mode="replicate")
_half = partial(_same, stride=2)
_twice = partial(nn.ConvTranspose2d, kernel_size=5, stride=2, padding=2, output_padding=1)
_blocks = partial(nn.Conv2d, kernel_size=Y_STEP, stride=Y_STEP)
_from_blocks = partial(nn.ConvTranspose2d, kernel_size=Y_STEP, stride=Y_STEP)


class NCN(nn.Module):
    """All networks that encoder and decoder share.

    There are N ``channels`` in y; layers between y and the picture have other ``widths``, from the
    picture on, and the entropy model ``hyper`` channels, where these are given.
    """

    def __init__(
        self,
        channels: int = 192,
        widths: Sequence[int] = (),
        hyper: int | None = None,
        *,
        linear: bool = False,
    ) -> None:
        super().__init__()
        n = self.channels = channels
        a, b, c = self.widths = tuple(widths) or (n, n, n)
        m = self.hyper = n if hyper is None else hyper
        self.linear = linear
        relu = partial(nn.ReLU, inplace=True)
        g_enc = nn.Sequential(
            _half(3, a), relu(), _half(a, b), relu(), _half(b, c), relu(), _half(c, n), relu(),
            _same(n, n),
        )  # fmt: skip
        g_dec = nn.Sequential(
            _twice(n, c), relu(), _twice(c, b), relu(), _twice(b, a), relu(), _twice(a, 3)
        )
        self.g_enc = BesideLinear(g_enc, _blocks(3, n)) if linear else g_enc
        self.g_dec = BesideLinear(g_dec, _from_blocks(n, 3), LATENT_SCALE) if linear else g_dec
        self.h_enc = nn.Sequential(_half(n, m), GDN(m), _half(m, m // 2))
        self.h_dec = nn.Sequential(
            _twice(m // 2, m), GDN(m, inverse=True), _twice(m, 2 * m), GDN(2 * m, inverse=True),
            _same(2 * m, 2 * n),
        )  # fmt: skip
        self.z_prior = CausalPrior(m // 2)

    @property
    def layout(self) -> str:
        """Its layers, for people to read."""
        inner = ", ".join(map(str, self.widths))
        linear = ", a linear transform" if self.linear else ""
        return f"{self.channels} channels after {inner}, {self.hyper} in the entropy model{linear}"

    def y_distribution(self, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        """The μ of ŷ, and the r of its σ = softplus(-r)."""
        mu, raw = self.h_dec(z_hat).chunk(2, dim=1)
        return mu, raw

    @torch.no_grad()
    def scale(self, encoder: Tensor, decoder: Tensor) -> None:
        """Multiply each channel of y behind g_enc by a number, and of ŷ before g_dec by another."""
        for layer in _layers_at(self.g_enc, -1):
            layer.weight *= encoder[:, None, None, None]
            assert layer.bias is not None
            layer.bias *= encoder
        for layer in _layers_at(self.g_dec, 0):
            layer.weight *= decoder[:, None, None, None]


class BesideLinear(nn.Module):
    """The sum of a deep transform and a linear one, whose input is scaled."""

    def __init__(
        self, deep: nn.Sequential, linear: nn.Conv2d | nn.ConvTranspose2d, scale: float = 1
    ) -> None:
        super().__init__()
        self.deep, self.linear, self._scale = deep, linear, scale

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.deep(x) + self.linear(x * self._scale)
        return total


def _layers_at(transform: nn.Module, place: int) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    """The layers of a transform that are next to the latent, which is at its end or beginning."""
    deep = transform.deep if isinstance(transform, BesideLinear) else transform
    assert isinstance(deep, nn.Sequential)
    layers = [deep[place], *([transform.linear] if isinstance(transform, BesideLinear) else [])]
    return [each for each in layers if isinstance(each, nn.Conv2d | nn.ConvTranspose2d)]


class GDN(nn.Module):
    """Generalised divisive normalisation: x / √(β + γ x²), or times the root where inverse.

    β and γ are kept as square roots, so that training cannot make them negative.
    """

    def __init__(self, channels: int, *, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.sqrt(torch.ones(channels) + PEDESTAL))
        self.gamma = nn.Parameter(torch.sqrt(0.1 * torch.eye(channels) + PEDESTAL))

    def forward(self, x: Tensor) -> Tensor:
        beta = bounded(self.beta, BETA_MIN) ** 2 - PEDESTAL
        gamma = bounded(self.gamma, GAMMA_MIN) ** 2 - PEDESTAL
        root = torch.sqrt(functional.conv2d(x * x, gamma[:, :, None, None], beta))
        return x * root if self.inverse else x / root


PEDESTAL = 2.0**-36
BETA_MIN = (1e-6 + PEDESTAL) ** 0.5
GAMMA_MIN = PEDESTAL**0.5


def bounded(parameter: Tensor, least: float) -> Tensor:
    """The parameter, at least so much; what is below feels only gradients that raise it."""
    bound: Tensor = _Bounded.apply(parameter, least)  # type: ignore[no-untyped-call]
    return bound


class _Bounded(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, parameter: Tensor, least: float) -> Tensor:
        context.save_for_backward(parameter)
        context.least = least
        return parameter.clamp(min=least)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (parameter,) = context.saved_tensors
        (gradient,) = gradients
        passes = (parameter >= context.least) | (gradient < 0)
        return gradient * passes, None


class CausalPrior(nn.Module):
    """The Laplace distribution of each element of ẑ, from those above and to the left of it.

    Both layers leave out their centre, so that even the left neighbour is seen through the first
    layer only: an element knows (y, x-2), (y-1, x-2…x) and (y-2, x-2…x+2) of every channel.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = CausalConv(channels)
        self.conv2 = CausalConv(channels)
        self.conv3 = CausalConv(channels)

    def forward(self, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        """The μ of ẑ, and the r of its σ = softplus(-r)."""
        hidden = functional.leaky_relu(self.conv1(z_hat), SLOPE)
        return self.conv2(hidden), self.conv3(hidden)


SLOPE = 0.01


class CausalConv(nn.Conv2d):
    """3×3, without the centre and all that follows it in reading order."""

    past: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)
        past = torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0, 0]).reshape(3, 3)
        self.register_buffer("past", past, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight * self.past, self.bias, padding=1)
