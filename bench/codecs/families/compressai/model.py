"""One file of the zoo's weights: CompressAI's network for it, and its own entropy coder."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from compressai.entropy_models import GaussianConditional
from compressai.zoo.image import model_architectures
from torch import Tensor, nn
from torch.random import fork_rng

from bench.codecs.families.inference import apart, full_precision, to_pixels, to_tensor, together
from bench.codecs.families.neural_stream import LATENTS, MULTIPLE, number_to_bytes, read_number
from bench.errors import DataError, StreamError
from bench.images.colour import Pixels
from bench.runtime.checkpoint import check_tensors, read_checkpoint
from bench.runtime.lanes import Lanes, beside, devices, finish
from bench.runtime.torch_threads import one_thread

_Y_STEP = 16  # pixels each way for an element of the latent
_WORD = 4
# What parameters of the hyper-latent's entropy model were called before: _matrices.0, _matrix0.
_OLD = re.compile(r"(entropy_bottleneck\.)_(matri|bias|factor)(?:ces\.|x|es\.|s\.|)(\d)")
_MAX_CHANNELS = 512  # the zoo's have at most 320; memory grows with the square
_PLURAL = {"matri": "matrices", "bias": "biases", "factor": "factors"}


@fork_rng([])  # layers that are made draw their first weights
def load_model(path: Path, digest: str) -> ZooModel:
    """The network in a file of that digest, recognised by its tensors, ready to code."""
    read = read_checkpoint(path, digest)
    found = {_todays(name): tensor for name, tensor in read.tensors.items()}
    name = _name(path, found)
    ends = ["g_a.0.conv1.weight"] if name == "cheng2020-attn" else ["g_a.0.weight", "g_a.6.weight"]
    channels = [len(found[end]) for end in ends]
    if max(channels) > _MAX_CHANNELS:
        raise DataError(f"{path}: more than {_MAX_CHANNELS} channels: not weights of the zoo's")
    network = model_architectures[name](*channels)
    network.gaussian_conditional = WatchedGaussian()
    # A file may also hold the coder's tables. They are ignored: damaged ones would crash the coder.
    own = network.state_dict()
    weights = dict(network.named_parameters())
    check_tensors(path, weights, {k: t for k, t in found.items() if k in weights or k not in own})
    nn.Module.load_state_dict(network, own | {key: found[key] for key in weights})
    network.eval().requires_grad_(False).update(force=True)
    network.to(memory_format=torch.channels_last)
    return ZooModel(name, bytes.fromhex(read.digest), network, *devices())


def _todays(name: str) -> str:
    """What CompressAI calls a tensor today; it reads files by all the names it ever used."""
    name = name.removeprefix("module.").replace(".downsample.", ".skip.")
    return _OLD.sub(lambda old: f"{old[1]}{_PLURAL[old[2]]}.{old[3]}", name)


def _name(path: Path, found: dict[str, Tensor]) -> str:
    """Whose weights a file holds, by what only its networks have."""
    if "g_a.0.conv1.weight" in found:
        return "cheng2020-attn"
    if not {"g_a.0.weight", "g_a.6.weight", "h_s.4.weight"} <= set(found):
        raise DataError(f"{path}: no g_a.6.weight or no h_s.4.weight: not weights of the zoo's")
    if "context_prediction.weight" in found:
        return "mbt2018"
    has_means = len(found["h_s.4.weight"]) > len(found["g_a.6.weight"])
    return "mbt2018-mean" if has_means else "bmshj2018-hyperprior"


class ZooModel:
    def __init__(self, kind: str, digest: bytes, network: Any, *on: torch.device) -> None:
        self.kind, self.digest = kind, digest
        self._network = network
        self._watched: WatchedGaussian = network.gaussian_conditional
        if on[0].type != "cpu":
            network.g_a = _OnDevices(network.g_a, on)
            network.g_s = _OnDevices(network.g_s, on)

    @one_thread()
    @torch.inference_mode()
    def compress(self, pixels: Pixels) -> tuple[bytes, bytes]:
        """A checksum of the latents of a picture of any size, and CompressAI's strings."""
        self._watched.start()
        coded = self._network.compress(to_tensor(pixels, torch.device("cpu")))
        (y,), (z,) = coded["strings"]
        return self._watched.checksum(), pack(y, z)

    @one_thread()
    @torch.inference_mode()
    def decompress(self, body: bytes, width: int, height: int) -> tuple[bytes, Pixels]:
        """A checksum of the latents that the strings hold, and the picture."""
        y, z = unpack(body)
        rows, columns = (-(-side // MULTIPLE) for side in (height, width))
        # A decoder that lost its way reads past a string's end: zeros, 32 bits for each symbol,
        # keep it within the buffer.
        beyond = bytes(4 * self._network.M * rows * columns * (MULTIPLE // _Y_STEP) ** 2)
        self._watched.start()
        decoded = self._network.decompress([[y + beyond], [z + beyond]], (rows, columns))
        return self._watched.checksum(), to_pixels(decoded["x_hat"], width, height)


def pack(y: bytes, z: bytes) -> bytes:
    """Both strings: the length of z's in words, less than 8 MB at 8K, then z's and y's."""
    return number_to_bytes(len(z) // _WORD) + z + y


def unpack(body: bytes) -> tuple[bytes, bytes]:
    """y and z."""
    words, start = read_number(body, 0)
    end = start + _WORD * words
    if end > len(body):
        raise StreamError("the stream is damaged: it ends within the hyper-latent")
    return body[end:], body[start:end]


class WatchedGaussian(GaussianConditional):  # type: ignore[misc]
    """The entropy model of the latent, which sums up what it codes or decodes in each thread.

    A decoder that rounds otherwise than the encoder finds other probabilities and then other
    symbols, and CompressAI's gives no sign of it.
    """

    def __init__(self) -> None:
        super().__init__(None)
        self._sums = threading.local()

    def start(self) -> None:
        self._sums.crc = 0

    def checksum(self) -> bytes:
        return int(self._sums.crc).to_bytes(4, "little")[:LATENTS]

    def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
        symbols: Tensor = super().quantize(inputs, mode, means)
        self._add(symbols)
        return symbols

    def dequantize(
        self, inputs: Tensor, means: Tensor | None = None, dtype: torch.dtype = torch.float
    ) -> Tensor:
        self._add(inputs)
        latents: Tensor = super().dequantize(inputs, means, dtype)
        return latents

    def _add(self, symbols: Tensor) -> None:
        integers = symbols.to(torch.int32).contiguous().numpy()
        self._sums.crc = zlib.crc32(integers.astype("<i4", copy=False).tobytes(), self._sums.crc)


class _OnDevices(nn.Module):
    """A transform on GPUs.

    All that entropy coding depends on stays on the CPU: it proceeds position by position, and must
    find the same probabilities on machines without a GPU.
    """

    def __init__(self, transform: nn.Module, on: Sequence[torch.device]) -> None:
        super().__init__()
        self._lanes = Lanes([_Copy(deepcopy(transform).to(each), each) for each in on])

    def forward(self, x: Tensor) -> Tensor:
        y = self._lanes.call(_Copy.transform, lambda copy: copy.bring(x), x.shape)
        with beside(y.device):
            return y.cpu()


class _Copy:
    """A transform on one device."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._network, self._device = network, device

    def bring(self, x: Tensor) -> Tensor:
        with beside(self._device):
            return x.to(self._device, memory_format=torch.channels_last)

    def transform(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        with full_precision():
            y: Tensor = self._network(together(inputs))
            finish(self._device)
        return apart(y)
