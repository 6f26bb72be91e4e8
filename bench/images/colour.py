"""RGB to YCbCr and back, through ffmpeg's scaler with every choice named.

BT.601 matrix, limited range, 4:2:0, bicubic chroma. All code that needs YCbCr uses these two
functions, so that every codec and every metric uses the same conversion. Decoded pictures keep
their bit depth until they are RGB: going through 8-bit YCbCr first would cost 0.25 dB at the top
of a curve (``docs/footguns.md``).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.errors import CodecError
from bench.runtime import ffmpeg

Pixels = NDArray[np.uint8]

# accurate_rnd alone is worse than the default: it needs full_chroma_int.
SCALER = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
TO_YCBCR = f"scale=out_color_matrix=bt601:out_range=tv:flags={SCALER},format=yuv420p"
# Without dither none, a 10-bit picture is dithered on its way to 8 bits.
TO_RGB = f"scale=in_color_matrix=bt601:in_range=tv:flags={SCALER}:sws_dither=none,format=rgb24"


def fingerprint() -> str:
    """What the conversion depends on."""
    return f"{TO_YCBCR} | {TO_RGB} | {ffmpeg.digest()}"


def check_unchanged(since: str) -> None:
    """Raise CodecError if the fingerprint, under which results are stored, has changed."""
    if fingerprint() != since:
        raise CodecError(f"{ffmpeg.binary()} was replaced; run the command again")


def ycbcr_size(width: int, height: int) -> int:
    """The samples of a 4:2:0 picture, whose sides may be odd."""
    return width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)


def to_ycbcr(pixels: Pixels) -> bytes:
    """One RGB image as planar 8-bit 4:2:0 (``yuv420p``); both sides must be even."""
    height, width, _ = pixels.shape
    if width % 2 or height % 2:
        raise ValueError(f"4:2:0 needs even sides, not {width}x{height}")
    samples = np.ascontiguousarray(pixels).tobytes()
    planes = ffmpeg.run_ffmpeg(_to_ycbcr(f"{width}x{height}"), samples).stdout
    if len(planes) != ycbcr_size(width, height):
        raise CodecError(f"the conversion to YCbCr gave {len(planes)} bytes for {width}x{height}")
    return planes


def to_ycbcr_command() -> str:
    """The command that ``to_ycbcr`` runs, for people to read."""
    return shlex.join(["ffmpeg", *_to_ycbcr("WxH")]) + " < image.rgb > picture"


def _to_ycbcr(size: str) -> list[str]:
    return [*raw_input("rgb24", size), "-vf", TO_YCBCR, "-f", "rawvideo", "pipe:1"]


def to_rgb(planes: bytes, pixel_format: str, width: int, height: int) -> Pixels:
    """One planar picture (``yuv420p``, ``yuv420p10le``) as RGB."""
    source = raw_input(pixel_format, f"{width}x{height}")
    arguments = [*source, "-vf", TO_RGB, "-f", "rawvideo", "pipe:1"]
    rgb = ffmpeg.run_ffmpeg(arguments, planes).stdout
    if len(rgb) != width * height * 3:
        raise CodecError(f"the conversion to RGB gave {len(rgb)} bytes for {width}x{height}")
    return np.frombuffer(rgb, np.uint8).reshape(height, width, 3)


def raw_input(pixel_format: str, size: str) -> Sequence[str]:
    """ffmpeg's arguments for raw pictures on standard input."""
    return ["-f", "rawvideo", "-pix_fmt", pixel_format, "-s", size, "-r", "1", "-i", "pipe:0"]
