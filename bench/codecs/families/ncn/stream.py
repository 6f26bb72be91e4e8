"""An NCN's bitstream: the body of a neural stream holds ẑ, then ŷ."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from bench.codecs.families.neural_stream import LATENTS, NeuralStream


class NcnStream(NeuralStream):
    """In its first version."""

    mark = 0xC5
    maker = "an NCN"


def latents_checksum(y_hat: NDArray[np.int16], z_hat: NDArray[np.int16]) -> bytes:
    """Of what was coded: a decoder that arrives at other latents must not pass them on."""
    crc = zlib.crc32(z_hat.astype("<i2").tobytes(), zlib.crc32(y_hat.astype("<i2").tobytes()))
    return crc.to_bytes(4, "little")[:LATENTS]
