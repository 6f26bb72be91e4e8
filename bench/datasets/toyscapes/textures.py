"""What streets are made of: asphalt, cobbles, slabs, grass, leaves; each a page of one ripmap."""

from __future__ import annotations

from functools import cache

import numpy as np

from bench.datasets.toyscapes.noise import Bytes, Floats32, Texture, layered, ripmap, to_bytes

ASPHALT, PATCHED, COBBLES, SLABS, GRASS, GRAVEL = range(6)
_SIZE = 512
PER_METRE = 80.0


def _page(lightness: Floats32) -> Bytes:
    """The first byte weighs the tint of the place; the others, added light, stay dark here."""
    page = np.zeros((*lightness.shape, 4), np.uint8)
    page[..., 0] = to_bytes(lightness)
    return page


def _asphalt(key: str, stains: float) -> Floats32:
    grit = layered(_SIZE, {512: 0.13, 256: 0.13, 128: 0.09, 32: 0.04}, key)
    cloud = layered(
        _SIZE, {2: 0.07, 4: 0.06, 8: 0.05, 16: 0.045, 32: 0.035, 64: 0.03}, key, "cloud"
    )
    lightness: Floats32 = np.float32(0.62) + grit + cloud
    field = layered(_SIZE, {4: 1.0, 8: 0.6, 16: 0.35, 32: 0.2, 64: 0.12}, key, "crack")
    crack = np.abs(field) < 0.012
    lightness[crack & (cloud > 0.02)] *= np.float32(0.62)
    if stains:
        spots = layered(_SIZE, {8: 1.0, 16: 0.7, 32: 0.4}, key, "spots")
        lightness[spots > 0.75] -= np.float32(stains)
    return lightness


def _setts(rows: int, columns: int, key: str, joint: float) -> Floats32:
    """Stones in rows, each row shifted, each stone of its own grey and slightly domed."""
    step_down, step_across = _SIZE // rows, _SIZE // columns
    down = np.arange(_SIZE, dtype=np.int32)[:, None]
    wobble = np.rint(layered(_SIZE, {16: 2.5, 64: 1.5}, key, "wobble")).astype(np.int32)
    down = down + wobble
    row = (down // step_down) % rows
    across = np.arange(_SIZE, dtype=np.int32)[None, :] + (row * 37) % step_across + wobble.T
    column = (across // step_across) % columns
    tones = layered(_SIZE, {_SIZE: 0.16}, key, "tone")
    tone = tones[row, column]
    y = (down % step_down).astype(np.float32) / np.float32(step_down) * 2 - 1
    x = (across % step_across).astype(np.float32) / np.float32(step_across) * 2 - 1
    y4, x4 = y * y * y * y, x * x * x * x
    dome = 1 - np.float32(joint) * np.maximum(y4, x4)
    grit = layered(_SIZE, {512: 0.06, 256: 0.06, 64: 0.04, 8: 0.05}, key)
    stones: Floats32 = (np.float32(0.68) + tone) * dome + grit
    return stones


def _grass() -> Floats32:
    blades = layered(_SIZE, {512: 0.20, 256: 0.18, 128: 0.10}, "grass")
    tufts = layered(_SIZE, {4: 0.08, 16: 0.10, 32: 0.08, 64: 0.08}, "tufts")
    return np.float32(0.5) + blades + tufts


@cache
def ground() -> Texture:
    gravel = np.float32(0.6) + layered(_SIZE, {512: 0.15, 128: 0.15, 64: 0.1, 8: 0.06}, "gravel")
    pages = [
        _asphalt("asphalt", 0.0),
        _asphalt("patched", 0.10),
        _setts(48, 32, "cobbles", 0.55),
        _setts(12, 16, "slabs", 0.30),
        _grass(),
        gravel,
    ]
    return ripmap([_page(page) for page in pages], PER_METRE)


@cache
def leaves() -> Texture:
    """Bytes: lightness, raggedness fine, raggedness coarse, nothing."""
    size = 256
    pages = []
    for kind, (fine, rough) in enumerate(((0.30, 0.30), (0.22, 0.42))):
        light = layered(size, {256: fine, 128: rough, 64: 0.32, 32: 0.26, 16: 0.20}, "leaf", kind)
        light = np.float32(0.40) + light * np.float32(1.45)
        light = np.where(light < 0.3, light * np.float32(0.35), light)
        page = np.zeros((size, size, 4), np.uint8)
        page[..., 0] = to_bytes(light)
        ragged = layered(size, {128: 0.25, 64: 0.25, 32: 0.20}, "ragged", kind)
        page[..., 1] = to_bytes(np.float32(0.5) + ragged)
        coarse = layered(size, {16: 0.3, 8: 0.25, 4: 0.2}, "coarse", kind)
        page[..., 2] = to_bytes(np.float32(0.5) + coarse)
        pages.append(page)
    return ripmap(pages, 24.0)


@cache
def clouds() -> Bytes:
    size = 512
    octaves = {2: 0.3, 4: 0.28, 8: 0.2, 16: 0.12, 32: 0.07, 64: 0.04, 128: 0.02}
    return to_bytes(np.float32(0.5) + layered(size, octaves, "clouds"))


@cache
def mottle() -> Floats32:
    """Around 1: folds, dents and dirt, for whatever has no texture of its own."""
    octaves = {512: 0.06, 256: 0.09, 128: 0.09, 64: 0.07, 16: 0.05}
    return np.float32(1) + layered(1024, octaves, "mottle")


@cache
def grain() -> Floats32:
    """Of mean 0 and deviation about 1, a little correlated like a demosaiced sensor's noise."""
    size = 1024
    raw = np.zeros((size, size), np.float32)
    for k in range(4):
        raw += layered(size, {size: 1.0}, "grain", k)
    raw = raw * np.float32(0.8) + np.roll(raw, 1, 0) * np.float32(0.25)
    raw = raw * np.float32(0.8) + np.roll(raw, 1, 1) * np.float32(0.25)
    return raw * np.float32(1.05)
