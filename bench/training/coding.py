"""A codec in training: decoded pictures and their rate, both with gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.codecs.families.ncn.masking import LSMnet, masked
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.ncn.rate import bits, sigma


class Coding(nn.Module):
    """An NCN and its LSMnet, if any, as one network."""

    def __init__(self, ncn: NCN, lsm: LSMnet | None) -> None:
        super().__init__()
        self.ncn, self.lsm = ncn, lsm

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The decoded pictures, and the estimated bits per pixel."""
        y = self.ncn.g_enc(x)
        z_hat = self._rounded(self.ncn.h_enc(y))
        mu, raw = self.ncn.y_distribution(z_hat)
        if self.lsm is not None:
            y = masked(y, mu, self.lsm(x))
        y_hat = self._rounded(y)
        z_mu, z_raw = self.ncn.z_prior(z_hat)
        with torch.autocast(x.device.type, enabled=False):
            spent = [
                bits(values.float(), location.float(), sigma(negated.float())).sum()
                for values, location, negated in ((y_hat, mu, raw), (z_hat, z_mu, z_raw))
            ]
        x_hat: Tensor = self.ncn.g_dec(y_hat)
        return x_hat.float(), (spent[0] + spent[1]) / x[:, 0].numel()

    def _rounded(self, latent: Tensor) -> Tensor:
        """In training, noise replaces rounding, which has no gradient."""
        if self.training:
            return latent + torch.rand_like(latent) - 0.5
        return torch.round(latent)
