"""What every codec keeps to, run over every card that can run here: a card is tested by being."""

from __future__ import annotations

import functools
import io
import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from fakes import jpd_se, ncn, rnn, zoo
from PIL import Image as PillowImage
from support.pictures import write_depth, write_instances

from bench.codecs.catalog import card_paths, load_codec, read_card
from bench.codecs.codec import Codec, Point
from bench.codecs.points import check_point
from bench.errors import StreamError
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime.programs import metered

# Weights that come along need not keep any picture but those that they were trained for.
ALL = [
    f"{name}:{weights}" if weights else name
    for name in sorted(card_paths())
    for weights in list(read_card(name).sets) or [""]
    if weights != "toyscapes" or name in jpd_se.CARDS
]
NCN = {name for name in card_paths() if read_card(name).family == "ncn"}
ODD = [(33, 47), (64, 49), (97, 16)]


def _marks(name: str) -> list[pytest.MarkDecorator]:
    """Of cards that differ in little but weights, one is enough for the quick tests."""
    card, _, _ = name.partition(":")
    alike = (NCN - {"ncn-lsm"}) | ({*jpd_se.CARDS} - {"jpd-se-x265-oracle"})
    return [pytest.mark.slow] if card in alike else []


@pytest.fixture(scope="module", autouse=True)
def hand_made_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Learned codecs are run with weights that were set by hand: none need be here."""
    folder = tmp_path_factory.mktemp("weights")
    zoo.write_weights(folder)
    jpd_se.write_weights(folder)
    rnn.write_weights(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WEIGHTS", str(folder))
        yield
    ready.cache_clear()
    picture.cache_clear()


@functools.cache
def picture(width: int, height: int) -> Image:
    """A sky, a road, edges, texture and colours: something of what a photograph has."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:height, :width].astype(float)
    shade = 110 + 60 * np.sin(x / 23) + 50 * np.cos(y / 17 + x / 41)
    colours = np.stack([shade, shade[:, ::-1], 255 - shade], axis=-1) * 0.6
    colours[(x // 11 + y // 13) % 5 == 0] += (70, 20, -30)
    colours += rng.normal(0, 5, (height, width, 1))
    pixels = colours.clip(0, 255).astype(np.uint8)
    pixels.flags.writeable = False
    folder = Path(os.environ["BENCH_WEIGHTS"])
    depth, instances = write_depth(folder, width, height), write_instances(folder, width, height)
    return Image(f"{width}x{height}", pixels, instances, depth)


@functools.cache
def coded(codec: Codec, width: int, height: int, point: Point) -> bytes:
    return codec.encode(picture(width, height), point)


@functools.cache
def ready(name: str) -> Codec:
    card, _, _ = name.partition(":")
    if card in NCN:
        ncn.write_weights(Path(os.environ["BENCH_WEIGHTS"]), card)
    codec = load_codec(name)
    if missing := codec.missing():
        pytest.skip(f"{name}: {missing.partition(';')[0]}")
    return codec


@pytest.fixture(params=[pytest.param(name, marks=_marks(name)) for name in ALL])
def codec(request: pytest.FixtureRequest) -> Codec:
    return ready(request.param)


def points_of(codec: Codec) -> tuple[Point, ...]:
    return codec.card.points_for("default")


def check_kept(codec: Codec, decoded: Pixels, original: Pixels, least: float) -> None:
    """At least so much PSNR. A generator invents detail, and with random weights, anything."""
    assert decoded.shape == original.shape
    if codec.card.family != "jpd-se":
        error = np.mean((decoded.astype(float) - original.astype(float)) ** 2)
        assert 10 * np.log10(255**2 / max(error, 1e-9)) > least


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_a_card_explains_itself_even_where_it_cannot_run(name: str) -> None:
    codec = load_codec(name)
    card = codec.card
    assert card.title and card.about and card.counted
    for points in card.points.values():
        assert len(set(points)) == len(points)
        assert all(check_point(card, point) == point for point in points)
    commands = codec.commands(next(iter(points_of(codec)), card.unit))
    for line in (*commands, codec.missing() or "", codec.remark() or ""):
        assert "\n" not in line
    assert len(commands) == 2


@pytest.mark.slow
def test_round_trip_keeps_the_picture(codec: Codec) -> None:
    image = picture(96, 64)
    before = image.pixels.copy()
    stream = coded(codec, 96, 64, points_of(codec)[-1])
    decoded = codec.decode(stream)
    assert type(stream) is bytes
    assert decoded.dtype == np.uint8
    check_kept(codec, decoded, image.pixels, 22)
    if codec.card.family != "jpd-se":
        bias = (decoded.astype(float) - image.pixels).mean(axis=(0, 1))
        assert abs(bias).max() < 3, f"colours are shifted by {bias}"
    assert (image.pixels == before).all()


@pytest.mark.slow
def test_each_point_costs_more_than_the_one_before_it(codec: Codec) -> None:
    sizes = [len(coded(codec, 160, 96, point)) for point in points_of(codec)]
    assert sizes == sorted(set(sizes))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), ODD)
def test_odd_sizes_come_back(codec: Codec, width: int, height: int) -> None:
    decoded = codec.decode(coded(codec, width, height, points_of(codec)[-1]))
    # A picture that is shifted or whose padding is taken for it would be far off.
    check_kept(codec, decoded, picture(width, height).pixels, 20)


def test_the_smallest_picture_comes_back(codec: Codec) -> None:
    decoded = codec.decode(coded(codec, 16, 16, points_of(codec)[0]))
    assert decoded.shape == (16, 16, 3)


@pytest.mark.slow
def test_a_larger_picture_comes_back(codec: Codec) -> None:
    decoded = codec.decode(coded(codec, 320, 180, points_of(codec)[0]))
    check_kept(codec, decoded, picture(320, 180).pixels, 16)


@pytest.mark.slow
def test_the_same_bytes_each_time_and_in_threads(codec: Codec) -> None:
    point = points_of(codec)[-1]
    once = coded(codec, 64, 48, point)
    fresh = load_codec(codec.name)
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda _: fresh.encode(picture(64, 48), point), range(2)))
        pictures = list(pool.map(fresh.decode, again))
    assert again == [once, once]
    assert (pictures[0] == pictures[1]).all()


def test_its_cost_is_measured(codec: Codec) -> None:
    with metered() as cost:
        codec.encode(picture(64, 48), points_of(codec)[0])
    assert cost.cpu > 0
    assert cost.wall > 0


def test_fingerprint_is_stable(codec: Codec) -> None:
    assert codec.fingerprint == load_codec(codec.name).fingerprint


@pytest.mark.slow
def test_fingerprints_differ() -> None:
    able = []
    for name in ALL:
        with suppress(pytest.skip.Exception):
            able.append(ready(name))
    assert len({codec.fingerprint for codec in able}) == len(able) > len(NCN)


def survive(codec: Codec, stream: bytes, shape: tuple[int, ...] | None = None) -> None:
    """The codec refuses a damaged stream, or, if it cannot tell, returns some picture."""
    try:
        decoded = codec.decode(stream)
    except StreamError as error:
        assert str(error)
        assert "\n" not in str(error)
        return
    assert not codec.card.detects_damage, "it is said to detect damage, and did not"
    assert decoded.dtype == np.uint8
    assert decoded.ndim == 3
    assert shape is None or decoded.shape == shape


def test_a_stream_cut_short(codec: Codec) -> None:
    stream = coded(codec, 64, 48, points_of(codec)[-1])
    for length in (0, 1, 2, 5, 12, len(stream) // 3, len(stream) // 2, len(stream) - 1):
        survive(codec, stream[:length], (48, 64, 3))


def test_flipped_bits_in_the_payload_keep_the_size(codec: Codec) -> None:
    stream = coded(codec, 64, 48, points_of(codec)[-1])
    rng = random.Random(5)
    for _ in range(8):
        damaged = bytearray(stream)
        damaged[rng.randrange(len(stream) // 2, len(stream))] ^= 1 << rng.randrange(8)
        survive(codec, bytes(damaged), (48, 64, 3))


@pytest.mark.slow
def test_flipped_bits_in_the_headers(codec: Codec) -> None:
    stream = coded(codec, 64, 48, points_of(codec)[0])
    rng = random.Random(6)
    for place in rng.sample(range(min(40, len(stream))), 8):
        damaged = bytearray(stream)
        damaged[place] ^= 1 << rng.randrange(8)
        survive_any(codec, bytes(damaged))


def survive_any(codec: Codec, stream: bytes) -> None:
    """Some bits of a header say nothing of the picture, so that even a careful codec may decode."""
    try:
        decoded = codec.decode(stream)
    except StreamError:
        return
    assert decoded.ndim == 3


def test_what_is_no_stream_is_refused(codec: Codec) -> None:
    png = io.BytesIO()
    PillowImage.fromarray(picture(64, 48).pixels).save(png, format="PNG")
    rubbish = random.Random(7).randbytes(3000)
    for stream in (b"", b"\0", b"\xff", b"\0" * 500, rubbish, png.getvalue()):
        with pytest.raises(StreamError):
            codec.decode(stream)
