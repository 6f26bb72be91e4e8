"""A metric of image quality: the mean absolute error, in decibels so that more is better.

docs/adding-a-metric.md explains each field.
"""

import math

import numpy as np

from bench.metrics import Group, Metric


def mean_error(original, decoded):
    """Of two pictures, RGB (height, width, 3) of 8 bits; several threads call it at once."""
    error = np.abs(original.astype(int) - decoded).mean()
    return min(100.0, -20 * math.log10(max(error, 1e-9) / 255))


METRIC = Metric(
    name="mean-error",  # the name of the entry point
    title="Mean error",
    unit="dB",
    higher_is_better=True,
    compares="R, G and B, as -20 log10(mean absolute error / 255)",
    group=Group.QUALITY,
    version="1",  # values are kept under it: change it whenever the function gives others
    default=False,  # measured only where it is named
    function=mean_error,
)
