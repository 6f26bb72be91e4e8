"""Which codec made a stream, recognised from streams that the cards really write."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from fakes import package
from PIL import Image as PillowImage
from support.command import Bench
from support.pictures import Pictures, write_depth

from bench.codecs.catalog import card_paths, load_codec, read_card, recognise
from bench.codecs.codec import Codec
from bench.commands.doctor import doctor
from bench.errors import BenchError
from bench.images.image import Image, read_pixels

# Where several cards have one format, the one named is whose decoder needs nothing installed.
SAME_FORMAT = {
    "vtm": "vvenc",
    "vvenc-medium": "vvenc",
    "hm": "x265",
    "jpeg-depth": "jpeg",
    "jpeg-depth-collage": "jpeg",
    "jpeg-depth-net": "jpeg",
    "jpeg-saliency": "jpeg",
}


def picture(width: int, height: int, depth: Path | None = None) -> Image:
    y, x = np.mgrid[:height, :width]
    return Image("p", np.stack([x * 3, y * 3, x + y], axis=-1).astype(np.uint8), depth=depth)


@pytest.fixture(params=[name for name in sorted(card_paths()) if not read_card(name).sets])
def codec(request: pytest.FixtureRequest) -> Codec:
    codec = load_codec(request.param)
    if missing := codec.missing():
        pytest.skip(f"{codec.name}: {missing.partition(';')[0]}")
    return codec


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(64, 48), (33, 47), (34, 47), (16, 16)])
def test_each_card_s_stream_is_recognised(
    codec: Codec, width: int, height: int, tmp_path: Path
) -> None:
    image = picture(width, height, write_depth(tmp_path, width, height))
    stream = codec.encode(image, codec.card.points_for("default")[0])
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


def test_what_is_recognised_is_a_shipped_card(codec: Codec, tmp_path: Path) -> None:
    """A stream cut anywhere is still its own format's, or nobody's."""
    image = picture(16, 16, write_depth(tmp_path, 16, 16))
    stream = codec.encode(image, codec.card.points_for("default")[0])
    for length in range(len(stream)):
        name = recognise(stream[:length])
        assert name in (None, recognise(stream))
        assert name is None or name in card_paths()


FLAT = """
from pathlib import Path
import numpy as np
from bench.codecs.codec import Codec

class Flat(Codec):
    def missing(self): return None
    def depends_on(self): return {}
    def commands(self, point): return "flat", "back"
    def encode(self, image, point): return b"FLAT" + bytes([image.width, image.height, point])
    def decode(self, stream): return np.full((stream[5], stream[4], 3), stream[6], np.uint8)

    @classmethod
    def recognise(cls, stream, weights=None):
        card = Path(__file__).with_name("flat.toml")
        return str(card) if stream.startswith(b"FLAT") else None
"""
CARD = """
title = "Flat"
family = "flat"
[points]
unit = "grey"
default = [1, 200]
[flat]
"""


def test_another_package_s_stream_is_recognised_and_its_family_is_doctored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench, pictures: Pictures
) -> None:
    entries = "[bench.families]\nflat = flats:Flat\n"
    package.install(tmp_path, monkeypatch, "flats", FLAT, entries)
    (tmp_path / "flat.toml").write_text(CARD)
    image = next(pictures(1).iterdir())
    assert bench("encode", image, "a.flat", "--codec", tmp_path / "flat.toml").status == 0
    result = bench("decode", "a.flat", "a.png")
    assert result.status == 0, result.err
    assert read_pixels(Path("a.png"))[0, 0].tolist() == [200, 200, 200]
    (found,) = [each for each in doctor() if each.name == "flat"]
    assert (found.ok, found.found) == (True, "family of flats 1.0")


def test_a_family_that_fails_hides_no_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    package.install(tmp_path, monkeypatch, "bad", "1 / 0", "[bench.families]\nworse = bad:Bad\n")
    assert recognise(b"\xff\xd8\xff") == "jpeg"
    with pytest.raises(BenchError, match=r"worse.*bad 1.0"):
        recognise(b"no stream")
    found = {each.name: each.ok for each in doctor()}
    assert (found["worse"], found["encoders"], found["vtm"]) == (False, True, None)
