"""One file of an NCN's weights, on the device that it runs on."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.families.inference import coding_device, full_precision, to_pixels, to_tensor
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
from bench.runtime.torch_threads import one_thread


@dataclass(frozen=True)
class Latents:
    """What the encoder makes of an image, 1×N×H×W each."""

    y_hat: Tensor
    z_hat: Tensor
    alpha: Tensor | None

    def whole(self) -> tuple[Latent, Latent]:
        """ŷ and ẑ as they are coded."""
        return as_latent(self.y_hat[0].cpu().numpy()), as_latent(self.z_hat[0].cpu().numpy())


@one_thread()
def load_model(path: Path, digest: str) -> NcnModel:
    """The networks in a file of that digest, ready to code."""
    ncn, lsm = load_ncn(path, digest)
    device = coding_device()
    prior = exact_prior(ncn, path, device)
    return NcnModel(ncn.to(device), lsm and lsm.to(device), prior, device)


class NcnModel:
    def __init__(
        self, ncn: NCN, lsm: LSMnet | None, prior: PortablePrior, device: torch.device
    ) -> None:
        self._ncn, self._lsm, self._prior, self._device = ncn, lsm, prior, device
        self.digest = decoder_digest(ncn)
        self.kind = KINDS[lsm.kind if lsm else "none"]
        # One image at a time where all share a device.
        self._device_lock = nullcontext() if device.type == "cpu" else threading.Lock()

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
        with self._device_lock, full_precision():
            x = to_tensor(pixels, self._device)
            y = self._ncn.g_enc(x)
            z_hat = torch.round(self._ncn.h_enc(y))
            if self._lsm is None:
                return Latents(torch.round(y), z_hat, None)
            mu, _ = self._ncn.y_distribution(z_hat)
            alpha = self._lsm(x)
            return Latents(torch.round(masked(y, mu, alpha)), z_hat, alpha)

    @one_thread()
    def encode(self, y_hat: Latent, z_hat: Latent) -> bytes:
        return encode_latents(y_hat, z_hat, self._prior)

    @one_thread()
    def decode(self, stream: bytes, width: int, height: int) -> tuple[Latent, Latent]:
        """ŷ and ẑ of a picture of that size."""
        width, height = (side + -side % MULTIPLE for side in (width, height))
        return decode_latents(stream, self._prior, self._ncn.hyper, width, height)

    def synthesise(self, y_hat: Latent, width: int, height: int) -> Pixels:
        """The picture of a ŷ."""
        y = torch.from_numpy(y_hat.astype(np.float32))[None]
        return to_pixels(self._synthesise(y), width, height)

    @one_thread()
    @torch.inference_mode()
    def _synthesise(self, y_hat: Tensor) -> Tensor:
        with self._device_lock, full_precision():
            y = y_hat.to(self._device, memory_format=torch.channels_last)
            x_hat: Tensor = self._ncn.g_dec(y)
        return x_hat

    @one_thread()
    @torch.inference_mode()
    def inspect(self, pixels: Pixels) -> dict[str, NDArray[Any]]:
        """All that the networks make of a picture, with the published estimate of its bits."""
        height, width, _ = pixels.shape
        latents = self.analyse(pixels)
        with self._device_lock, full_precision():
            mu, raw = self._ncn.y_distribution(latents.z_hat)
            z_mu, z_raw = self._ncn.z_prior(latents.z_hat)
        sigma = rate.sigma(raw)
        shown = {
            "y_hat": latents.y_hat,
            "z_hat": latents.z_hat,
            "y_mu": mu,
            "y_sigma": sigma,
            "bits_y": rate.bits(latents.y_hat, mu, sigma).sum(),
            "bits_z": rate.bits(latents.z_hat, z_mu, rate.sigma(z_raw)).sum(),
            "rec": self._synthesise(latents.y_hat)[..., :height, :width],
        }
        if latents.alpha is not None:
            shown["alpha"] = latents.alpha
        return {name: values.cpu().numpy() for name, values in shown.items()}
