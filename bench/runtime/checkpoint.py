"""Weights of networks: Detectron2's and torch's files are read, safetensors read and written.

A weights file may come from anywhere, so nothing in it is ever executed: torch reads only tensors,
and of a pickle only arrays are created, by our own classes.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import re
import textwrap
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn

from bench.errors import DataError
from bench.runtime.files import read_regular, replacing
from bench.runtime.pickle_limits import check_pickle
from bench.runtime.safetensors_header import MAX_HEADER_BYTES, safetensors_metadata

_TORCH_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the first number in torch's older files
_MAX_PAIRS = 2**20
_OLDER_PICKLES = 5  # one after the other, the magic number first
_MAX_BYTES = 2**32  # of a file, which is read as a whole
Network = TypeVar("Network", bound=nn.Module)
_NUMBERS = re.compile(r"[fiu][1248]|b1")


class Checkpoint(NamedTuple):
    """The content of a file of weights, all read from the same bytes."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]  # of a safetensors file
    digest: str


def read_checkpoint(path: Path, digest: str | None = None) -> Checkpoint:
    """The tensors in a file of any of the formats, whatever its name.

    If a digest is given, results are stored under it, and a file of another digest is refused.
    """
    content = read_regular(path, _MAX_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if digest not in (None, found):
        raise DataError(f"{path}: changed since the command began; run it again")
    try:
        tensors = _tensors(_parse(content), len(content))
        return Checkpoint(tensors, safetensors_metadata(content), found)
    except _RefusedError as error:
        raise DataError(f"{path}: {error}") from error


def outline(path: Path, build: Callable[[], Network]) -> Network:
    """A network without memory for its tensors, to check shapes before the network is created.

    A few bytes of a file may claim a network that fills the memory.
    """
    try:
        with torch.device("meta"):
            return build()
    except (RuntimeError, OverflowError) as error:  # from torch, for an impossible tensor
        raise DataError(f"{path}: the network is too large: {_line(error)}") from error


def check_tensors(path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Raise an error for the first tensor that is missing, unexpected, misshapen or damaged."""
    if missing := [name for name in wanted if name not in found]:
        first = f"{missing[0]} {_shape(wanted[missing[0]])}"
        raise _other_network(path, f"no {first}, one of {len(missing)} missing tensors")
    if unexpected := [name for name in found if name not in wanted]:
        first = f"{unexpected[0]} {_shape(found[unexpected[0]])}"
        raise _other_network(path, f"{first}, one of {len(unexpected)} unexpected tensors")
    for name, own in wanted.items():
        tensor = found[name]
        if tensor.shape != own.shape:
            raise _other_network(path, f"{name} is {_shape(tensor)}, expected {_shape(own)}")
        if not tensor.is_floating_point() or not tensor.to(own.dtype).isfinite().all():
            raise DataError(
                f"{path}: {name} has values that are not finite numbers: damaged weights"
            )


def _other_network(path: Path, fault: str) -> DataError:
    return DataError(f"{path}: {fault}: weights of another network")


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write tensors in half precision, with metadata."""
    halves = {name: t.detach().cpu().half().contiguous() for name, t in tensors.items()}
    for name, tensor in halves.items():
        if not tensor.isfinite().all():
            raise DataError(f"{path}: not written: {name} is not finite in half precision")
    try:
        with replacing(path) as temporary:
            # Not its save_file, whose files only their owner may read.
            temporary.write_bytes(safetensors.save(halves, metadata))
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be written: {error}") from error


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "(one number)"


class _RefusedError(Exception):
    """Why a file is refused, in one line."""


def _parse(content: bytes) -> Any:
    """The saved object."""
    if not content:
        raise _RefusedError("empty")
    try:
        # First, as the length at the start of such a file may look like another format.
        if content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= MAX_HEADER_BYTES:
            return safetensors.load(content)
        if content.startswith(b"PK\x03\x04") or content[2:].startswith(_TORCH_MAGIC):
            return _read_torch(content)
        if content[:1] == b"\x80":
            check_pickle(io.BytesIO(content))
            return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except _RefusedError:
        raise
    except Exception as error:  # readers raise anything, and a damaged pickle calls anything
        raise _RefusedError(f"damaged, or not a checkpoint: {_line(error)}") from error
    raise _RefusedError("not a checkpoint: neither a pickle nor torch's format nor safetensors")


def _read_torch(content: bytes) -> Any:
    if content.startswith(b"PK"):
        _check_archive(content)
    else:
        file = io.BytesIO(content)
        for _ in range(_OLDER_PICKLES):
            check_pickle(file)
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if refused := re.search(r"GLOBAL (\S+)", str(error)):
            raise _RefusedError(_not_executed(refused[1])) from error
        raise


def _check_archive(content: bytes) -> None:
    """Refuse an archive that grows: torch neither compresses nor shares bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > len(content):
            raise _RefusedError("damaged: its parts are larger than the file")
        for name in archive.namelist():
            if name.endswith(".pkl"):
                check_pickle(io.BytesIO(archive.read(name)))


def _line(error: Exception) -> str:
    return textwrap.shorten(str(error), 160, placeholder=" …") or type(error).__name__


def _not_executed(name: str) -> str:
    return f"it calls {name}, which weights do not need; it is not executed"


def _tensors(saved: Any, limit: int) -> dict[str, Tensor]:
    """The named tensors in a saved object, without a trainer's wrapper.

    If they need more than ``limit`` bytes, the size of the file, they are refused.
    """
    for wrapper in ("model", "state_dict"):
        if isinstance(saved, Mapping) and isinstance(saved.get(wrapper), Mapping):
            saved = saved[wrapper]
    if not isinstance(saved, Mapping):
        raise _RefusedError(
            f"not a checkpoint: it holds a {type(saved).__name__}, not named tensors"
        )
    if "blobs" in saved:
        raise _RefusedError("weights in Caffe2's format, of Detectron 1; expected Detectron2's")
    if not saved:
        raise _RefusedError("not a checkpoint: it holds no tensors")
    tensors, storages, made, held = {}, dict[int, int](), dict[int, Tensor](), 0
    for name, value in saved.items():
        if not isinstance(name, str):
            raise _RefusedError(f"not a checkpoint: it names a tensor by a {type(name).__name__}")
        if isinstance(value, _Array):
            if id(value) not in made:
                held += len(value)
                _check_total(held, limit)
                made[id(value)] = value.tensor()
            value = made[id(value)]
        if not isinstance(value, Tensor):
            kind = type(value).__name__.removeprefix("_")
            raise _RefusedError(f"not a checkpoint: {name[:80]!r} is a {kind}, not a tensor")
        if value.layout is not torch.strided or value.device.type != "cpu":
            raise _RefusedError(f"not a checkpoint: {name!r} holds no values of its own")
        storage = value.untyped_storage()
        if value.numel() * value.element_size() > storage.nbytes():
            raise _RefusedError(f"damaged: {name} is {_shape(value)}, with fewer values than that")
        storages[storage.data_ptr()] = storage.nbytes()
        tensors[name] = value
    _check_total(sum(storages.values()), limit)
    return tensors


def _check_total(size: int, limit: int) -> None:
    if size > limit:
        raise _RefusedError("damaged: it claims more values than it holds")


class _Array:
    """A pickled array while it is read; numpy's own would trust the file.

    Its values, which other arrays may share, are not copied until it is known to be a tensor.
    """

    data: Any = b""

    def __len__(self) -> int:
        return len(self.data)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, data_type, fortran, data = state
        self.fill(data, data_type, shape, "F" if fortran else "C")

    def fill(self, data: Any, data_type: Any, shape: Any, order: Any) -> _Array:
        if not isinstance(data_type, _DataType):
            raise _RefusedError("damaged: an array without a type")
        if not isinstance(data, bytes | bytearray | str | _Latin1):
            raise _RefusedError("damaged: an array without values")
        self.data, self.data_type, self.shape, self.order = data, data_type, shape, order
        return self

    def tensor(self) -> Tensor:
        data = self.data.text if isinstance(self.data, _Latin1) else self.data
        raw = data.encode("latin1") if isinstance(data, str) else data
        try:
            values = np.frombuffer(raw, self.data_type.name).reshape(self.shape, order=self.order)
            return torch.from_numpy(np.array(values, values.dtype.newbyteorder("="), order="C"))
        except Exception as error:  # a damaged array may raise anything
            raise _RefusedError(f"damaged, or not a checkpoint: {_line(error)}") from error


class _DataType:
    """A pickled type of number."""

    def __init__(self, name: str, *_: object) -> None:
        if not _NUMBERS.fullmatch(name):
            raise _RefusedError(f"it holds {name[:20]!r}, not numbers")
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "|") or any(part is not None for part in state[2:5]):
            raise _RefusedError("it holds arrays of values other than numbers")
        self.name = order + self.name


class _Latin1:
    """Bytes that were pickled as text."""

    def __init__(self, text: str, encoding: str) -> None:
        if not isinstance(text, str) or encoding != "latin1":
            raise _RefusedError("damaged: bytes of an unknown encoding")
        self.text = text

    def __len__(self) -> int:
        return len(self.text)

    def __setstate__(self, state: object) -> None:
        raise _RefusedError("damaged: bytes with a state")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DataType,
    ("_codecs", "encode"): _Latin1,
}
for _core in ("numpy.core", "numpy._core"):  # before and since numpy 2
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = lambda *_: _Array()
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = lambda *values: _Array().fill(*values)


class _Unpickler(pickle.Unpickler):
    _pairs = 0

    def _ordered(self, pairs: list[Any] | tuple[()] = ()) -> OrderedDict[Any, Any]:
        """A dictionary; one list could become any number of them, for a few bytes each."""
        self._pairs += len(pairs)
        if self._pairs > _MAX_PAIRS:
            raise _RefusedError("damaged: it holds too many names")
        return OrderedDict(pairs)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return self._ordered
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(_not_executed(f"{module}.{name}")) from None
