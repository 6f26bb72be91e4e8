"""Masks as run lengths, against COCO's own tool."""

from __future__ import annotations

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco

from bench.errors import DataError
from bench.instances.run_lengths import RunLengths, encode, from_coco

Mask = NDArray[np.bool_]
SIZES = st.tuples(st.integers(1, 30), st.integers(1, 30))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(arrays.arrays(np.bool_, SIZES, fill=st.booleans()))
def test_equals_cocos_tool(mask: Mask) -> None:
    runs = encode(mask)
    theirs = coco.encode(np.asfortranarray(mask, np.uint8))
    assert runs.to_coco() == {"size": list(mask.shape), "counts": theirs["counts"].decode()}
    assert (runs.decode() == mask).all()
    assert runs.area == mask.sum()
    assert from_coco(runs.to_coco()) == runs
    assert from_coco(theirs) == runs
    x, y, width, height = coco.toBbox(theirs)
    if runs.area:
        assert runs.box() == (x, y, x + width, y + height)
    else:
        assert runs.box() == (0, 0, 0, 0)


def test_large_masks_and_long_runs() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((1024, 2048), np.bool_)
    mask[300:700, 500:900] = rng.random((400, 400)) < 0.5
    mask[-1, -1] = True
    for one in (mask, ~mask, mask.astype(np.uint8) * 255):
        theirs = coco.encode(np.asfortranarray(one != 0, np.uint8))
        assert encode(one).to_coco()["counts"] == theirs["counts"].decode()
        assert (encode(one).decode() == (one != 0)).all()


def test_runs_that_are_empty_are_read() -> None:
    mask = RunLengths(2, 3, np.array([1, 2, 0, 1, 2, 0]))
    assert mask.decode().T.ravel().tolist() == [False, True, True, True, False, False]
    assert (mask.area, mask.box()) == (3, (0, 0, 2, 2))
    assert from_coco(mask.to_coco()) == mask


def test_a_mask_never_changes() -> None:
    counts = np.array([3, 3])
    mask = RunLengths(2, 3, counts)
    counts[0] = 0
    assert mask.area == 3
    with pytest.raises(ValueError, match="read-only"):
        mask.counts[0] = 0


@pytest.mark.parametrize(
    ("coded", "problem"),
    [
        ({}, "need a size"),
        ({"size": 7, "counts": "1"}, "need a size"),
        ({"size": [2, 3, 4], "counts": "1"}, "need a size"),
        ({"size": [2, 3], "counts": [3, 3]}, "not a string"),
        ({"size": [2, 3], "counts": "33 "}, "damaged: not COCO's characters"),
        ({"size": [2, 3], "counts": "33é"}, "damaged: not COCO's characters"),
        ({"size": [2, 3], "counts": "3S"}, "cut off"),
        ({"size": [2, 3], "counts": "PPPPPPPP3"}, "a number too large"),
        ({"size": [2, 3], "counts": ""}, "a mask of 3x2: they are of 0 pixels, not 6"),
        ({"size": [2, 3], "counts": "34"}, "they are of 7 pixels, not 6"),
        ({"size": [2, 3], "counts": "8N"}, "a run shorter than nothing"),
        ({"size": [-2, -3], "counts": "6"}, "invalid size"),
    ],
)
def test_broken_run_lengths_are_refused(coded: dict[str, object], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        from_coco(coded)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=20))
def test_any_bytes_are_run_lengths_or_refused(counts: bytes) -> None:
    try:
        mask = from_coco({"size": [5, 7], "counts": counts})
    except DataError:
        return
    assert mask.decode().shape == (5, 7)
