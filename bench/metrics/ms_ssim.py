"""MS-SSIM of 8-bit planes, twice: as libvmaf computes it, and as it is usually defined.

Both compare local means, variances and the covariance under an 11x11 Gaussian window (sigma 1.5,
only where all of it lies in the plane) at five scales. libvmaf averages contrast and structure
separately before it multiplies them, and halves the plane with a 9-tap wavelet low-pass; the usual
definition averages their product, and halves with a 2x2 mean (as pytorch-msssim: a side that is odd
gets a zero at both ends). At the finest scale both need the same statistics, computed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.images.colour import Pixels
from bench.metrics.filters import Floats, Plane, Tile, TileFilter, halve, symmetric

# libvmaf's tables, of six decimals. Its window's sum is not quite 1, which takes a share of the
# squared mean off its variances, 0.2 in bright areas, where it shows.
TABLE = symmetric(0.001028, 0.007599, 0.036001, 0.109361, 0.213006, 0.266012)
EXCESS = np.float32(TABLE.sum(dtype=np.float64) ** 2 - 1)
WINDOW = (TABLE / TABLE.sum(dtype=np.float64)).astype(np.float32)
WAVELET = symmetric(0.026727, -0.016828, -0.078201, 0.266846, 0.602914)
MEAN = np.array([0.5, 0.5], np.float32)
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
C3 = C2 / np.float32(2)

# Samples are shifted to -128..127: squares stay small, and 32 bits are enough for a variance.
MIDDLE = np.float32(128)
# The wavelet's sum is not quite 1 either: it moves the middle by so much.
WAVELET_SHIFT = MIDDLE * np.float32(WAVELET.sum(dtype=np.float64) ** 2 - 1)

# Five fields of such a tile, their filtered copies and the maps fill a second-level cache.
MAX_TILE = (16, 1024)


@dataclass(frozen=True)
class Similarity:
    """MS-SSIM of a pair by both definitions, 1 for identical planes."""

    libvmaf: float
    usual: float


def ms_ssim(
    reference: Pixels, others: Sequence[Pixels], *, libvmaf: bool = True, usual: bool = True
) -> list[Similarity]:
    """MS-SSIM of planes against one reference; NaN for a definition that is not selected."""
    planes = [_shift(plane) for plane in (reference, *others)]
    finest = _compare(planes, False, libvmaf=libvmaf, usual=usual)
    by_libvmaf = by_usual = [math.nan] * len(others)
    if libvmaf:
        by_libvmaf = _product(planes, finest, _halve_by_wavelet, _libvmaf_term, libvmaf=True)
    if usual:
        by_usual = _product(planes, finest, _halve_by_mean, _usual_term, usual=True)
    return [Similarity(*values) for values in zip(by_libvmaf, by_usual, strict=True)]


def _product(
    planes: Sequence[Plane],
    finest: list[_Terms],
    halve: Callable[[Plane], Plane],
    term: Callable[[_Terms, bool], float],
    **definition: bool,
) -> list[float]:
    """The product of the terms of all scales, each to the power of its weight."""
    products = [1.0] * len(finest)
    for scale, weight in enumerate(WEIGHTS):
        coarsest = scale == len(WEIGHTS) - 1
        if scale:
            planes = [halve(plane) for plane in planes]
        compared = _compare(planes, coarsest, **definition) if scale else finest
        for index, terms in enumerate(compared):
            products[index] *= term(terms, coarsest) ** weight
    return products


def _libvmaf_term(terms: _Terms, coarsest: bool) -> float:
    # Where structures are opposed on the whole libvmaf has NaN; here it is 0, the worst.
    product = terms.contrast * max(terms.structure, 0.0)
    return product * (terms.luminance if coarsest else 1.0)


def _usual_term(terms: _Terms, coarsest: bool) -> float:
    return max(terms.both, 0.0)


def decibels(similarity: float) -> float:
    """-10 log10(1 - x), at most 60 dB, as for PSNR."""
    return -10 * math.log10(max(1 - similarity, 1e-6))


def _shift(plane: Pixels) -> Plane:
    return (plane ^ 128).view(np.int8)


def _halve_by_wavelet(plane: Plane) -> Floats:
    padded: NDArray[Any] = np.pad(plane, len(WAVELET) // 2, mode="symmetric")
    half = halve(padded, WAVELET, _half_size(plane))
    half += WAVELET_SHIFT
    return half


def _halve_by_mean(plane: Plane) -> Floats:
    ends = [(side % 2, side % 2) for side in plane.shape]
    padded: NDArray[Any] = (
        np.pad(plane, ends, constant_values=-128) if any(map(any, ends)) else plane
    )
    return halve(padded, MEAN, _half_size(plane))


def _half_size(plane: Plane) -> tuple[int, int]:
    return -(-plane.shape[0] // 2), -(-plane.shape[1] // 2)


@dataclass
class _Terms:
    """What one scale is judged by: sums over its positions, then their means."""

    luminance: float = 0.0
    contrast: float = 0.0
    structure: float = 0.0
    both: float = 0.0  # contrast times structure, at the coarsest scale times luminance


@dataclass
class _Pair:
    """Local statistics of two planes over one tile."""

    tile: Tile
    mean_x: Floats
    mean_y: Floats
    variance_x: Floats
    variance_y: Floats
    covariance: Floats


def _compare(
    planes: Sequence[Plane], coarsest: bool, *, libvmaf: bool = False, usual: bool = False
) -> list[_Terms]:
    """The means at one scale of each plane against the first."""
    size = (planes[0].shape[0] - len(WINDOW) + 1, planes[0].shape[1] - len(WINDOW) + 1)
    window = TileFilter(WINDOW, 1, size, MAX_TILE, 5)
    maps = np.empty((4, window.rows, window.columns), np.float32)
    sums = [_Terms() for _ in planes[1:]]
    for tile in window.tiles():
        x = window.load(0, planes[0], tile)
        np.multiply(x, x, out=window.source[1])
        mean_x, variance_x = window.run(0, 2)
        _centre(variance_x, mean_x, mean_x, maps[0])
        for plane, terms in zip(planes[1:], sums, strict=True):
            y = window.load(2, plane, tile)
            np.multiply(y, y, out=window.source[3])
            np.multiply(x, y, out=window.source[4])
            mean_y, variance_y, covariance = window.run(2, 5)
            _centre(variance_y, mean_y, mean_y, maps[0])
            _centre(covariance, mean_x, mean_y, maps[0])
            pair = _Pair(tile, mean_x, mean_y, variance_x, variance_y, covariance)
            if usual:
                _add_usual_terms(terms, pair, maps, coarsest)
            if libvmaf:
                _add_libvmaf_terms(terms, pair, maps, coarsest)
    for terms in sums:
        for each in fields(terms):
            setattr(terms, each.name, getattr(terms, each.name) / (size[0] * size[1]))
    return sums


def _centre(moment: Floats, mean: Floats, other_mean: Floats, scratch: Floats) -> None:
    """Turn the mean of products into the (co)variance."""
    np.multiply(mean, other_mean, out=scratch)
    np.subtract(moment, scratch, out=moment)


def _luminance(pair: _Pair) -> Floats:
    x, y = pair.mean_x + MIDDLE, pair.mean_y + MIDDLE
    return np.asarray(np.divide(2 * (x * y) + C1, x * x + y * y + C1))


def _add_usual_terms(terms: _Terms, pair: _Pair, maps: Floats, coarsest: bool) -> None:
    """Add a tile's contrast times structure, which is (2 cov + C2) / (var_x + var_y + C2)."""
    half, spread, *_ = maps
    np.add(pair.covariance, C3, out=half)
    if coarsest:
        np.multiply(half, _luminance(pair), out=half)
    np.add(pair.variance_x, pair.variance_y, out=spread)
    np.add(spread, C2, out=spread)
    np.reciprocal(spread, out=spread)
    terms.both += 2 * _dot(half, spread, pair.tile)


def _add_libvmaf_terms(terms: _Terms, pair: _Pair, maps: Floats, coarsest: bool) -> None:
    """Add a tile's luminance (where it counts), contrast and structure; uses up y's arrays."""
    level_x, level_y, variance_x, scratch = maps
    variance_y, covariance = pair.variance_y, pair.covariance
    if coarsest:
        luminance = _luminance(pair)
        terms.luminance += _dot(luminance, np.ones_like(luminance), pair.tile)
    np.add(pair.mean_x, MIDDLE, out=level_x)
    np.add(pair.mean_y, MIDDLE, out=level_y)
    for moment, level, other, lowered in (
        (pair.variance_x, level_x, level_x, variance_x),
        (covariance, level_x, level_y, covariance),
        (variance_y, level_y, level_y, variance_y),
    ):
        np.multiply(level, other, out=scratch)
        np.multiply(scratch, EXCESS, out=scratch)
        np.subtract(moment, scratch, out=lowered)
    np.maximum(variance_x, 0, out=variance_x)
    np.maximum(variance_y, 0, out=variance_y)
    deviations, bound, spread = level_x, level_y, scratch
    np.multiply(variance_x, variance_y, out=deviations)
    np.sqrt(deviations, out=deviations)
    # A negative covariance counts as 0 where a variance is 0: the bound is 0 there, and out of
    # reach elsewhere.
    np.multiply(deviations, np.float32(-1e6), out=bound)
    np.maximum(covariance, bound, out=covariance)
    np.add(covariance, C3, out=covariance)
    np.add(deviations, C3, out=deviations)
    np.add(variance_x, variance_y, out=spread)
    np.add(spread, C2, out=spread)
    np.reciprocal(spread, out=spread)
    terms.contrast += 2 * _dot(deviations, spread, pair.tile)
    np.reciprocal(deviations, out=deviations)
    terms.structure += _dot(covariance, deviations, pair.tile)


def _dot(a: Floats, b: Floats, tile: Tile) -> float:
    """The sum of products over the tile's part of two maps."""
    rows, columns = (side.stop - side.start for side in tile)
    a, b = a[:rows, :columns], b[:rows, :columns]
    return float((a[:, None, :] @ b[:, :, None]).sum(dtype=np.float64))  # row by row
