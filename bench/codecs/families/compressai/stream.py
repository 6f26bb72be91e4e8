"""A zoo codec's bitstream: the body of a neural stream holds CompressAI's two strings.

That of the hyper-latent z comes first, behind its length in words of 4 bytes; then that of y.
"""

from __future__ import annotations

from bench.codecs.families.neural_stream import NeuralStream, number_to_bytes, read_number
from bench.errors import StreamError

_WORD = 4


class ZooStream(NeuralStream):
    """In its first version."""

    mark = 0xC6
    maker = "a codec of CompressAI's zoo"


def pack(y: bytes, z: bytes) -> bytes:
    """Both strings as one; that of z takes less than 8 MB at 8K."""
    return number_to_bytes(len(z) // _WORD) + z + y


def unpack(body: bytes) -> tuple[bytes, bytes]:
    """y and z."""
    words, start = read_number(body, 0)
    end = start + _WORD * words
    if end > len(body):
        raise StreamError("the stream is damaged: it ends within the hyper-latent")
    return body[end:], body[start:end]
