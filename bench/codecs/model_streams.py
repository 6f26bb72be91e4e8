"""Bitstreams of models with CompressAI's ``compress`` and ``decompress``, which make none.

A stream is a checksum of two bytes, then numbers of seven bits a byte: the model, width and height,
the latent's shape, how many strings there are in each list and how long all but the last are. Then
come the strings.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import Any

import torch

from bench.codecs.codec import Point
from bench.codecs.families.inference import full_precision, to_pixels, to_tensor
from bench.codecs.families.neural_stream import is_too_large, number_to_bytes
from bench.errors import CodecError, StreamError
from bench.images.colour import Pixels
from bench.runtime.torch_threads import one_thread

_CHECK = 2
_MAX_DIGITS = 5


class Models:
    """A model for each point; a stream names its own."""

    def __init__(self, models: Mapping[Point, Any]) -> None:
        self._points, self._models = [*models], [*models.values()]
        for model in self._models:
            for prepare in ("eval", "update"):
                if hasattr(model, prepare):
                    getattr(model, prepare)()
        self._on_device = Lock()

    def encode(self, pixels: Pixels, point: Point) -> bytes:
        if point not in self._points:
            there = ", ".join(map(str, self._points))
            raise CodecError(f"no model for point {point}; there are {there}")
        height, width, _ = pixels.shape
        if is_too_large(width, height):
            raise CodecError(f"{width}x{height} is too large for a model")
        number = self._points.index(point)
        coded = self._compress(self._models[number], pixels)
        try:
            lists = [list(strings) for strings in coded["strings"]]
            shape = [int(side) for side in coded["shape"]]
            flat = [string for strings in lists for string in strings]
            numbers = [number, width, height, len(shape), *shape, len(lists), *map(len, lists)]
            numbers += map(len, flat[:-1])
            body = b"".join([*map(number_to_bytes, numbers), *flat])
        except (KeyError, TypeError, ValueError) as error:
            raise CodecError(
                "compress must return {'strings': lists of bytes, 'shape': numbers}: "
                f"{type(error).__name__}: {error}"
            ) from error
        return _checksum(body) + body

    def decode(self, stream: bytes) -> Pixels:
        check, body = stream[:_CHECK], stream[_CHECK:]
        if not body or check != _checksum(body):
            raise StreamError("the stream is damaged: its checksum is another")
        numbers = _Numbers(body)
        number, width, height = (next(numbers) for _ in range(3))
        shape = [next(numbers) for _ in range(next(numbers))]
        counts = [next(numbers) for _ in range(next(numbers))]
        lengths = [next(numbers) for _ in range(sum(counts) - 1)]
        if number >= len(self._models) or not width * height or is_too_large(width, height):
            raise StreamError("the stream is damaged, or of another model")
        strings, at = [], numbers.at
        for length in [*lengths, len(body)]:
            strings.append(body[at : at + length])
            at += length
        taken = iter(strings)
        lists = [[next(taken) for _ in range(count)] for count in counts]
        return self._decompress(self._models[number], lists, shape, width, height)

    @one_thread()
    @torch.inference_mode()
    def _compress(self, model: Any, pixels: Pixels) -> Any:
        with self._running(model) as device:
            return model.compress(to_tensor(pixels, device))

    @one_thread()
    @torch.inference_mode()
    def _decompress(
        self, model: Any, strings: list[list[bytes]], shape: list[int], width: int, height: int
    ) -> Pixels:
        with self._running(model):
            decoded = model.decompress(strings, shape)
        return to_pixels(decoded["x_hat"], width, height)

    @contextmanager
    def _running(self, model: Any) -> Iterator[torch.device]:
        """Its device, which threads take turns on unless it is the CPU."""
        parameters = getattr(model, "parameters", lambda: iter(()))
        device = next((each.device for each in parameters()), torch.device("cpu"))
        on_cpu = device.type == "cpu"
        with nullcontext() if on_cpu else self._on_device, full_precision():
            yield device

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_on_device"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _on_device=Lock())


class _Numbers(Iterator[int]):
    """The numbers at the start of a stream's body."""

    def __init__(self, body: bytes) -> None:
        self._body, self.at = body, 0

    def __next__(self) -> int:
        value = 0
        for shift in range(_MAX_DIGITS):
            if self.at >= len(self._body):
                break
            digit = self._body[self.at]
            self.at += 1
            value |= (digit & 0x7F) << (7 * shift)
            if digit < 0x80:
                return value
        raise StreamError("the stream is damaged: a number has no end")


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(_CHECK, "little")
