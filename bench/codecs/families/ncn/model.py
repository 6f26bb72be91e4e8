"""One file of an NCN's weights, on the device that it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.families.inference import apart, full_precision, to_pixels, to_tensor, together
from bench.codecs.families.ncn import rate
from bench.codecs.families.ncn.checkpoint import decoder_digest, load_ncn
from bench.codecs.families.ncn.codec import KINDS
from bench.codecs.families.ncn.entropy import (
    Latent,
    as_latent,
    decode_latents,
    encode_latents,
    latents_checksum,
)
from bench.codecs.families.ncn.masking import LSMnet, masked
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.ncn.portable import PortablePrior, exact_prior
from bench.codecs.families.neural_stream import MULTIPLE
from bench.images.colour import Pixels
from bench.runtime.lanes import beside, devices, finish, lanes_of
from bench.runtime.torch_threads import one_thread


@dataclass(frozen=True)
class Latents:
    """What the encoder makes of an image, 1×N×H×W each."""

    y_hat: Tensor
    z_hat: Tensor
    alpha: Tensor | None

    def whole(self) -> tuple[Latent, Latent]:
        """ŷ and ẑ as they are coded."""
        with beside(self.y_hat.device):
            y_hat, z_hat = (each[0].cpu() for each in (self.y_hat, self.z_hat))
        return as_latent(y_hat.numpy()), as_latent(z_hat.numpy())


@one_thread()
def load_model(path: Path, digest: str) -> NcnModel:
    """The networks in a file of that digest, ready to code."""
    ncn, lsm = load_ncn(path, digest)
    first, *others = devices()
    return NcnModel(ncn, lsm, exact_prior(ncn, path, first), first, *others)


@dataclass(frozen=True, eq=False)
class _Networks:
    """The networks on one device, for pictures of one size at a time."""

    ncn: NCN
    lsm: LSMnet | None
    device: torch.device

    @torch.inference_mode()
    def analyse(self, pictures: Sequence[Tensor]) -> list[Latents]:
        with full_precision():
            x = together(pictures)
            y = self.ncn.g_enc(x)
            z_hat, alpha = torch.round(self.ncn.h_enc(y)), None
            if self.lsm is not None:
                mu, _ = self.ncn.y_distribution(z_hat)
                alpha = self.lsm(x)
                y = masked(y, mu, alpha)
            y_hat = torch.round(y)
            finish(self.device)
        alphas = [None] * len(x) if alpha is None else apart(alpha)
        return [*map(Latents, apart(y_hat), apart(z_hat), alphas)]

    @torch.inference_mode()
    def synthesise(self, latents: Sequence[Tensor]) -> Sequence[Tensor]:
        with full_precision():
            x_hat: Tensor = self.ncn.g_dec(together(latents))
            finish(self.device)
        return apart(x_hat)


class NcnModel:
    """The networks on a device, with copies of them on others."""

    def __init__(
        self,
        ncn: NCN,
        lsm: LSMnet | None,
        prior: PortablePrior,
        device: torch.device,
        *others: torch.device,
    ) -> None:
        self.digest = decoder_digest(ncn)
        self.kind = KINDS[lsm.kind if lsm else "none"]
        self._hyper, self._prior = ncn.hyper, prior
        copies = [_Networks(*deepcopy((ncn, lsm)), each) for each in others]
        self._first = _Networks(ncn, lsm, device)
        for each in (self._first, *copies):
            each.ncn.to(each.device)
            if each.lsm is not None:
                each.lsm.to(each.device)
        self._lanes = lanes_of([self._first, *copies], device)

    def compress(self, pixels: Pixels) -> tuple[bytes, bytes]:
        """A checksum of the picture's latents, and the latents coded."""
        latents = self.analyse(pixels).whole()
        return latents_checksum(*latents), self.encode(*latents)

    def decompress(self, body: bytes, width: int, height: int) -> tuple[bytes, Pixels]:
        """A checksum of the decoded latents, and the picture."""
        latents = self.decode(body, width, height)
        return latents_checksum(*latents), self.synthesise(latents[0], width, height)

    @one_thread()
    @torch.inference_mode()
    def analyse(self, pixels: Pixels) -> Latents:
        """The latents of a picture of any size, whose right and bottom edges are replicated."""
        return self._lanes.call(_Networks.analyse, partial(_picture, pixels), pixels.shape)

    @one_thread()
    def encode(self, y_hat: Latent, z_hat: Latent) -> bytes:
        return encode_latents(y_hat, z_hat, self._prior)

    @one_thread()
    def decode(self, stream: bytes, width: int, height: int) -> tuple[Latent, Latent]:
        """ŷ and ẑ of a picture of that size."""
        width, height = (side + -side % MULTIPLE for side in (width, height))
        return decode_latents(stream, self._prior, self._hyper, width, height)

    def synthesise(self, y_hat: Latent, width: int, height: int) -> Pixels:
        """The picture of a ŷ."""
        with one_thread():
            x_hat = self._lanes.call(_Networks.synthesise, partial(_latent, y_hat), y_hat.shape)
        with beside(x_hat.device):
            return to_pixels(x_hat, width, height)

    @one_thread()
    @torch.inference_mode()
    def inspect(self, pixels: Pixels) -> dict[str, NDArray[Any]]:
        """All that the networks make of a picture, with the published estimate of its bits."""
        height, width, _ = pixels.shape
        networks = self._first
        (latents,) = networks.analyse([_picture(pixels, networks)])
        (x_hat,) = networks.synthesise([latents.y_hat])
        with full_precision():
            mu, raw = networks.ncn.y_distribution(latents.z_hat)
            z_mu, z_raw = networks.ncn.z_prior(latents.z_hat)
        sigma = rate.sigma(raw)
        shown = {
            "y_hat": latents.y_hat,
            "z_hat": latents.z_hat,
            "y_mu": mu,
            "y_sigma": sigma,
            "bits_y": rate.bits(latents.y_hat, mu, sigma).sum(),
            "bits_z": rate.bits(latents.z_hat, z_mu, rate.sigma(z_raw)).sum(),
            "rec": x_hat[..., :height, :width],
        }
        if latents.alpha is not None:
            shown["alpha"] = latents.alpha
        return {name: values.cpu().numpy() for name, values in shown.items()}


def _picture(pixels: Pixels, networks: _Networks) -> Tensor:
    with beside(networks.device):
        return to_tensor(pixels, networks.device)


def _latent(y_hat: Latent, networks: _Networks) -> Tensor:
    y = torch.from_numpy(y_hat.astype(np.float32))[None]
    with beside(networks.device):
        return y.to(networks.device, memory_format=torch.channels_last)
