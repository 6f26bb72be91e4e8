#!/usr/bin/env python3
"""The codec of coarse-steps.toml: replace it by your encoder and decoder, in any language.

coarse-steps.py encode INPUT STREAM POINT     INPUT holds the planes Y, Cb and Cr, one after another
coarse-steps.py decode STREAM OUTPUT          OUTPUT gets such planes
"""

import sys
import zlib
from pathlib import Path


def encode(planes: bytes, step: int) -> bytes:
    """All that the decoder needs is in the stream, and counts."""
    levels = bytes(sample // step for sample in range(256))  # a table, for speed
    return bytes([step]) + zlib.compress(planes.translate(levels), 9)


def decode(stream: bytes) -> bytes:
    step, levels = stream[0], zlib.decompress(stream[1:])
    samples = bytes(min(255, level * step + step // 2) for level in range(256))
    return levels.translate(samples)


match sys.argv[1:]:
    case ["encode", source, stream, point]:
        Path(stream).write_bytes(encode(Path(source).read_bytes(), int(point)))
    case ["decode", stream, output]:
        Path(output).write_bytes(decode(Path(stream).read_bytes()))
    case _:
        sys.exit(__doc__)  # any status but 0 is a failure, with what was printed as its reason
