"""How the networks of learned codecs run: the device, the precision, and pictures as tensors."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from bench.codecs.families.neural_stream import MULTIPLE
from bench.images.colour import Pixels
from bench.images.image import pad
from bench.runtime.lanes import devices

_lock = threading.Lock()
_users = 0
_restore = ExitStack()


def weights_digest(*networks: nn.Module) -> bytes:
    """Identifies the weights of networks, independent of their file."""
    digest = hashlib.sha256()
    for network in networks:
        for name, tensor in network.state_dict().items():
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().contiguous().numpy().astype("<f4").tobytes())
    return digest.digest()


def coding_device() -> torch.device:
    """A GPU if there is one."""
    return devices()[0]


@contextmanager
def full_precision() -> Iterator[None]:
    """Without the shortened factors that a GPU's convolutions use by default.

    That is a setting of the whole process; the last thread to leave such a block restores it.
    """
    global _users
    with _lock:
        if not _users:
            flags = {"enabled": True, "benchmark": False, "deterministic": True}
            _restore.enter_context(torch.backends.cudnn.flags(**flags, allow_tf32=False))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _restore.close()


def to_tensor(pixels: Pixels, device: torch.device, multiple: int = MULTIPLE) -> Tensor:
    """A picture of any size, padded, as 1×3×H×W from 0 to 1."""
    x = torch.tensor(pad(pixels, multiple)).to(device).permute(2, 0, 1)[None]
    return x.to(torch.float32, memory_format=torch.channels_last) / 255


def together(pictures: Sequence[Tensor]) -> Tensor:
    """One batch of several pictures."""
    return pictures[0] if len(pictures) == 1 else torch.cat(list(pictures))


def apart(batch: Tensor) -> list[Tensor]:
    """The pictures of a batch."""
    return [batch[index : index + 1] for index in range(len(batch))]


def to_pixels(x_hat: Tensor, width: int, height: int) -> Pixels:
    """The picture of that size which a decoded tensor holds."""
    samples = torch.round(x_hat[0, :, :height, :width].clamp(0, 1) * 255).to(torch.uint8)
    return samples.permute(1, 2, 0).cpu().numpy()
