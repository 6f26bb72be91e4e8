"""A recurrent codec's weights: one file of ours, or the three published ones.

Both have the published names of tensors, in ours after the network's: ``decoder.conv2.weight``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.random import fork_rng

from bench.codecs.families.rnn.codec import NETWORKS, files_of
from bench.codecs.families.rnn.network import NARROWEST, Recurrent
from bench.errors import DataError
from bench.runtime.checkpoint import check_tensors, outline, read_checkpoint, save_tensors

_CODES = "binarizer.conv.weight"


@fork_rng([])  # layers that are made draw their first weights
def load_rnn(path: Path, digests: Mapping[Path, str] | None = None) -> Recurrent:
    """The networks that a file names, ready to code; if digests are given, files must have them."""
    files = files_of(path)
    names = [f"{network}." for network in NETWORKS] if len(files) > 1 else [""]
    read = {
        file: (name, read_checkpoint(file, (digests or {}).get(file)).tensors)
        for file, name in zip(files, names, strict=True)
    }
    build = partial(Recurrent, *_layout(read))
    wanted = outline(path, build).state_dict()
    tensors: dict[str, Tensor] = {}
    for file, (start, found) in read.items():
        own = {name.removeprefix(start): t for name, t in wanted.items() if name.startswith(start)}
        check_tensors(file, own, found)
        tensors |= {start + name: tensor for name, tensor in found.items()}
    network = build()
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)


def save_rnn(network: Recurrent, path: Path) -> None:
    """Write the weights in half precision."""
    save_tensors(network.state_dict(), path, {})


def _layout(read: Mapping[Path, tuple[str, dict[str, Tensor]]]) -> tuple[int, int]:
    """The width and the bits, by the shape of the binarizer's only layer."""
    for file, (start, found) in read.items():
        if _CODES.startswith(start):
            name = _CODES.removeprefix(start)
            weight = found.get(name)
            if weight is None or weight.ndim != 4 or not len(weight) or weight.shape[1] % NARROWEST:
                raise DataError(
                    f"{file}: no {name} B×N×1×1, N a multiple of {NARROWEST}: not the weights of "
                    "a recurrent codec"
                )
            return weight.shape[1], len(weight)
    raise AssertionError("no file of a binarizer")
