"""A codec in training: decoded pictures and their rate, both with gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.codecs.families.inference import to_pixels, to_tensor
from bench.codecs.families.ncn.masking import LSMnet, masked
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.ncn.rate import bits, sigma
from bench.images.colour import Pixels

Scale = Tensor | int


class Coding(nn.Module):
    """An NCN and its LSMnet, if any, as one network.

    In training, noise replaces rounding, which has no gradient. Where ``rounds`` is set, only the
    rate is of noisy latents: the decoder sees rounded ones, and gradients pass as if they were not.
    """

    def __init__(self, ncn: NCN, lsm: LSMnet | None, *, rounds: bool = False) -> None:
        super().__init__()
        self.ncn, self.lsm, self.rounds = ncn, lsm, rounds

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The decoded pictures, and the estimated bits per pixel."""
        x_hat, (of_y, of_z) = self._coded(x)
        return x_hat, (of_y.sum() + of_z.sum()) / x[:, 0].numel()

    def _coded(
        self, x: Tensor, encoder: Scale = 1, decoder: Scale = 1, bias: Scale = 0
    ) -> tuple[Tensor, list[Tensor]]:
        """The decoded pictures, and the bits of each element of ŷ and of ẑ.

        The gains are of the channels of y; the bias is added in the LSMnet.
        """
        y = self.ncn.g_enc(x) * encoder
        z_hat, z_rated = self._rounded(self.ncn.h_enc(y))
        mu, raw = self.ncn.y_distribution(z_hat)
        if self.lsm is not None:
            y = masked(y, mu, self.lsm(x, bias))
        y_hat, y_rated = self._rounded(y)
        z_mu, z_raw = self.ncn.z_prior(z_hat)
        with torch.autocast(x.device.type, enabled=False):
            spent = [
                bits(values.float(), location.float(), sigma(negated.float()))
                for values, location, negated in ((y_rated, mu, raw), (z_rated, z_mu, z_raw))
            ]
        x_hat: Tensor = self.ncn.g_dec(y_hat * decoder)
        return x_hat.float(), spent

    @torch.no_grad()
    def code(self, pixels: Pixels) -> tuple[Pixels, float]:
        """A picture decoded from rounded latents, and the estimated bits per pixel."""
        height, width, _ = pixels.shape
        x = to_tensor(pixels, next(self.parameters()).device)
        trains = self.training
        x_hat, rate = self.eval()(x)
        self.train(trains)
        padding = x[0, 0].numel() / (height * width)
        return to_pixels(x_hat, width, height), float(rate) * padding

    def _rounded(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """What a decoder sees of a latent, and what its rate is of."""
        rounded = torch.round(latent)
        if not self.training:
            return rounded, rounded
        noisy = latent + torch.rand_like(latent) - 0.5
        return (latent + (rounded - latent).detach() if self.rounds else noisy), noisy
