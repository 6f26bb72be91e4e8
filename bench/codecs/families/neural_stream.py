"""The bitstream of a neural codec: a header of at most 16 bytes, then what its coder wrote.

| bytes | |
| --- | --- |
| 1 | which family's format this is |
| 1–3 each | width and height, seven bits a byte, the last byte's eighth bit unset |
| 3 | a digest of the weights that decode it |
| 2 | a checksum of all other bytes |
| 3 | a checksum of the latents |
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import ClassVar, Self

from bench.errors import StreamError
from bench.images.image import padded_pixels

MODEL_DIGEST, LATENTS = 3, 3
_CHECK = 2
_MAX_DIGITS = 3
# The networks' own sides are multiples of this.
MULTIPLE = 64
# 8K, padded. A larger picture would take the published networks more memory than machines have.
MAX_PIXELS = 2**25


@dataclass(frozen=True)
class NeuralStream:
    """What a bitstream says; each family has its own mark, which no other format starts with."""

    mark: ClassVar[int]
    maker: ClassVar[str]  # for messages

    width: int
    height: int
    model: bytes  # the start of its weights' digest
    latents: bytes  # a checksum
    body: bytes

    def to_bytes(self) -> bytes:
        size = number_to_bytes(self.width) + number_to_bytes(self.height)
        start = bytes([self.mark]) + size + self.model[:MODEL_DIGEST]
        rest = self.latents + self.body
        return start + _checksum(start + rest) + rest

    @classmethod
    def from_bytes(cls, stream: bytes) -> Self:
        """What whole bytes say; StreamError for those of another format and for damaged ones."""
        if stream[:1] != bytes([cls.mark]):
            raise StreamError(
                f"not a bitstream of {cls.maker}, or of a version that is not known here"
            )
        width, at = read_number(stream, 1)
        height, at = read_number(stream, at)
        check = at + MODEL_DIGEST
        latents = check + _CHECK
        body = latents + LATENTS
        checked = stream[:check] + stream[latents:]
        if len(stream) < body or stream[check:latents] != _checksum(checked):
            raise StreamError("the stream is damaged: its checksum is another")
        if not width or not height or is_too_large(width, height):
            raise StreamError(f"the stream is damaged: a picture of {width}x{height}")
        return cls(width, height, stream[at:check], stream[latents:body], stream[body:])


class NcnStream(NeuralStream):
    """Of an NCN: the body holds ẑ, then ŷ."""

    mark = 0xC5
    maker = "an NCN"


class ZooStream(NeuralStream):
    """Of CompressAI's zoo: the body holds CompressAI's two strings."""

    mark = 0xC6
    maker = "a codec of CompressAI's zoo"


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


def _checksum(content: bytes) -> bytes:
    return binascii.crc_hqx(content, 0xFFFF).to_bytes(_CHECK, "little")
