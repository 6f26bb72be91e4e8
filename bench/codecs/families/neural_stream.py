"""The bitstream of a neural codec: a header of at most 16 bytes, then what its coder wrote.

| bytes | |
| --- | --- |
| 1 | which family's format this is |
| 1–3 each | width and height, seven bits a byte, the last byte's eighth bit unset |
| 3 | a digest of the weights that decode it |
| 2 | a checksum of all other bytes |
| 3 | a checksum of the latents |

A progressive stream has no checksums in its header. Parts follow, each of

| bytes | |
| --- | --- |
| 1–3 | its length |
| its length | what the coder wrote |
| 2 | a checksum of all that is before it, but for the checksums |

so that what is in front of a part is a whole stream, too.
"""

from __future__ import annotations

import binascii
import zlib
from dataclasses import dataclass
from typing import ClassVar, Self

from bench.errors import StreamError
from bench.images.image import padded_pixels
from bench.runtime.text import counted

MODEL_DIGEST, LATENTS = 3, 3
_CHECK = 2
_MAX_DIGITS = 3
# The networks' own sides are multiples of this.
MULTIPLE = 64
# 8K, padded. A larger picture would take the published networks more memory than machines have.
MAX_PIXELS = 2**25
MAX_PARTS = 64  # of a progressive stream; each takes the networks' time


@dataclass(frozen=True)
class StreamStart:
    """What a bitstream says first; each family has its own mark, which no other format has."""

    mark: ClassVar[int]
    maker: ClassVar[str]  # for messages

    width: int
    height: int
    model: bytes  # the start of its weights' digest

    def _start(self) -> bytes:
        size = number_to_bytes(self.width) + number_to_bytes(self.height)
        return bytes([self.mark]) + size + self.model[:MODEL_DIGEST]

    @classmethod
    def from_bytes(cls, stream: bytes) -> Self:
        """What whole bytes say; StreamError for those of another format and for damaged ones."""
        raise NotImplementedError

    @classmethod
    def read_start(cls, stream: bytes) -> tuple[StreamStart, int]:
        """The start, not yet known to be undamaged, and where it ends."""
        if stream[:1] != bytes([cls.mark]):
            raise StreamError(
                f"not a bitstream of {cls.maker}, or of a version that is not known here"
            )
        width, at = read_number(stream, 1)
        height, at = read_number(stream, at)
        end = at + MODEL_DIGEST
        if len(stream) < end:
            raise StreamError("the stream is damaged: it ends within its header")
        return StreamStart(width, height, stream[at:end]), end

    def _check_size(self) -> None:
        if not self.width or not self.height or is_too_large(self.width, self.height):
            raise StreamError(f"the stream is damaged: a picture of {self.width}x{self.height}")


@dataclass(frozen=True)
class NeuralStream(StreamStart):
    """One that is decoded as a whole."""

    latents: bytes  # a checksum
    body: bytes

    def to_bytes(self) -> bytes:
        start, rest = self._start(), self.latents + self.body
        return start + _checksum(start + rest) + rest

    @classmethod
    def from_bytes(cls, stream: bytes) -> Self:
        start, check = cls.read_start(stream)
        latents = check + _CHECK
        body = latents + LATENTS
        checked = stream[:check] + stream[latents:]
        if len(stream) < body or stream[check:latents] != _checksum(checked):
            raise StreamError("the stream is damaged: its checksum is another")
        start._check_size()
        size = start.width, start.height
        return cls(*size, start.model, stream[latents:body], stream[body:])


@dataclass(frozen=True)
class ProgressiveStream(StreamStart):
    """One of several parts; without the last ones it decodes to a picture of less quality."""

    parts: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        stream = self._start()
        crc = zlib.crc32(stream)
        for part in self.parts:
            content = number_to_bytes(len(part)) + part
            crc = zlib.crc32(content, crc)
            stream += content + _low_bytes(crc)
        return stream

    @classmethod
    def from_bytes(cls, stream: bytes) -> Self:
        start, at = cls.read_start(stream)
        crc, parts = zlib.crc32(stream[:at]), list[bytes]()
        while at < len(stream) or not parts:
            length, begin = read_number(stream, at)
            end = begin + length
            crc = zlib.crc32(stream[at:end], crc)
            check = stream[end : end + _CHECK]
            if check != _low_bytes(crc):
                fault = "it ends within a part" if len(check) < _CHECK else "a checksum is another"
                whole = f"; its first {at} bytes hold {counted(len(parts), 'whole part')}"
                raise StreamError(f"the stream is damaged: {fault}{whole if parts else ''}")
            parts.append(stream[begin:end])
            at = end + _CHECK
        if len(parts) > MAX_PARTS:
            raise StreamError(f"the stream is damaged: {len(parts)} parts, more than {MAX_PARTS}")
        start._check_size()
        return cls(start.width, start.height, start.model, tuple(parts))


class NcnStream(NeuralStream):
    """Of an NCN: the body holds ẑ, then ŷ."""

    mark = 0xC5
    maker = "an NCN"


class ZooStream(NeuralStream):
    """Of CompressAI's zoo: the body holds CompressAI's two strings."""

    mark = 0xC6
    maker = "a codec of CompressAI's zoo"


class RnnStream(ProgressiveStream):
    """Of a recurrent codec: each part holds the bits of an iteration."""

    mark = 0xC7
    maker = "a recurrent codec"


def is_too_large(width: int, height: int) -> bool:
    """Whether a picture is larger than any that a stream may hold."""
    return padded_pixels(width, height, MULTIPLE) > MAX_PIXELS


def number_to_bytes(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    digits = []
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def read_number(stream: bytes, at: int) -> tuple[int, int]:
    """A number of at most 21 bits, and where in the stream it ends."""
    value = 0
    for shift in range(_MAX_DIGITS):
        digit = stream[at + shift : at + shift + 1] or b"\0"
        value |= (digit[0] & 0x7F) << (7 * shift)
        if digit[0] < 0x80:
            return value, at + shift + 1
    raise StreamError("the stream is damaged: its size has no end")


def _low_bytes(crc: int) -> bytes:
    return crc.to_bytes(4, "little")[:_CHECK]


def _checksum(content: bytes) -> bytes:
    return binascii.crc_hqx(content, 0xFFFF).to_bytes(_CHECK, "little")
