"""An NCN's bitstream: a header of at most 16 bytes, then the latents.

| bytes | |
| --- | --- |
| 1 | 0xC5: this format, in its first version |
| 1–3 each | width and height, seven bits a byte, the last byte's eighth bit unset |
| 3 | a digest of the weights that decode it |
| 2 | a checksum of all other bytes |
| 3 | a checksum of ŷ and ẑ |
"""

from __future__ import annotations

import binascii
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.errors import StreamError

MARK = 0xC5
MODEL_DIGEST, _CHECK, _LATENTS = 3, 2, 3
_MOST_DIGITS = 3
# 8K. A larger picture would take the published network more memory than machines have.
MOST_PIXELS = 2**25


@dataclass(frozen=True)
class Stream:
    """What a bitstream says."""

    width: int
    height: int
    model: bytes  # the start of its weights' digest
    latents: bytes  # a checksum
    body: bytes

    def to_bytes(self) -> bytes:
        size = _number(self.width) + _number(self.height)
        start = bytes([MARK]) + size + self.model[:MODEL_DIGEST]
        rest = self.latents + self.body
        return start + _checksum(start + rest) + rest

    @classmethod
    def from_bytes(cls, stream: bytes) -> Stream:
        """What whole bytes say; StreamError for those of another format and for damaged ones."""
        if stream[:1] != bytes([MARK]):
            raise StreamError("not a bitstream of an NCN, or of a version that is not known here")
        width, at = _read_number(stream, 1)
        height, at = _read_number(stream, at)
        check = at + MODEL_DIGEST
        latents = check + _CHECK
        body = latents + _LATENTS
        checked = stream[:check] + stream[latents:]
        if len(stream) < body or stream[check:latents] != _checksum(checked):
            raise StreamError("the stream is damaged: its checksum is another")
        if not width or not height or width * height > MOST_PIXELS:
            raise StreamError(f"the stream is damaged: a picture of {width}x{height}")
        return cls(width, height, stream[at:check], stream[latents:body], stream[body:])


def latents_checksum(y_hat: NDArray[np.int16], z_hat: NDArray[np.int16]) -> bytes:
    """Of what was coded: a decoder that arrives at other latents must not pass them on."""
    crc = zlib.crc32(z_hat.astype("<i2").tobytes(), zlib.crc32(y_hat.astype("<i2").tobytes()))
    return crc.to_bytes(4, "little")[:_LATENTS]


def _checksum(content: bytes) -> bytes:
    return binascii.crc_hqx(content, 0xFFFF).to_bytes(_CHECK, "little")


def _number(value: int) -> bytes:
    digits = []
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _read_number(stream: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MOST_DIGITS):
        digit = stream[at + shift : at + shift + 1] or b"\0"
        value |= (digit[0] & 0x7F) << (7 * shift)
        if digit[0] < 0x80:
            return value, at + shift + 1
    raise StreamError("the stream is damaged: its size has no end")
