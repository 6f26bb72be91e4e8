"""The crop byte: one byte, only where a picture was padded, never mistaken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.codecs.families.padding import cut, mark_crop, padded_size, take_crop
from bench.errors import CodecError, StreamError
from bench.images.image import Image

SIDES, MULTIPLES = st.integers(1, 70), st.integers(1, 8)


def blank(width: int, height: int) -> Image:
    return Image("blank", np.zeros((height, width, 3), np.uint8))


@given(SIDES, SIDES, MULTIPLES, st.sampled_from([b"\0\0\1", b"\x12\0\x0a", b"\xff\x0a", b"RIFF"]))
def test_any_padding_comes_back(width: int, height: int, multiple: int, own: bytes) -> None:
    image = blank(width, height)
    padded_width, padded_height = padded_size(image, multiple)
    stream = mark_crop(own, image, multiple)
    assert len(stream) - len(own) == ((padded_width, padded_height) != (width, height))
    taken, right, below = take_crop(stream, multiple)
    assert taken == own
    padded = np.zeros((padded_height, padded_width, 3), np.uint8)
    assert cut(padded, right, below).shape == image.pixels.shape


def test_a_stream_that_would_be_mistaken_is_refused() -> None:
    with pytest.raises(CodecError, match="crop byte"):
        mark_crop(b"\x89PNG", blank(16, 16), 2)
    assert mark_crop(b"\x89PNG", blank(17, 17), 1) == b"\x89PNG"


def test_a_crop_of_the_whole_picture_is_damage() -> None:
    with pytest.raises(StreamError, match="crop byte"):
        cut(np.zeros((4, 4, 3), np.uint8), 0, 7)
