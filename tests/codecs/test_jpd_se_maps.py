"""Maps of ids: exact, small, the same on every machine, and safe to decode."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.codecs.families.jpd_se.maps import Ids, decode_map, encode_map
from bench.errors import StreamError

SAMPLE = Path(__file__).parents[2].parent / "shared/data/cityscapes-sample/gtFine"
SIZES = st.tuples(st.integers(1, 24), st.integers(1, 24))
FEW, ANY = st.integers(0, 3), st.integers(0, 2**16 - 1)


def regions(width: int, height: int, seed: int = 0, count: int = 12) -> Ids:
    """Boxes of ids over one another."""
    rng = np.random.default_rng(seed)
    ids = np.full((height, width), 7, np.uint16)
    for _ in range(count):
        left, top = rng.integers(width), rng.integers(height)
        wide, high = rng.integers(1, 2 + width // 2), rng.integers(1, 2 + height // 2)
        ids[top : top + high, left : left + wide] = rng.integers(34000)
    return ids


@settings(deadline=None, max_examples=150)
@given(
    arrays.arrays(np.uint16, SIZES, elements=FEW) | arrays.arrays(np.uint16, SIZES, elements=ANY)
)
def test_any_map_comes_back(ids: Ids) -> None:
    height, width = ids.shape
    decoded = decode_map(encode_map(ids), width, height)
    assert decoded.dtype == np.uint16
    assert (decoded == ids).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (1, 90), (300, 2), (97, 131)])
def test_odd_shapes_come_back(width: int, height: int) -> None:
    ids = regions(width, height)
    assert (decode_map(encode_map(ids), width, height) == ids).all()


def test_one_id_costs_next_to_nothing() -> None:
    assert len(encode_map(np.full((200, 300), 26001, np.uint16))) < 40


def test_a_map_has_the_same_bytes_on_every_machine() -> None:
    coded = encode_map(regions(200, 120, seed=3))
    assert hashlib.sha256(coded).hexdigest() == DIGEST


DIGEST = "a3bdf42f4d3e396e5478e0b78dbac7a504b15d3d13234f068469fab33896c4a9"


def test_damaged_maps_give_another_map_or_one_error() -> None:
    rng, ids = random.Random(4), regions(90, 60)
    coded = encode_map(ids)
    for _ in range(60):
        damaged = bytearray(coded)
        damaged[rng.randrange(len(coded))] ^= 1 << rng.randrange(8)
        survive(bytes(damaged[: rng.randrange(len(coded) + 1)]))
    for length in (0, 1, 2, 3, 50, 500):
        survive(rng.randbytes(length))
    survive(b"\xff" * 300)
    survive(b"\0" * 300)


def survive(coded: bytes) -> None:
    try:
        decoded = decode_map(coded, 90, 60)
    except StreamError as error:
        assert "\n" not in str(error)
        return
    assert decoded.shape == (60, 90)


@pytest.mark.slow
def test_cityscapes_maps_are_smaller_than_by_webp() -> None:
    paths = sorted(SAMPLE.glob("val/*/*_instanceIds.png"))
    if not paths:
        pytest.skip(f"no sample of Cityscapes at {SAMPLE}")
    sizes, webp = [], 0
    for path in paths:
        with Image.open(path) as opened:
            ids = np.asarray(opened.resize((1024, 512), Image.Resampling.NEAREST)).astype(np.uint16)
        coded = encode_map(ids)
        assert (decode_map(coded, 1024, 512) == ids).all()
        sizes.append(8 * len(coded) / ids.size)
        webp += _webp_size(ids)
    assert len(sizes) == 10
    assert np.mean(sizes) <= 0.05
    assert sum(sizes) * 1024 * 512 / 8 < webp


def _webp_size(ids: Ids) -> int:
    """Of the smallest it makes: both bytes of an id as colours."""
    colours = np.stack([ids & 255, ids >> 8, np.zeros_like(ids)], axis=-1).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(colours).save(written, "WEBP", lossless=True, quality=100, method=6)
    return len(written.getvalue())
