"""Quality figures of decoded pictures, many pairs at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.colour import Pixels
from bench.errors import DataError
from bench.image import pad
from bench.metrics.ms_ssim import decibels, ms_ssim
from bench.metrics.table import Metric, quality_metrics, why_undefined
from bench.metrics.vmaf import Planes, convert

Pair = tuple[Pixels, Pixels]
Values = dict[str, float]

# As libvmaf caps it at 8 bits.
MOST_PSNR = 60.0
# Pixels of the pairs that go through one ffmpeg, four of 2048x1024: they share its start, and it
# holds no more than some 200 MB of them.
_PROCESS_PIXELS = 2**23
# Rows whose differences stay in the cache.
_STRIP_SAMPLES = 2**16


def measure(pairs: Sequence[Pair], names: Sequence[str]) -> list[Values]:
    """The named metrics of each (original, decoded) pair of RGB pictures, all of one size.

    A metric that has no value at that size is NaN; ``why_undefined`` tells the reason. Pairs that
    hold the same original array share the work on it.
    """
    metrics = quality_metrics(names)
    if len({picture.shape for pair in pairs for picture in pair}) > 1:
        raise DataError("pictures that are compared must all have the same size")
    if not pairs:
        return []
    height, width, _ = pairs[0][0].shape
    defined = [metric for metric in metrics if why_undefined(metric.name, width, height) is None]
    most = max(1, _PROCESS_PIXELS // (width * height))
    values: list[Values] = []
    for start in range(0, len(pairs), most):
        values += _measure_some(pairs[start : start + most], defined)
    return [{metric.name: some.get(metric.name, math.nan) for metric in metrics} for some in values]


def _measure_some(pairs: Sequence[Pair], metrics: Sequence[Metric]) -> list[Values]:
    names = {metric.name for metric in metrics}
    values: list[Values] = [{} for _ in pairs]
    if "psnr_rgb" in names:
        for some, (original, decoded) in zip(values, pairs, strict=True):
            some["psnr_rgb"] = psnr(original, decoded)
    if not any(metric.ycbcr for metric in metrics):
        return values
    models = {metric.name: metric.vmaf_model for metric in metrics if metric.vmaf_model}
    # Odd sides are padded to even, both alike, as 4:2:0 needs it.
    even = [(pad(original, 2), pad(decoded, 2)) for original, decoded in pairs]
    converted = convert(even, list(models.values()))
    for some, pair in zip(values, converted, strict=True):
        some |= {name: pair.scores[model] for name, model in models.items()}
        if names & {"psnr_y", "psnr_cb", "psnr_cr", "psnr_611"}:
            some |= _psnr_of_planes(pair.original, pair.decoded)
    if names & {"ssim_db", "ms_ssim_db"}:
        for same in _with_one_original(pairs):
            others = [converted[index].decoded.y for index in same]
            found = ms_ssim(
                converted[same[0]].original.y,
                others,
                libvmaf="ssim_db" in names,
                usual="ms_ssim_db" in names,
            )
            for index, similarity in zip(same, found, strict=True):
                values[index]["ssim_db"] = decibels(similarity.libvmaf)
                values[index]["ms_ssim_db"] = decibels(similarity.usual)
    return values


def _with_one_original(pairs: Sequence[Pair]) -> list[list[int]]:
    """The indices of the pairs, those with the same original array together."""
    groups: dict[int, list[int]] = {}
    for index, (original, _) in enumerate(pairs):
        groups.setdefault(id(original), []).append(index)
    return list(groups.values())


def _psnr_of_planes(original: Planes, decoded: Planes) -> Values:
    y, cb, cr = (
        psnr(getattr(original, plane), getattr(decoded, plane)) for plane in ("y", "cb", "cr")
    )
    return {"psnr_y": y, "psnr_cb": cb, "psnr_cr": cr, "psnr_611": (6 * y + cb + cr) / 8}


def psnr(original: Pixels, decoded: Pixels) -> float:
    """PSNR over all samples of two 8-bit pictures or planes, at most 60 dB as in libvmaf."""
    samples = original.shape[1]
    a, b = original.reshape(-1, samples), decoded.reshape(-1, samples)
    rows = max(1, _STRIP_SAMPLES // samples)
    total = 0.0
    for top in range(0, len(a), rows):
        one, other = a[top : top + rows], b[top : top + rows]
        # The sums of a row are whole numbers, exact in 32 bits for all but hopeless pictures.
        difference = (np.maximum(one, other) - np.minimum(one, other)).astype(np.float32)
        squares = difference[:, None, :] @ difference[:, :, None]
        total += float(squares.sum(dtype=np.float64))
    if total == 0:
        return MOST_PSNR
    return min(10 * math.log10(255**2 * a.size / total), MOST_PSNR)
