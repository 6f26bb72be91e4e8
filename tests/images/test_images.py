"""Files of images: how they are turned, which are refused, and how large they may be."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps
from support.command import Bench
from support.pictures import Pictures, picture

from bench import api
from bench.codecs.families.neural_stream import LATENTS, MODEL_DIGEST, NcnStream
from bench.datasets import open_dataset
from bench.errors import CodecError, DataError, StreamError
from bench.images.image import FIRST, STORED, TURNED, pixel_digest, read_image, read_pixels
from bench.images.image import Image as CodecImage

LOSSLESS = {"PNG": {}, "TIFF": {"compression": "tiff_lzw"}, "WEBP": {"lossless": True}}
QUICK = ("--metric", "bpp", "--task", "none")  # neither measured nor drawn
MEASURED = ("--metric", "psnr_rgb", "--task", "none")


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[ExifTags.Base.Orientation] = orientation
    return made


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", [*LOSSLESS, "JPEG"])
def test_every_format_is_turned_upright(form: str, orientation: int, tmp_path: Path) -> None:
    stored = Image.fromarray(picture(1, 48, 32))
    path, plain = tmp_path / "turned", tmp_path / "plain"
    stored.save(path, form, exif=exif(orientation), **LOSSLESS.get(form, {}))
    stored.save(plain, form, **LOSSLESS.get(form, {}))
    # Pillow's own turning, of the same pixels in a format that it does not turn by itself.
    reference = Image.fromarray(read_pixels(plain))
    reference.getexif()[ExifTags.Base.Orientation] = orientation
    pixels, notes = read_image(path)
    assert np.array_equal(pixels, np.asarray(ImageOps.exif_transpose(reference)))
    assert notes == (() if orientation == 1 else (TURNED,))


@pytest.mark.slow
def test_a_turned_image_is_another_one_and_is_told(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(3)
    before = open_dataset(str(folder))
    assert before.remarks == []
    for name in ("00.png", "02.png"):
        with Image.open(folder / name) as stored:
            stored.save(folder / name, exif=exif(6))
    after = open_dataset(str(folder))
    changed = {name for name in before.digests if before.digests[name] != after.digests[name]}
    assert changed == {"00.png", "02.png"}
    assert after.remarks == [f"00.png, 02.png: {TURNED}"]
    result = bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    assert result.status == 0
    assert after.remarks[0] in result.err
    result = bench("encode", folder / "00.png", "a.jpg", "--codec", "jpeg")
    assert f"00.png: {TURNED}" in result.err
    bench("decode", "a.jpg", "a.png")
    with Image.open("a.png") as decoded:
        assert decoded.size == (32, 48)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_data_turn_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture(1, 48, 32)).save(path, exif=b"Exif\0\0II*\0" + b"\xff" * 4)
    pixels, notes = read_image(path)
    assert pixels.shape == (32, 48, 3)
    assert notes == (STORED,)


@pytest.mark.parametrize("form", LOSSLESS)
def test_of_several_pictures_the_first_is_read(form: str, bench: Bench, tmp_path: Path) -> None:
    frames = [Image.fromarray(picture(seed, 48, 32)) for seed in range(3)]
    folder = tmp_path / "several"
    folder.mkdir()
    path = folder / f"a.{form.lower()}"
    frames[0].save(path, form, save_all=True, append_images=frames[1:], **LOSSLESS[form])
    pixels, notes = read_image(path)
    assert np.array_equal(pixels, np.asarray(frames[0]))
    assert notes == (FIRST,)
    assert FIRST in bench("run", "--codec", "jpeg", "--data", folder, *QUICK).err


@pytest.mark.parametrize("form", ["ICO", "GIF", "TGA", "PostScript"])
def test_other_formats_are_refused_whatever_they_are_called(
    form: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    path = tmp_path / "photo.png"
    if form == "PostScript":
        path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n")
    else:
        Image.fromarray(picture(1, 64, 64)).save(path, form)
    result = bench("encode", path, "a.jpg", "--codec", "jpeg")
    assert result.status == 1
    assert result.err.startswith(f"bench: {path}: not a readable image; ")
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "started").exists()


def png_of(width: int, height: int) -> bytes:
    """A file of a few bytes that claims so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("size", [(16384, 16383), (2**27, 1), (2**30, 2**30), (20000, 20000)])
def test_an_image_has_a_largest_size(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_of(*size))
    with pytest.raises(DataError, match="too many"):
        read_image(path)


def test_a_stream_holds_less_than_an_image() -> None:
    """What no decoder here takes is not encoded either."""
    pixels = np.broadcast_to(np.uint8(0), (8192, 8200, 3))
    large = CodecImage("large", pixels)
    for name in ("jpeg", "x265", "vvenc-medium", "ncn-hvs:toyscapes"):
        from bench.codecs.catalog import load_codec

        codec = load_codec(name)
        with pytest.raises(CodecError, match="8200x8192 is too large"):
            codec.encode(large, codec.card.middle_point or 0)


def test_streams_that_claim_too_much() -> None:
    from bench.codecs.catalog import load_codec

    jpeg = load_codec("jpeg")
    stream = jpeg.encode(CodecImage("a", picture(1, 64, 64)), 30)
    start = stream.index(b"\xff\xc0") + 5
    sizes = struct.pack(">HH", 8192, 8200)
    with pytest.raises(StreamError, match="8200x8192 is too large"):
        jpeg.decode(stream[:start] + sizes + stream[start + 4 :])
    slim = NcnStream(2**21 - 1, 16, bytes(MODEL_DIGEST), bytes(LATENTS), bytes(40)).to_bytes()
    assert len(slim) < 60
    with pytest.raises(StreamError, match="a picture of 2097151x16"):
        NcnStream.from_bytes(slim)


@pytest.fixture(params=["pipe", "device"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that never ends when it is read."""
    path = tmp_path / "endless.png"
    if request.param == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        "predict {}",
        "encode {} a.jpg --codec jpeg",
        "decode {} a.png",
        "decode {} a.png --codec jpeg",
        "predict a.png --task mask-rcnn={}",
        "predict a.png --task mask-rcnn --weights {}",
        "encode a.png a.ncn --codec ncn-hvs:toyscapes --weights {}",
        "decode a.ncn a.png --codec ncn-hvs:toyscapes --weights {}",
    ],
)
def test_only_regular_files_are_read(bench: Bench, endless: Path, arguments: str) -> None:
    Image.fromarray(picture(1, 64, 64)).save("a.png")
    bench("encode", "a.png", "a.ncn", "--codec", "ncn-hvs:toyscapes")
    result = bench(*arguments.format(endless).split())
    assert result.status in (1, 2)
    assert "endless.png" in result.err
    assert "Traceback" not in result.err


def test_a_stream_file_of_any_size_is_not_read(bench: Bench) -> None:
    with Path("a.jpg").open("wb") as sparse:
        sparse.truncate(2**40)
    result = bench("decode", "a.jpg", "a.png", "--codec", "jpeg")
    assert result.status == 1
    assert "too many" in result.err


def test_images_in_subfolders_are_taken_or_offered(bench: Bench, tmp_path: Path) -> None:
    for name, count in (("photos/train set", 1), ("photos/val", 2), ("photos/.trash", 3)):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for index in range(count):
            Image.fromarray(picture(index, 32, 32)).save(folder / f"{index}.png")
    result = bench("run", "--codec", "jpeg", "--data", "photos", *QUICK)
    assert result.status == 0
    assert "photos, 3 images" in result.out
    assert ".trash" not in result.err
    assert len(api.run(["jpeg"], data="photos/val", metrics=["bpp"]).means)
    Image.fromarray(picture(3, 32, 32)).save("photos/cover.png")
    result = bench("run", "--codec", "jpeg", "--data", "photos", *QUICK)
    assert result.status == 0
    assert "2 in photos/val, 1 in photos/train set" in " ".join(result.err.split())


def test_pictures_of_reports_are_not_offered(bench: Bench) -> None:
    Image.fromarray(picture(1, 32, 32)).save("a.png")
    run = ("run", "--codec", "jpeg", "--data", ".", *MEASURED)
    assert bench(*run).status == 0
    assert list(Path("bench-results").rglob("*.png"))
    assert "subfolder" not in bench(*run).err


@pytest.mark.slow
def test_reading_keeps_pixels_and_their_digest(tmp_path: Path) -> None:
    """In strips, as if at once; and the digest that stores know images by."""
    pixels = picture(3, 1500, 1400)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = read_pixels(tmp_path / "a.png")
    assert np.array_equal(found, pixels)
    assert pixel_digest(found) == pixel_digest(np.asfortranarray(pixels))
    black = np.zeros((2, 3, 3), np.uint8)
    assert pixel_digest(black).startswith("87e53d6960f4479b")
