"""Weights of networks: Detectron2's and torch's files are read, safetensors read and written.

A weights file comes from wherever a user found it, so nothing in it is ever executed: torch reads
tensors only, and of a pickle's objects only those are made that hold arrays, by classes of our own.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import re
import textwrap
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from bench.errors import DataError
from bench.files import read_regular, replacing
from bench.safetensors_header import LONGEST_HEADER, safetensors_metadata

_TORCH_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the first number in torch's older files
_MOST_BYTES = 2**32  # of a file, all of which is held
_NUMBERS = re.compile(r"[fiu][1248]|b1")


class Checkpoint(NamedTuple):
    """What was read of a file of weights, all of it from the same bytes."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]  # what a safetensors file says beside them
    digest: str


def read_checkpoint(path: Path, digest: str | None = None) -> Checkpoint:
    """The tensors in a file, whichever of the formats it is in, whatever its name.

    If a digest is given, results are kept under it, and a file of another digest is refused.
    """
    content = read_regular(path, _MOST_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if digest not in (None, found):
        raise DataError(f"{path}: changed since the command began; run it again")
    try:
        return Checkpoint(_tensors(_parse(content)), safetensors_metadata(content), found)
    except _RefusedError as error:
        raise DataError(f"{path}: {error}") from error


def check_tensors(path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """One line for the first tensor of a file that is missing, too many, misshapen or damaged."""
    if missing := [name for name in wanted if name not in found]:
        first = f"{missing[0]} {_shape(wanted[missing[0]])}"
        raise DataError(
            f"{path}: no {first}, {_one_of(missing)} that are missing: weights of another network"
        )
    if unexpected := [name for name in found if name not in wanted]:
        first = f"{unexpected[0]} {_shape(found[unexpected[0]])}"
        raise DataError(
            f"{path}: {first}, {_one_of(unexpected)} that the network has no place for: "
            "weights of another network"
        )
    for name, own in wanted.items():
        tensor = found[name]
        if tensor.shape != own.shape:
            raise DataError(
                f"{path}: {name} is {_shape(tensor)}, but the network's is {_shape(own)}: "
                "weights of another network"
            )
        if not tensor.is_floating_point() or not tensor.to(own.dtype).isfinite().all():
            raise DataError(
                f"{path}: {name} has values that are no finite numbers: damaged weights"
            )


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write tensors in half precision, with what else must be known of them."""
    halves = {name: t.detach().cpu().half().contiguous() for name, t in tensors.items()}
    for name, tensor in halves.items():
        if not tensor.isfinite().all():
            raise DataError(f"{path}: not written: {name} is not finite in half precision")
    try:
        with replacing(path) as temporary:
            # Not its save_file, whose files nobody else may read.
            temporary.write_bytes(safetensors.save(halves, metadata))
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be written: {error}") from error


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "(one number)"


def _one_of(names: list[str]) -> str:
    return f"one of {len(names)} tensors"


class _RefusedError(Exception):
    """Why a file's content is not taken, in one line."""


def _parse(content: bytes) -> Any:
    """What was saved, as its format has it."""
    if not content:
        raise _RefusedError("empty")
    # First, as the length that such a file starts with may look like another format's beginning.
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= LONGEST_HEADER:
        try:
            return safetensors.load(content)
        except SafetensorError as error:
            raise _RefusedError(f"damaged: {_line(error)}") from error
    if content[2:].startswith(_TORCH_MAGIC) or content.startswith(b"PK\x03\x04"):
        return _read_torch(content)
    if content[:1] == b"\x80":
        return _read_pickle(content)
    raise _RefusedError("not a checkpoint: neither a pickle nor torch's format nor safetensors")


def _read_torch(content: bytes) -> Any:
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its readers raise
        if refused := re.search(r"GLOBAL (\S+)", str(error)):
            raise _RefusedError(_not_executed(refused[1])) from error
        raise _RefusedError(f"damaged, or not a checkpoint of torch's: {_line(error)}") from error


def _read_pickle(content: bytes) -> Any:
    try:
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except _RefusedError:
        raise
    except Exception as error:  # a damaged pickle calls what it has with whatever it has
        raise _RefusedError(f"damaged, or not a checkpoint: {_line(error)}") from error


def _line(error: Exception) -> str:
    return textwrap.shorten(str(error), 160, placeholder=" …") or type(error).__name__


def _not_executed(name: str) -> str:
    return f"it asks for {name}, which no weights need and which is not executed"


def _tensors(saved: Any) -> dict[str, Tensor]:
    """The named tensors in what was saved, without whatever a trainer put around them."""
    for wrapper in ("model", "state_dict"):
        if isinstance(saved, Mapping) and isinstance(saved.get(wrapper), Mapping):
            saved = saved[wrapper]
    if not isinstance(saved, Mapping):
        raise _RefusedError(
            f"not a checkpoint: it holds a {type(saved).__name__}, not named tensors"
        )
    if "blobs" in saved:
        raise _RefusedError("weights in Caffe2's format, of Detectron 1; Detectron2's are needed")
    if not saved:
        raise _RefusedError("not a checkpoint: it holds no tensors")
    tensors = {}
    for name, value in saved.items():
        if isinstance(value, _Array):
            value = torch.from_numpy(value.values)
        if not isinstance(name, str) or not isinstance(value, Tensor):
            kind = type(value).__name__.removeprefix("_")
            raise _RefusedError(f"not a checkpoint: {name!r} is a {kind}, not a tensor")
        tensors[name] = value
    return tensors


class _Array:
    """What a pickled array is while it is read; numpy's own would trust what it is told."""

    values: NDArray[Any]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, data_type, fortran, data = state
        self.fill(data, data_type, shape, "F" if fortran else "C")

    def fill(self, data: Any, data_type: Any, shape: Any, order: Any) -> None:
        if not isinstance(data_type, _DataType):
            raise _RefusedError("damaged: an array without a type")
        raw = data.encode("latin1") if isinstance(data, str) else bytearray(data)
        values = np.frombuffer(raw, data_type.name).reshape(shape, order=order)
        self.values = np.array(values, values.dtype.newbyteorder("="), order="C")


class _DataType:
    """A pickled type of number."""

    def __init__(self, name: str, *_: object) -> None:
        if not _NUMBERS.fullmatch(name):
            raise _RefusedError(f"it holds {name!r}, not numbers")
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "|") or any(part is not None for part in state[2:5]):
            raise _RefusedError("it holds arrays of something else than numbers")
        self.name = order + self.name


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _from_buffer(data: Any, data_type: Any, shape: Any, order: Any) -> _Array:
    array = _Array()
    array.fill(data, data_type, shape, order)
    return array


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise _RefusedError(f"damaged: bytes in {encoding!r}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DataType,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): OrderedDict,
}
for _core in ("numpy.core", "numpy._core"):  # before and since numpy 2
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(_not_executed(f"{module}.{name}")) from None
