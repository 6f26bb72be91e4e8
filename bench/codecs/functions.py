"""Codecs that are made of Python functions or of a model, without a card."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from bench.codecs.catalog import card_paths
from bench.codecs.codec import UNREPEATABLE, Card, Codec, Point
from bench.errors import BenchError, CardError, CodecError
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime.object_digest import object_digest
from bench.runtime.text import listed

Encode = Callable[[Pixels, Any], bytes]
Decode = Callable[[bytes], Pixels]


def as_codec(
    encode: Encode,
    decode: Decode,
    points: Sequence[Point],
    *,
    name: str = "my-codec",
    version: str | None = None,
) -> FunctionCodec:
    """A codec of two functions, ``encode(pixels, point)`` to bytes and ``decode(bytes)`` to pixels.

    Pixels are RGB (height, width, 3) of 8 bits; the points are in order of rising rate. Both are
    called from several threads, unless the run has ``jobs=1``. Results are kept under the code of
    the functions, the values that they use, and the ``version``, which also stands for what cannot
    be known of these.
    """
    for part, function in (("encode", encode), ("decode", decode)):
        if not callable(function):
            raise CardError(f"as_codec: {part} must be a function, not {function!r}")
    one = points if not isinstance(points, str | int | float) else [points]
    card = _card(name, "as_codec", tuple(one))
    return FunctionCodec(card, encode, decode, version)


def from_compressai(
    model: Any, *, name: str = "my-codec", version: str | None = None
) -> FunctionCodec:
    """A codec of a model with CompressAI's ``compress`` and ``decompress``.

    A model has one point; ``{1: model, 2: another}`` has several, in order of rising rate. Their
    ``eval()`` and ``update()`` are called.
    """
    models = dict(model) if isinstance(model, Mapping) else {1: model}
    for point, each in models.items():
        if not (hasattr(each, "compress") and hasattr(each, "decompress")):
            kind = type(each).__name__
            raise CardError(
                f"from_compressai: point {point}: {kind} has no compress and decompress"
            )
    card = _card(name, "from_compressai", tuple(models))
    from bench.codecs.model_streams import Models  # imports torch

    made = Models(models)
    return FunctionCodec(card, made.encode, made.decode, version)


def _card(name: str, maker: str, points: tuple[Point, ...]) -> Card:
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.+-]*", name):
        raise CardError(f"{maker}: name={name!r}: expected letters, digits, '.', '+', '-' and '_'")
    if name in card_paths():
        raise CardError(f"{maker}: name={name!r} is that of a codec of bench; choose another")
    invalid = [p for p in points if isinstance(p, bool) or not isinstance(p, int | float | str)]
    if invalid or not points:
        what = f"not {invalid[0]!r}" if invalid else "not none"
        raise CardError(f"{maker}: expected points that are numbers or names, {what}")
    at = {"default": points}
    path = Path("<functions>")  # there is no card
    return Card(name, name, "functions", "point", at, {}, detects_damage=False, path=path)


class FunctionCodec(Codec):
    """Two functions as a codec; ``as_codec`` and ``from_compressai`` make it."""

    def __init__(self, card: Card, encode: Encode, decode: Decode, version: str | None) -> None:
        super().__init__(card)
        self._encode, self._decode, self._version = encode, decode, version
        self._run = uuid4().hex

    def __repr__(self) -> str:
        return f"<codec {self.name}, points {', '.join(map(str, self.card.points['default']))}>"

    def __getstate__(self) -> dict[str, Any]:
        """Without what is derived: where it is unpickled, its parts may be others."""
        derived = ("fingerprint", "_parts")
        return {key: value for key, value in vars(self).items() if key not in derived}

    def renewed(self) -> FunctionCodec:
        """The codec as it is now: values that its functions use may have changed."""
        return FunctionCodec(self.card, self._encode, self._decode, self._version)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What decides the bytes and cannot be known, unless a version stands for it."""
        return () if self._version is not None else self._parts[1]

    @cached_property
    def _parts(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """The digests of both functions, and what these leave out."""
        parts = {"encode": self._encode, "decode": self._decode}
        found = {name: object_digest(part, name) for name, part in parts.items()}
        unknown = dict.fromkeys(what for each in found.values() for what in each.unknown)
        return {name: each.digest for name, each in found.items()}, tuple(unknown)

    def missing(self) -> str | None:
        return None

    def remark(self) -> str | None:
        if not self.unknown:
            return None
        return (
            f"nothing of it is reused from the store, as bench cannot know the state of "
            f"{listed(self.unknown)}; version='1' says that it is known, until you change it"
        )

    def version(self) -> str | None:
        return self._version

    def depends_on(self) -> dict[str, str]:
        if self.unknown:
            return self._parts[0] | {UNREPEATABLE: self._run}
        return self._parts[0] | ({"version": self._version} if self._version is not None else {})

    def dependencies(self) -> dict[str, str]:
        return self.depends_on()

    def commands(self, point: Point) -> tuple[str, ...]:
        return f"{_named(self._encode)}(pixels, {point!r})", f"{_named(self._decode)}(stream)"

    def encode(self, image: Image, point: Point) -> bytes:
        stream = _call("encode", self._encode, image.pixels.copy(), point)
        if not isinstance(stream, bytes | bytearray | memoryview):
            raise CodecError(f"encode returned {_described(stream)}, expected bytes")
        return bytes(stream)

    def decode(self, stream: bytes) -> Pixels:
        pixels = _call("decode", self._decode, stream)
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise CodecError(
                f"decode returned {_described(pixels)}, expected an array (height, width, 3) of "
                "uint8"
            )
        return np.ascontiguousarray(pixels)


def _call(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a user's function; an error is one line that says where it was raised."""
    try:
        return function(*arguments)
    except BenchError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.name}, line {last.lineno} of {last.filename.rpartition('/')[2]}"
        raise CodecError(f"{what}: {type(error).__name__}: {error} ({where})") from error


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    return f"a {type(value).__name__}"


def _named(function: object) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
