"""PSNR of Y, Cb and Cr with their fractions: the same for codecs of 8 and of 10 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.pictures import distorted, textured

from bench.codecs.catalog import load_codec
from bench.codecs.families.padding import take_crop
from bench.datasets import open_dataset
from bench.images import colour
from bench.images.colour import Pixels
from bench.images.image import Image, pad
from bench.metrics import measure
from bench.metrics.bjontegaard import Curve, bd_rate
from bench.runtime import ffmpeg

Floats = NDArray[np.float64]
NAMES = ["psnr_y", "psnr_cb", "psnr_cr", "psnr_611"]
LUMA = np.array([65.481, 128.553, 24.966]) / 255
# A codec's demuxer, and the samples that its decoder gives.
OWN = {"x265": ("hevc", "yuv420p"), "vvenc-medium": ("vvc", "yuv420p10le")}
POINTS = (22, 27, 32, 37)


def decibels(one: Floats, other: Floats) -> float:
    return float(10 * np.log10(255**2 / ((one - other) ** 2).mean()))


def planes(pixels: Pixels) -> tuple[Floats, Floats, Floats]:
    """Y, Cb and Cr by ffmpeg's own conversion to 16 bits."""
    even = pad(pixels, 2)
    height, width, _ = even.shape
    deep = colour.TO_YCBCR.replace("format=yuv420p", "format=yuv420p16le")
    arguments = [
        *colour.raw_input("rgb24", f"{width}x{height}"),
        "-vf",
        deep,
        "-f",
        "rawvideo",
        "-",
    ]
    samples = np.frombuffer(ffmpeg.run_ffmpeg(arguments, even.tobytes()).stdout, "<u2") / 256
    y, chroma = samples[: height * width], samples[height * width :].reshape(2, -1)
    return y, chroma[0], chroma[1]


@pytest.mark.parametrize("size", [(512, 256), (354, 190), (33, 21), (18, 40), (1100, 38)])
@pytest.mark.parametrize("strength", [1.5, 12])
def test_values_are_those_of_a_conversion_to_16_bits(
    size: tuple[int, int], strength: float
) -> None:
    original = textured(*size)
    decoded = distorted(original, strength)
    values = measure([(original, decoded)], NAMES)[0]
    theirs = [decibels(*pair) for pair in zip(planes(original), planes(decoded), strict=True)]
    assert [values[name] for name in NAMES[:3]] == pytest.approx(theirs, abs=0.01)
    y, cb, cr = (values[name] for name in NAMES[:3])
    assert values["psnr_611"] == pytest.approx((6 * y + cb + cr) / 8)


@pytest.mark.parametrize("size", [(512, 256), (34, 20), (2, 2)])
def test_y_is_that_of_the_matrix(size: tuple[int, int]) -> None:
    original = textured(*size)
    for decoded in (distorted(original, 3), 255 - original, original // 2):
        values = measure([(original, decoded)], ["psnr_y"])[0]
        expected = min(60.0, decibels(original @ LUMA, decoded @ LUMA))
        assert values["psnr_y"] == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Pixels:
    folder: Path = tmp_path_factory.mktemp("scenes")
    return open_dataset("toyscapes:dev", root=folder, limit=1).entries[0].load().pixels


def rates(pixels: Pixels) -> dict[str, float]:
    """BD-rates of x265 against VVenC: by each PSNR of ours, and by Y as the decoders have it."""
    curves: dict[str, dict[str, Curve]] = {}
    height, width, _ = pixels.shape
    for name, (demuxer, samples) in OWN.items():
        codec, points = load_codec(name), list[tuple[float, dict[str, float]]]()
        for point in POINTS:
            stream = codec.encode(Image("scene", pixels), point)
            values = measure([(pixels, codec.decode(stream))], ["psnr_y", "psnr_rgb"])[0]
            own, *cropped = take_crop(stream, 2)
            assert cropped == [0, 0]
            arguments = ["-f", demuxer, "-i", "pipe:0", "-pix_fmt", samples, "-f", "rawvideo", "-"]
            raw = ffmpeg.run_ffmpeg(arguments, own).stdout
            deep = samples.endswith("10le")
            decoded = np.frombuffer(raw, "<u2" if deep else "u1")[: height * width]
            y = decoded.reshape(height, width) / (4 if deep else 1) - 16
            values["own"] = decibels(pixels @ LUMA, y)
            points.append((len(stream), values))
        for metric in ("psnr_y", "psnr_rgb", "own"):
            curve = Curve(
                np.array([rate for rate, _ in points]),
                np.array([values[metric] for _, values in points]),
            )
            curves.setdefault(metric, {})[name] = curve
    return {
        metric: bd_rate(each["vvenc-medium"], each["x265"]).value for metric, each in curves.items()
    }


@pytest.mark.slow
def test_a_codec_of_10_bits_has_the_gain_of_its_own_samples(scene: Pixels) -> None:
    found = rates(scene)
    assert found["psnr_y"] == pytest.approx(found["own"], abs=0.5)


@pytest.mark.slow
def test_on_a_grey_picture_y_shows_what_rgb_shows(scene: Pixels) -> None:
    grey = np.rint(scene @ LUMA * 255 / 219).astype(np.uint8)
    found = rates(np.repeat(grey[..., None], 3, axis=2))
    assert found["psnr_y"] == pytest.approx(found["psnr_rgb"], abs=0.5)
