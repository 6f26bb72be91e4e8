"""Pictures whose size a format cannot hold: padded before coding, cropped after decoding.

The stream of such a picture starts with one crop byte, 0b10rrrbbb: how many columns on the right
and rows at the bottom are padding. No stream that needs one starts with these two bits (HEVC and
VVC start with 0x00), so its absence needs no byte: every other stream is the codec's own.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from bench.errors import CodecError, StreamError
from bench.images.colour import Pixels
from bench.images.image import MAX_MULTIPLE, Image, padded_pixels

# Twice 8K, padding included: less than an image file may have, as a stream of a few bytes may
# claim any size.
MAX_STREAM_PIXELS = 2**26
MAX_STREAM_BYTES = 8 * MAX_STREAM_PIXELS
Multiple = Annotated[
    int, Field(ge=1, le=MAX_MULTIPLE, description="sides are padded to a multiple of this number")
]
_MARK, _MARK_BITS = 0b10_000_000, 0b11_000_000


def padded_size(image: Image, multiple: int) -> tuple[int, int]:
    """Width and height as coded; CodecError for a picture that no decoder here would take."""
    if is_too_large(image.width, image.height, multiple):
        raise CodecError(
            f"{image.name}: {image.width}x{image.height} is too large to be coded; the limit "
            f"is {MAX_STREAM_PIXELS} pixels"
        )
    return image.width + -image.width % multiple, image.height + -image.height % multiple


def is_too_large(width: int, height: int, multiple: int = 1) -> bool:
    """Whether a picture, padded to multiples of ``multiple``, has more pixels than a stream may."""
    return padded_pixels(width, height, multiple) > MAX_STREAM_PIXELS


def planes(image: Image, multiple: int) -> bytes:
    """The picture in 4:2:0 as coded; with a multiple of 1, odd sides stay odd."""
    if multiple > 1 or not (image.width % 2 or image.height % 2):
        return image.ycbcr(max(multiple, 2))
    # An odd picture's chroma covers the last column and row, as its even-sized neighbour's does.
    width, height = padded_size(image, 2)
    even = np.frombuffer(image.ycbcr(2), np.uint8)
    luma = even[: width * height].reshape(height, width)[: image.height, : image.width]
    return luma.tobytes() + even[width * height :].tobytes()


def mark_crop(stream: bytes, image: Image, multiple: int) -> bytes:
    """The stream, after a crop byte if the picture was padded."""
    if multiple > 1 and stream[0] & _MARK_BITS == _MARK:
        raise CodecError("the stream starts with what would be taken for a crop byte")
    right, below = -image.width % multiple, -image.height % multiple
    if not right and not below:
        return stream
    return bytes([_MARK | right << 3 | below]) + stream


def take_crop(stream: bytes, multiple: int) -> tuple[bytes, int, int]:
    """The codec's own stream, and the columns and rows of padding to cut off."""
    if multiple == 1 or not stream or stream[0] & _MARK_BITS != _MARK:
        return stream, 0, 0
    return stream[1:], stream[0] >> 3 & 7, stream[0] & 7


def cut(pixels: Pixels, right: int, below: int) -> Pixels:
    """The picture without its padding."""
    height, width, _ = pixels.shape
    if right >= width or below >= height:
        raise StreamError(f"the crop byte cuts {right}x{below} off a {width}x{height} picture")
    return pixels[: height - below, : width - right]
