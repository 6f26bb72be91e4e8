"""JPEG in process: what its files are, and the cards that cannot be."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from bench.codecs.catalog import load_codec
from bench.errors import CardError, CodecError, StreamError
from bench.images.image import Image

CARD = """
title = "Mine"
family = "pillow"
[points]
unit = "quality"
default = [10, 80]
[pillow]
format = "WEBP"
save = { quality = "{point}" }
"""


@pytest.fixture
def image() -> Image:
    y, x = np.mgrid[:48, :64]
    return Image("p", np.stack([x * 3, y * 3, x + y], axis=-1).astype(np.uint8))


def test_jpeg_is_baseline_420_with_its_own_tables(image: Image) -> None:
    stream = load_codec("jpeg").encode(image, 40)
    plain = io.BytesIO()
    PillowImage.fromarray(image.pixels).save(plain, format="JPEG", quality=40)
    assert len(stream) < len(plain.getvalue())
    with PillowImage.open(io.BytesIO(stream)) as opened:
        assert opened.format == "JPEG"
        assert "progressive" not in opened.info
        layers = [layer[1:3] for layer in opened.layer]  # type: ignore[attr-defined]
        assert layers == [(2, 2), (1, 1), (1, 1)]


def test_a_picture_too_large_to_be_true_is_refused() -> None:
    codec = load_codec("jpeg")
    stream = bytearray(codec.encode(Image("p", np.zeros((16, 16, 3), np.uint8)), 40))
    size = stream.index(b"\xff\xc0") + 5
    stream[size : size + 4] = b"\xff\xdc\xff\xdc"
    with pytest.raises(StreamError):
        codec.decode(bytes(stream))


def test_another_format_is_refused(image: Image) -> None:
    png = io.BytesIO()
    PillowImage.fromarray(image.pixels).save(png, format="PNG")
    with pytest.raises(StreamError, match="jpeg cannot decode the stream"):
        load_codec("jpeg").decode(png.getvalue())


def test_libraries_are_in_the_fingerprint() -> None:
    assert "libjpeg_turbo" in load_codec("jpeg").depends_on()["pillow"]


def test_commands_show_the_options() -> None:
    encode, _ = load_codec("jpeg").commands(40)
    assert "quality=40, optimize=True, subsampling='4:2:0'" in encode


def test_a_point_inside_a_list(tmp_path: Path, image: Image) -> None:
    card = tmp_path / "mine.toml"
    save = 'save = { quality_mode = "rates", quality_layers = ["{point}"], no_jp2 = true }'
    text = CARD.replace('save = { quality = "{point}" }', save)
    card.write_text(text.replace("WEBP", "JPEG2000"))
    codec = load_codec(str(card))
    assert len(codec.encode(image, 40)) < len(codec.encode(image, 10))


def test_a_failing_encoder_is_one_line(tmp_path: Path, image: Image) -> None:
    card = tmp_path / "mine.toml"
    card.write_text(CARD)
    with pytest.raises(CodecError, match="Pillow could not write WEBP"):
        load_codec(str(card)).encode(image, "many")


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("format", "fromat", "'pillow.fromat' 'format'"),
        ('"WEBP"', '"GIF"', "'pillow.format' 'JPEG' 'JPEG2000' 'WEBP' 'GIF'"),
        ('"{point}"', "40", "'pillow.save' {point}"),
        ('{ quality = "{point}" }', "40", "'pillow.save' table 40"),
    ],
)
def test_a_wrong_card_is_one_line(tmp_path: Path, old: str, new: str, facts: str) -> None:
    card = tmp_path / "mine.toml"
    assert old in CARD
    card.write_text(CARD.replace(old, new))
    with pytest.raises(CardError) as raised:
        load_codec(str(card))
    assert str(raised.value).startswith(f"{card}: ")
    assert all(fact in str(raised.value) for fact in facts.split())
