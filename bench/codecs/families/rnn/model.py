"""The recurrent networks of a file, on the device that they run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.families.inference import (
    apart,
    full_precision,
    to_pixels,
    to_tensor,
    together,
    weights_digest,
)
from bench.codecs.families.neural_stream import MODEL_DIGEST
from bench.codecs.families.rnn.checkpoint import load_rnn
from bench.codecs.families.rnn.entropy import decode_bits, encode_bits
from bench.codecs.families.rnn.network import STEP, Recurrent
from bench.images.colour import Pixels
from bench.runtime.lanes import beside, devices, finish, lanes_of
from bench.runtime.torch_threads import one_thread

Codes = NDArray[np.uint8]  # the bits of all iterations, K×B×H×W


@one_thread()
def load_model(path: Path, digests: Mapping[Path, str]) -> RnnModel:
    """The networks in files of those digests, ready to code."""
    return RnnModel(load_rnn(path, digests), *devices())


@dataclass(frozen=True, eq=False)
class _Networks:
    """The networks on one device, for pictures of one size at a time."""

    recurrent: Recurrent
    device: torch.device

    @torch.inference_mode()
    def analyse(self, calls: Sequence[tuple[Tensor, int]]) -> list[Tensor]:
        """The bits of each picture, in as many iterations for all."""
        x, iterations = together([picture for picture, _ in calls]), calls[0][1]
        with full_precision():
            codes = list(self.recurrent.codes(x, iterations))
            finish(self.device)
        return [each[0] for each in apart(torch.stack(codes, dim=1))]

    @torch.inference_mode()
    def synthesise(self, codes: Sequence[Tensor]) -> list[Tensor]:
        with full_precision():
            *_, x_hat = self.recurrent.pictures(together(codes).unbind(1))
            finish(self.device)
        return apart(x_hat)


class RnnModel:
    """The networks on a device, with copies of them on others."""

    def __init__(self, recurrent: Recurrent, *on: torch.device) -> None:
        self.digest = weights_digest(recurrent.decoder)[:MODEL_DIGEST]
        self._bits = recurrent.bits
        copies = [_Networks(deepcopy(recurrent), each) for each in on[1:]]
        networks = [_Networks(recurrent, on[0]), *copies]
        for each in networks:
            each.recurrent.to(each.device)
        self._lanes = lanes_of(networks, on[0])

    def compress(self, pixels: Pixels, iterations: int) -> list[bytes]:
        """The coded bits of each iteration."""
        return encode_bits(list(self.analyse(pixels, iterations)))

    def decompress(self, parts: Sequence[bytes], width: int, height: int) -> Pixels:
        """The picture of as many iterations as there are parts."""
        rows, columns = (-(-side // STEP) for side in (height, width))
        codes = np.stack(list(decode_bits(parts, self._bits, rows, columns)))
        return self.synthesise(codes, width, height)

    @one_thread()
    def analyse(self, pixels: Pixels, iterations: int) -> Codes:
        """The bits of a picture of any size, whose right and bottom edges are replicated."""

        def given(networks: _Networks) -> tuple[Tensor, int]:
            with beside(networks.device):
                return to_tensor(pixels, networks.device, STEP), iterations

        found = self._lanes.call(_Networks.analyse, given, (pixels.shape, iterations))
        with beside(found.device):
            return (found.cpu().numpy() > 0).astype(np.uint8)

    @one_thread()
    def synthesise(self, codes: Codes, width: int, height: int) -> Pixels:
        """The picture of those bits."""

        def given(networks: _Networks) -> Tensor:
            with beside(networks.device):
                return torch.from_numpy(2.0 * codes - 1).float().to(networks.device)[None]

        x_hat = self._lanes.call(_Networks.synthesise, given, codes.shape)
        with beside(x_hat.device):
            return to_pixels(x_hat, width, height)
