"""mosaic.py: a picture as tiles of one colour each."""

import struct
import zlib

import numpy as np

from bench.catalog import check_keys
from bench.codec import Codec
from bench.errors import CardError, StreamError
from bench.image import MOST_PIXELS

HEADER = struct.Struct(">HHB")  # width, height, side of a tile
KEYS = {"effort": (int, "a number from 1 to 9")}


class Mosaic(Codec):
    def __init__(self, card):
        super().__init__(card)
        check_keys(card.path, card.options, KEYS, required=KEYS, prefix="mosaic.")
        self.effort = card.options["effort"]
        if not 1 <= self.effort <= 9:
            raise CardError(f"{card.path}: 'mosaic.effort' must be {KEYS['effort'][1]}")

    def missing(self):
        return None  # or what to install, in a line

    def depends_on(self):
        return {"zlib": zlib.ZLIB_RUNTIME_VERSION}

    def commands(self, point):
        return f"mosaic with tiles of {point}x{point}", "mosaic back"

    def encode(self, image, side):
        below, right = -image.height % side, -image.width % side
        padded = np.pad(image.pixels, ((0, below), (0, right), (0, 0)), "edge")
        rows, columns = padded.shape[0] // side, padded.shape[1] // side
        tiles = padded.reshape(rows, side, columns, side, 3).mean(axis=(1, 3)).round()
        packed = zlib.compress(tiles.astype(np.uint8).tobytes(), self.effort)
        return HEADER.pack(image.width, image.height, side) + packed

    def decode(self, stream):
        try:
            width, height, side = HEADER.unpack_from(stream)
            rows, columns = -(-height // side), -(-width // side)
            if not 0 < width * height <= MOST_PIXELS:
                raise ValueError(f"a picture of {width}x{height}")
            unpacker = zlib.decompressobj()
            tiles = unpacker.decompress(stream[HEADER.size :], rows * columns * 3)
            pixels = np.frombuffer(tiles, np.uint8).reshape(rows, columns, 3)
            if not unpacker.eof or unpacker.unused_data:
                raise ValueError("it does not end where it should")
        except (struct.error, zlib.error, ValueError, ZeroDivisionError) as error:
            raise StreamError(f"{self.name} cannot decode the stream: {error}") from error
        return pixels.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
