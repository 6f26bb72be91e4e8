"""Codecs that only fail, and measuring that fails: what it costs, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support.command import Bench
from support.pictures import Pictures

from bench.codecs.families import ffmpeg, pillow
from bench.errors import CodecError
from bench.images.image import Image
from bench.metrics.quality import Pair, Values, measure
from bench.sweep import worker as sweep

QUICK = ("--metric", "bpp")  # neither measured nor drawn
MEASURED = ("--metric", "psnr_rgb")
POINTS = ("--points", "jpeg=20,40,60,80", "--points", "x265=22,27,32,37")


class Broken:
    """An encoder that fails on some images, and counts its calls."""

    def __init__(self, works: Any, on: Sequence[str] = ()) -> None:
        self.works, self.on, self.calls = works, on, 0

    def __call__(self, image: Image, point: Any) -> bytes:
        self.calls += 1
        if not self.on or image.name in self.on:
            raise CodecError("out of order")
        coded: bytes = self.works(image, point)
        return coded


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    encoder = Broken(None)
    monkeypatch.setattr(pillow.PillowCodec, "encode", lambda _, *its: encoder(*its))
    return encoder


def test_a_codec_that_only_fails_is_given_up(
    bench: Bench, pictures: Pictures, broken: Broken
) -> None:
    command = ("run", "--codec", "jpeg", "--data", pictures(20), *POINTS[:2], *QUICK)
    result = bench(*command)
    assert result.status == 1
    assert broken.calls < 40  # each is tried twice
    assert result.err.count("out of order") == 1 and result.out.count("out of order") == 1
    assert "--keep-going" in result.err
    before, broken.calls = broken.calls, 0
    assert bench(*command, "--keep-going").status == 1
    assert broken.calls == 160 > before
    assert "80 failures" in bench("report").out


def test_a_codec_of_which_all_was_tried_is_not_called_stopped(
    bench: Bench, pictures: Pictures, broken: Broken
) -> None:
    result = bench("run", "--codec", "jpeg", "--data", pictures(3), "--points", "20,40", *QUICK)
    assert result.status == 1
    assert "6 failed" in result.err
    assert "not tried" not in result.err and "--keep-going" not in result.err


@pytest.mark.slow
def test_others_go_on(bench: Bench, pictures: Pictures, broken: Broken) -> None:
    both = ("--codec", "jpeg", "--codec", "x265")
    result = bench("run", *both, "--data", pictures(6), *POINTS, *QUICK)
    assert result.status == 1
    assert "24 encoded" in result.err
    assert broken.calls < 30


@pytest.mark.parametrize("odd", [("00.png", "01.png"), ("04.png",)])
def test_odd_images_do_not_stop_a_codec(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, odd: Sequence[str]
) -> None:
    works = pillow.PillowCodec.encode
    monkeypatch.setattr(
        pillow.PillowCodec, "encode", lambda codec, *its: Broken(works.__get__(codec), odd)(*its)
    )
    result = bench("run", "--codec", "jpeg", "--data", pictures(6), *POINTS[:2], *QUICK)
    assert result.status == 1
    assert f"{24 - 4 * len(odd)} encoded" in result.err
    assert f"{4 * len(odd)} failures" in result.out


@pytest.mark.slow
def test_what_is_under_way_may_still_succeed(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Low points fail at once while the high ones, which work, take their time."""
    works = ffmpeg.FfmpegCodec.encode

    def encode(codec: ffmpeg.FfmpegCodec, image: Image, point: Any) -> bytes:
        if point == 51:
            raise CodecError("too low")
        return works(codec, image, point)

    monkeypatch.setattr(ffmpeg.FfmpegCodec, "encode", encode)
    points = ("--points", "x265=51,40,30", "--jobs", "18")
    result = bench("run", "--codec", "x265", "--data", pictures(9, 64, 48), *points, *QUICK)
    assert "18 encoded" in result.err and "9 failures" in result.out


@pytest.mark.parametrize(("kills", "lost"), [(1, 0), (10**6, 8)])
def test_measuring_is_tried_again(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, kills: int, lost: int
) -> None:
    left = kills

    def killed(pairs: Sequence[Pair], names: Sequence[str]) -> list[Values]:
        nonlocal left
        left -= 1
        if left >= 0:
            raise CodecError("ffmpeg failed (status -9)")
        return measure(pairs, names)

    monkeypatch.setattr(sweep, "measure", killed)
    command = ("run", "--codec", "jpeg", "--data", pictures(2), *POINTS[:2], *MEASURED, "--jobs", 1)
    result = bench(*command)
    assert result.status == (1 if lost else 0)
    assert result.out.count("status -9") == (1 if lost else 0)
    left = 0
    assert bench(*command).status == 0


def test_a_picture_that_cannot_be_measured_costs_only_itself(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(pairs: Sequence[Pair], names: Sequence[str]) -> list[Values]:
        values = measure(pairs, names)
        if any(each["psnr_rgb"] < 25 for each in values):
            raise CodecError("too bad to look at")
        return values

    monkeypatch.setattr(sweep, "measure", some)
    points = ("--points", "1,80,90")
    result = bench("run", "--codec", "jpeg", "--data", pictures(3), *points, *MEASURED)
    assert result.status == 1
    assert "3 failures" in result.out and "too bad to look at" in result.out
