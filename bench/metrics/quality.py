"""Quality figures of decoded pictures, many pairs at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.errors import DataError
from bench.images.colour import Pixels
from bench.images.image import pad
from bench.metrics.ms_ssim import decibels, ms_ssim
from bench.metrics.psnr import psnr_ycbcr
from bench.metrics.table import METRICS, Metric, quality_metrics, why_undefined
from bench.metrics.vmaf import convert
from bench.runtime.text import grouped

Pair = tuple[Pixels, Pixels]
Values = dict[str, float]

# Pixels of the pairs that go through one ffmpeg, four of 2048x1024: they share its start, and it
# holds no more than some 200 MB of them.
_PROCESS_PIXELS = 2**23
_PSNR_YCBCR = {"psnr_y", "psnr_cb", "psnr_cr", "psnr_611"}


def measure(pairs: Sequence[Pair], names: Sequence[str]) -> list[Values]:
    """The named metrics of each (original, decoded) pair of RGB pictures, all of one size.

    A metric that has no value at that size is NaN; ``why_undefined`` gives the reason. Pairs that
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
    for metric in metrics:
        if metric.function:
            with METRICS.called(metric.name):
                for some, (original, decoded) in zip(values, pairs, strict=True):
                    some[metric.name] = float(metric.function(original, decoded))
    if names & _PSNR_YCBCR:
        for some, (original, decoded) in zip(values, pairs, strict=True):
            y, cb, cr = psnr_ycbcr(original, decoded)
            some |= {"psnr_y": y, "psnr_cb": cb, "psnr_cr": cr, "psnr_611": (6 * y + cb + cr) / 8}
    if not any(metric.ycbcr for metric in metrics):
        return values
    models = {metric.name: metric.vmaf_model for metric in metrics if metric.vmaf_model}
    # Odd sides are padded to even, both alike, as 4:2:0 needs it.
    even = [(pad(original, 2), pad(decoded, 2)) for original, decoded in pairs]
    converted = convert(even, list(models.values()))
    for some, pair in zip(values, converted, strict=True):
        some |= {name: pair.scores[model] for name, model in models.items()}
    libvmaf, usual = "ssim_db" in names, "ms_ssim_db" in names
    if libvmaf or usual:
        by_original = grouped((id(original), index) for index, (original, _) in enumerate(pairs))
        for same in by_original.values():
            original = converted[same[0]].original
            others = [converted[index].decoded for index in same]
            found = ms_ssim(original, others, libvmaf=libvmaf, usual=usual)
            for index, similarity in zip(same, found, strict=True):
                values[index]["ssim_db"] = decibels(similarity.libvmaf)
                values[index]["ms_ssim_db"] = decibels(similarity.usual)
    return values
