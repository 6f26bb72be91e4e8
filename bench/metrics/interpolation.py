"""Curves through a few points, many at a time, integrated in closed form.

- ``akima``: the slopes of ``scipy.interpolate.Akima1DInterpolator``, its linear extension of the
  secants at both ends and its rule for undefined slopes (where the secants bend by less than 1e-9
  of the curve's sharpest bend) included, as in scipy 1.17;
- ``pchip``: the slopes of ``scipy.interpolate.PchipInterpolator``, as in the JCT-VC sheet;
- ``cubic``: one least-squares polynomial of degree 3, which needs four points.

In numpy alone: importing scipy would cost more than a bootstrap's thousands of integrals. scipy is
the oracle in the tests instead.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Method = Literal["akima", "pchip", "cubic"]
Integral = Callable[[FloatArray, FloatArray], FloatArray]
"""Of each of many functions, from its lower limit to its upper one."""


def interpolate(x: FloatArray, y: FloatArray, method: Method) -> Integral:
    """The integral of each curve, whose points are a column of rising x."""
    if method == "cubic":
        return _cubic(x, y)
    step, rise = np.diff(x, axis=0), np.diff(y, axis=0)
    secant = rise / step
    if len(x) == 2:
        slope = np.concatenate([secant, secant])
    else:
        slope = _akima_slopes(secant) if method == "akima" else _pchip_slopes(step, secant)
    # Hermite's cubic on each segment, in t = 0 … 1 along it.
    linear = step * slope[:-1]
    cubic = linear + step * slope[1:] - 2 * rise
    square = rise - linear - cubic

    def primitive(limit: FloatArray) -> FloatArray:
        t = np.clip((limit - x[:-1]) / step, 0, 1)
        return np.asarray(step * t * (y[:-1] + t * (linear / 2 + t * (square / 3 + t * cubic / 4))))

    return lambda low, high: (primitive(high) - primitive(low)).sum(axis=0)


def _akima_slopes(secant: FloatArray) -> FloatArray:
    extended = np.empty((len(secant) + 4, secant.shape[1]))
    extended[2:-2] = secant
    for i, one, two in (1, 2, 3), (0, 1, 2), (-2, -3, -4), (-1, -2, -3):
        extended[i] = 2 * extended[one] - extended[two]
    bend = np.abs(np.diff(extended, axis=0))
    before, after = bend[:-2], bend[2:]
    both = before + after
    left, right = extended[1:-2], extended[2:-1]
    slope: FloatArray = left + before / both * (right - left)
    undefined = both <= 1e-9 * both.max(axis=0)
    slope[undefined] = ((extended[:-3] + extended[3:]) / 2)[undefined]
    return slope


def _pchip_slopes(step: FloatArray, secant: FloatArray) -> FloatArray:
    """On rising curves, where scipy's cases of changing signs cannot occur."""
    weight_before, weight_after = step[:-1] + 2 * step[1:], 2 * step[:-1] + step[1:]
    harmonic_mean = (weight_before + weight_after) / (
        weight_before / secant[:-1] + weight_after / secant[1:]
    )

    slope = np.empty((len(secant) + 1, secant.shape[1]))
    slope[1:-1] = harmonic_mean
    for end, inner in (0, 1), (-1, -2):
        bent = (2 * step[end] + step[inner]) * secant[end] - step[end] * secant[inner]
        slope[end] = np.maximum(bent / (step[end] + step[inner]), 0)
    return slope


def _cubic(x: FloatArray, y: FloatArray) -> Integral:
    if len(x) < 4:
        return lambda low, high: np.full(len(low), np.nan)
    middle, half = (x[0] + x[-1]) / 2, (x[-1] - x[0]) / 2  # fitted in −1 … 1, for accuracy
    powers = ((x - middle) / half).T[..., None] ** np.arange(4)
    constant, linear, square, cubic = (np.linalg.pinv(powers) @ y.T[..., None])[..., 0].T

    def primitive(limit: FloatArray) -> FloatArray:
        t = (limit - middle) / half
        sums = constant + t * (linear / 2 + t * (square / 3 + t * cubic / 4))
        return np.asarray(half * t * sums)

    return lambda low, high: primitive(high) - primitive(low)
