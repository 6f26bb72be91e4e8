"""PSNR of 8-bit RGB pictures: of the samples themselves, or of Y, Cb and Cr with their fractions.

The conversion to YCbCr is linear: the difference of two pictures in YCbCr is that of their RGB,
converted, and nothing is rounded. Rounding to 8 bits would take more from a codec of 10 bits than
from one of 8, whose levels survive the way through RGB (``docs/footguns.md``). Matrix and filter
are those of ``bench.images.colour``: BT.601, limited range, bicubic 4:2:0.
"""

from __future__ import annotations

import math

import numpy as np

from bench.images.colour import Pixels
from bench.images.image import pad
from bench.metrics.filters import Floats, TileFilter

MAX_PSNR = 60.0  # as libvmaf caps it at 8 bits
# Of R, G and B, in 8-bit levels.
_Y = np.array([0.299, 0.587, 0.114], np.float32) * np.float32(219 / 255)
_CB = np.array([-0.299, -0.587, 0.886], np.float32) * np.float32(224 / 255 / 1.772)
_CR = np.array([0.701, -0.587, -0.114], np.float32) * np.float32(224 / 255 / 1.402)
# swscale's, in both directions: a sample of chroma lies between two pixels.
_TAPS = np.array([-232, -688, 1968, 7144, 7144, 1968, -688, -232], np.float32) / np.float32(2**14)
_BORDER = len(_TAPS) // 2 - 1
_TILE = (16, 1024)  # of chroma, which stays in the cache
_STRIP_SAMPLES = 2**16  # of RGB, which do so, too


def psnr(original: Pixels, decoded: Pixels) -> float:
    """PSNR over all samples, at most 60 dB."""
    samples = original.shape[1]
    a, b = original.reshape(-1, samples), decoded.reshape(-1, samples)
    rows = max(1, _STRIP_SAMPLES // samples)
    total = 0.0
    for top in range(0, len(a), rows):
        one, other = a[top : top + rows], b[top : top + rows]
        # The sums of a row are whole numbers, exact in 32 bits for all but hopeless pictures.
        difference = (np.maximum(one, other) - np.minimum(one, other)).astype(np.float32)
        total += _squares(difference)
    return _decibels(total / a.size)


def psnr_ycbcr(original: Pixels, decoded: Pixels) -> tuple[float, float, float]:
    """PSNR of Y, Cb and Cr in 4:2:0, at most 60 dB each; odd sides are padded to even."""
    original, decoded = pad(original, 2), pad(decoded, 2)
    height, width, _ = original.shape
    rows = min(_TILE[0], height // 2)
    lowpass = TileFilter(_TAPS, 2, (rows, width // 2), _TILE, 2)
    difference, other = np.empty((2, 2 * (rows + _BORDER), width, 3), np.float32)
    chroma = np.empty((2, len(difference), width + 2 * _BORDER), np.float32)
    y_total, totals = 0.0, [0.0, 0.0]
    for top in range(0, height, 2 * rows):
        # A picture is extended by its border.
        taken = np.arange(top - _BORDER, top + 2 * rows + _BORDER).clip(0, height - 1)
        difference[...] = original[taken]
        other[...] = decoded[taken]
        np.subtract(difference, other, out=difference)
        y_total += _squares(difference[_BORDER : _BORDER + min(2 * rows, height - top)] @ _Y)
        for plane, matrix in zip(chroma, (_CB, _CR), strict=True):
            plane[:, _BORDER:-_BORDER] = difference @ matrix
            plane[:, :_BORDER] = plane[:, _BORDER : _BORDER + 1]
            plane[:, -_BORDER:] = plane[:, -_BORDER - 1 : -_BORDER]
        for tile in lowpass.tiles():
            for index, plane in enumerate(chroma):
                lowpass.load(index, plane, tile)
            for index, found in enumerate(lowpass.run(0, 2)):
                part = found[: (height - top) // 2, : tile[1].stop - tile[1].start]
                totals[index] += _squares(part)
    pixels = height * width
    cb, cr = (_decibels(total / (pixels / 4)) for total in totals)
    return _decibels(y_total / pixels), cb, cr


def _squares(values: Floats) -> float:
    """The sum of the squares, row by row."""
    return float((values[:, None, :] @ values[:, :, None]).sum(dtype=np.float64))


def _decibels(mean_square: float) -> float:
    if mean_square <= 0:
        return MAX_PSNR
    return min(10 * math.log10(255**2 / mean_square), MAX_PSNR)
