"""The ffmpeg family: the same bytes and pictures as ffmpeg run by hand, file by file."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bench.codecs.catalog import load_codec
from bench.codecs.families.padding import planes
from bench.errors import CardError, CodecError, StreamError
from bench.images import colour
from bench.images.colour import Pixels
from bench.images.image import Image, write_png
from bench.runtime import ffmpeg
from bench.runtime.programs import run_program

CARD = """
title = "Mine"
family = "ffmpeg"
[points]
unit = "QP"
default = [40, 30]
[ffmpeg]
needs = "libx265"
input = "yuv420p"
multiple = 2
encode = "-c:v libx265 -x265-params qp={point} -f hevc"
decode = "-f hevc"
"""
SCALER = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"


def picture(width: int, height: int) -> Image:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([x * 2, y * 2, x + y], axis=-1) % 256
    noisy = smooth + rng.integers(-9, 10, (height, width, 3))
    return Image("p", noisy.clip(0, 255).astype(np.uint8))


def by_hand(folder: Path, *arguments: str) -> None:
    quiet = ["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
    subprocess.run([ffmpeg.binary(), *quiet, *arguments], cwd=folder, check=True)


def read_ppm(path: Path, width: int, height: int) -> Pixels:
    return np.frombuffer(path.read_bytes()[-width * height * 3 :], np.uint8).reshape(
        height, width, 3
    )


VVENC = (
    "-c:v libvvenc -preset medium -qp 32 -qpa 0 -threads 1 -vvenc-params "
    "'intraperiod=1:gopsize=1:intraqpoffset=0:hrdparameterspresent=0:LFNST=0"
    ":qpinvalcb=17 27 32 44:qpoutvalcb=17 29 34 41' -pix_fmt yuv420p10le -f vvc"
)
X265 = (
    "-c:v libx265 -preset slow -tune psnr -x265-params "
    "qp=32:keyint=1:ipratio=1.0:info=0:frame-threads=1:pools=none:wpp=0 -f hevc"
)
AV1 = "-c:v libaom-av1 -usage good -cpu-used 2 -crf 32 -b:v 0 -tune psnr -threads 1 -f ivf"
WEBP = "-c:v libwebp -quality 32 -compression_level 6 -f webp"


@pytest.mark.parametrize(
    ("name", "encode", "depth", "container"),
    [
        ("vvenc-medium", VVENC, "yuv420p10le", 0),
        ("x265", X265, "yuv420p", 0),
        ("av1", AV1, "yuv420p", 44),
        ("webp", WEBP, "yuv420p", 0),
    ],
)
def test_same_as_by_hand(
    tmp_path: Path, name: str, encode: str, depth: str, container: int
) -> None:
    codec, image, size = load_codec(name), picture(96, 64), "96x64"
    write_png(image.pixels, tmp_path / "in.png")
    forward = f"scale=out_color_matrix=bt601:out_range=tv:flags={SCALER},format=yuv420p"
    raw = ["-f", "rawvideo"]
    by_hand(tmp_path, "-i", "in.png", "-vf", forward, "-frames:v", "1", *raw, "in.yuv")
    source = [*raw, "-pix_fmt", "yuv420p", "-s", size, "-r", "1", "-i", "in.yuv"]
    by_hand(tmp_path, *source, "-frames:v", "1", *shlex.split(encode), "stream")
    stream = codec.encode(image, 32)
    assert stream == (tmp_path / "stream").read_bytes()[container:]

    by_hand(tmp_path, "-i", "stream", "-sws_dither", "none", *raw, "-pix_fmt", depth, "out.yuv")
    back = ["-sws_flags", SCALER, "-sws_dither", "none", "-pix_fmt", "rgb24", "-update", "1"]
    by_hand(tmp_path, *raw, "-pix_fmt", depth, "-s", size, "-i", "out.yuv", *back, "out.ppm")
    assert (codec.decode(stream) == read_ppm(tmp_path / "out.ppm", 96, 64)).all()


@pytest.mark.parametrize(
    ("name", "result"), [("vvenc-medium", r"I-SLICE, QP 37,"), ("x265", r"Avg QP:37\.00")]
)
def test_the_qp_is_the_one_asked_for(tmp_path: Path, name: str, result: str) -> None:
    """The encoders' defaults would code at another one: perceptual QP, ratios for I pictures."""
    command = load_codec(name).commands(37)[0].removesuffix(" < picture")
    _, *words = shlex.split(command.replace("WxH", "96x64"))
    finished = run_program(
        [ffmpeg.binary(), "-loglevel", "verbose", *words],
        stdin=picture(96, 64).ycbcr(),
        folder=tmp_path,
    )
    assert finished.status == 0
    assert re.search(result, finished.stderr.decode() + finished.stdout.decode())


def test_warnings_of_the_encoder_stay_out_of_the_stream() -> None:
    """VVenC prints one to standard output at this size."""
    stream = load_codec("vvenc").encode(picture(32, 32), 40)
    assert b"warning" not in stream.lower()


def test_only_a_format_of_even_sides_has_a_crop_byte() -> None:
    odd = picture(33, 47)
    assert load_codec("x265").encode(odd, 32)[0] == 0b10_001_001
    assert load_codec("x265").encode(picture(34, 48), 32)[0] == 0
    assert load_codec("av1").encode(odd, 32)[:2] == b"\x12\x00"
    assert load_codec("webp").encode(odd, 32)[:4] == b"RIFF"
    assert load_codec("jxl").encode(odd, 4)[:2] == b"\xff\x0a"
    assert load_codec("jpeg2000").encode(odd, 20)[:4] == b"\xff\x4f\xff\x51"


def test_planes_of_an_odd_picture() -> None:
    odd, even = picture(33, 47), picture(34, 48)
    assert len(planes(odd, 1)) == colour.ycbcr_size(33, 47) == 33 * 47 + 2 * 17 * 24
    assert planes(even, 1) == even.ycbcr(2)
    luma = np.frombuffer(planes(odd, 1), np.uint8)[: 33 * 47].reshape(47, 33)
    padded = np.frombuffer(odd.ycbcr(2), np.uint8)[: 34 * 48].reshape(48, 34)
    assert (luma == padded[:47, :33]).all()
    assert planes(odd, 1)[33 * 47 :] == odd.ycbcr(2)[34 * 48 :]


def test_one_picture_is_demanded() -> None:
    codec = load_codec("x265")
    stream = codec.encode(picture(32, 32), 32)
    with pytest.raises(StreamError, match="more than one picture"):
        codec.decode(stream + stream)


def test_a_crop_byte_alone_is_no_stream() -> None:
    with pytest.raises(StreamError):
        load_codec("x265").decode(b"\x89")


def test_a_failing_encoder_is_one_line(tmp_path: Path) -> None:
    card = tmp_path / "mine.toml"
    card.write_text(CARD.replace("-f hevc", "-f hevc -no_such_option 1", 1))
    with pytest.raises(CodecError, match="no_such_option") as raised:
        load_codec(str(card)).encode(picture(32, 32), 30)
    assert "\n" not in str(raised.value)


def test_a_missing_encoder_says_how_to_get_it(tmp_path: Path) -> None:
    card = tmp_path / "mine.toml"
    card.write_text(CARD.replace('needs = "libx265"', 'needs = "libx299"'))
    missing = load_codec(str(card)).missing()
    assert missing is not None
    assert "no encoder libx299" in missing
    assert "pip install imageio-ffmpeg" in missing


def test_the_fingerprint_follows_the_command(tmp_path: Path) -> None:
    card = tmp_path / "mine.toml"
    card.write_text(CARD)
    before = load_codec(str(card)).fingerprint
    card.write_text(CARD.replace("default = [40, 30]", "default = [41]"))
    assert load_codec(str(card)).fingerprint == before
    card.write_text(CARD.replace("-c:v libx265", "-c:v libx265 -preset slow"))
    assert load_codec(str(card)).fingerprint != before


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ("needs =", "need =", "'ffmpeg.need' 'needs'"),
        ('decode = "-f hevc"', "", "'ffmpeg.decode' missing"),
        ("multiple = 2", "multiple = 2.0", "'ffmpeg.multiple' 2.0"),
        ("multiple = 2", "multiple = 16", "'ffmpeg.multiple' 8 16"),
        ('"yuv420p"', '"yuv444p"', "'ffmpeg.input' 'yuv420p' 'rgb24' 'yuv444p'"),
        ("{point}", "{qp}", "'ffmpeg.encode' {qp} {point}"),
        ("{point}", "30", "'ffmpeg.encode' {point}"),
        ("{point}", "{point", "'ffmpeg.encode' command"),
        ('"-f hevc"\n', '"-f {point}"\n', "'ffmpeg.decode' unknown {point}"),
        ('family = "ffmpeg"', 'family = "ffmpg"', "'family' 'ffmpg' 'ffmpeg'"),
        ("[40, 30]", "[40, 30]\nlimits = [0, 35]", "'points.default' 40 35"),
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
    assert "\n" not in str(raised.value)
