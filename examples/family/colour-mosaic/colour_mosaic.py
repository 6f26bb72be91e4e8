"""A family of codecs in Python: a picture as tiles of one colour each.

docs/adding-a-codec.md explains each member; the source is part of the fingerprint, so that a change
codes everything again.
"""

import struct
import zlib

import numpy as np
from pydantic import Field

from bench.codecs.codec import Codec
from bench.errors import StreamError
from bench.images.image import MAX_PIXELS
from bench.runtime.file_model import FileModel

HEADER = struct.Struct(">HHB")  # width, height, side of a tile


class ColourMosaicOptions(FileModel):
    """What a card's table [colour-mosaic] may hold."""

    effort: int = Field(ge=1, le=9, description="how hard zlib tries")


class ColourMosaic(Codec):
    Options = ColourMosaicOptions

    def __init__(self, card):
        super().__init__(card)
        self.effort = card.read_options(ColourMosaicOptions).effort

    def missing(self):
        """What this machine lacks to run it and how to get it, in a line; here nothing."""
        return

    def depends_on(self):
        """What decides the bytes besides the card and this source."""
        return {"zlib": zlib.ZLIB_RUNTIME_VERSION}

    def commands(self, point):
        """What encoding and decoding run, for 'bench show'."""
        return f"tiles of {point}x{point}", "tiles back"

    def encode(self, image, point):
        """The bytes of an image, whose pixels are RGB (height, width, 3) of 8 bits."""
        below, right = -image.height % point, -image.width % point
        padded = np.pad(image.pixels, ((0, below), (0, right), (0, 0)), "edge")
        rows, columns = padded.shape[0] // point, padded.shape[1] // point
        tiles = padded.reshape(rows, point, columns, point, 3).mean(axis=(1, 3)).round()
        packed = zlib.compress(tiles.astype(np.uint8).tobytes(), self.effort)
        return HEADER.pack(image.width, image.height, point) + packed

    def decode(self, stream):
        """The pixels, from the bytes alone; a damaged stream is a StreamError, never a crash."""
        try:
            width, height, side = HEADER.unpack_from(stream)
            rows, columns = -(-height // side), -(-width // side)
            if not 0 < width * height <= MAX_PIXELS:
                raise ValueError(f"a picture of {width}x{height}")
            unpacker = zlib.decompressobj()
            tiles = unpacker.decompress(stream[HEADER.size :], rows * columns * 3)
            pixels = np.frombuffer(tiles, np.uint8).reshape(rows, columns, 3)
            if not unpacker.eof or unpacker.unused_data:
                raise ValueError("it does not end where it should")
        except (struct.error, zlib.error, ValueError, ZeroDivisionError) as error:
            raise StreamError(f"{self.name} cannot decode the stream: {error}") from error
        return pixels.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
