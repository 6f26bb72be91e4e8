"""Whose stream it is, told from the streams that the cards really write."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image as PillowImage

from bench.codecs.catalog import card_paths, load_codec, read_card
from bench.codecs.codec import Codec
from bench.codecs.families.recognise import recognise
from bench.images.image import Image

# Where several cards have one format, the one named is whose decoder needs nothing installed.
SAME_FORMAT = {"vtm": "vvenc", "vvenc-medium": "vvenc", "hm": "x265"}


def picture(width: int, height: int) -> Image:
    y, x = np.mgrid[:height, :width]
    return Image("p", np.stack([x * 3, y * 3, x + y], axis=-1).astype(np.uint8))


@pytest.fixture(params=[name for name in sorted(card_paths()) if not read_card(name).sets])
def codec(request: pytest.FixtureRequest) -> Codec:
    codec = load_codec(request.param)
    if missing := codec.missing():
        pytest.skip(f"{codec.name}: {missing.partition(';')[0]}")
    return codec


@pytest.mark.parametrize(("width", "height"), [(64, 48), (33, 47), (34, 47), (16, 16)])
def test_each_card_s_stream_is_recognised(codec: Codec, width: int, height: int) -> None:
    stream = codec.encode(picture(width, height), codec.card.points_for("default")[0])
    name = recognise(stream)
    assert name == SAME_FORMAT.get(codec.name, codec.name)
    decoder = load_codec(name)
    if decoder.missing() is None:
        assert (decoder.decode(stream) == codec.decode(stream)).all()


def test_jpeg_2000_in_its_container_is_recognised() -> None:
    stream = io.BytesIO()
    PillowImage.fromarray(picture(33, 47).pixels).save(stream, format="JPEG2000")
    assert recognise(stream.getvalue()) == "jpeg2000"
    assert load_codec("jpeg2000").decode(stream.getvalue()).shape == (47, 33, 3)


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("425047fb", "bpg"),
        ("0000000c4a584c200d0a870a", "jxl"),
        ("000000014001", "x265"),
        ("89000000014001", "x265"),  # behind a crop byte
        ("0000014001", "x265"),  # behind the short start code
        ("000000010079", "vvenc"),
        ("000000016742", None),  # AVC
        ("0000000140", None),  # cut short in the header
        ("89ff4fff51", None),  # a format that has no crop byte
        ("524946460000000041564920", None),  # RIFF, but AVI
        ("89504e470d0a1a0a", None),  # PNG
    ],
)
def test_first_bytes(first: str, name: str | None) -> None:
    assert recognise(bytes.fromhex(first)) == name


def test_what_is_no_stream_is_nobody_s() -> None:
    rng = random.Random(3)
    for stream in (b"", b"\0", b"\x89", b"\0" * 64, b"\xff" * 64, b"hello, world"):
        assert recognise(stream) is None
    recognised = [recognise(rng.randbytes(40)) for _ in range(2000)]
    assert recognised.count(None) >= 1999


def test_what_is_recognised_is_a_shipped_card(codec: Codec) -> None:
    """A stream cut anywhere is still its own format's, or nobody's."""
    stream = codec.encode(picture(16, 16), codec.card.points_for("default")[0])
    for length in range(len(stream)):
        name = recognise(stream[:length])
        assert name in (None, recognise(stream))
        assert name is None or name in card_paths()
