"""Laplace distributions as tables of whole numbers, the same on every machine.

A distribution is one of a grid of scales and of fractions that its location has beyond a whole
number; its table has a weight for each difference from that whole number, up to a reach, and one
for all that lies beyond. The exponentials are decimal's, which are rounded correctly wherever
Python runs; all else is single additions and multiplications of doubles, and whole numbers.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Twice as many fractions would save 0.15 % of the bits of pictures at 0.03 bpp, and less of others.
SCALES = 128
FRACTIONS = 64
_SMALLEST, _LARGEST = Decimal("0.005"), Decimal("64")
# How far a table reaches, in multiples of its scale, and at least in steps. That is far beyond
# what has a 2²⁴th of the probability, as the models of untrained or foreign images err that much.
_REACH, _MIN_REACH = 25, 16
_FURTHEST = 2**15  # coded values are nearer to 0: no centre needs to be further away
_TOTAL = 2**24  # what constriction's probabilities add up to

# A context of its own: the program that imports bench may have set another precision.
_DIGITS = Context(prec=40, rounding=ROUND_HALF_EVEN)


@cache
def scale(index: int) -> Decimal:
    """The scales are in geometric progression."""
    with localcontext(_DIGITS):
        ratio = (_LARGEST / _SMALLEST).ln()
        return _SMALLEST * (ratio * index / (SCALES - 1)).exp()


def choose_tables(
    mu: NDArray[np.float64], raw: NDArray[np.float64], unit: int
) -> tuple[NDArray[np.uint16], NDArray[np.int32]]:
    """The number of each element's table, and the whole number that it is centred on.

    μ and r are whole numbers of ``unit``-ths; σ = log(1 + exp(-r)).
    """
    near = np.rint(mu * (FRACTIONS / unit)).clip(-_FURTHEST * FRACTIONS, _FURTHEST * FRACTIONS)
    fine = near.astype(np.int32) + FRACTIONS // 2
    centre, fraction = fine // FRACTIONS, fine % FRACTIONS
    step = np.floor(raw * (_RAW_STEPS / unit)).clip(_RAW_MIN, _RAW_MAX).astype(np.int32)
    return _first_tables()[step - _RAW_MIN] + fraction.astype(np.uint16), centre


# A scale is chosen by r, in such steps: a fifth of those between the smallest scales.
_RAW_STEPS = 64
_RAW_MIN, _RAW_MAX = -80 * _RAW_STEPS, 8 * _RAW_STEPS


@cache
def _first_tables() -> NDArray[np.uint16]:
    """The first table of the scale that each step of r is nearest to."""
    thresholds = []
    with localcontext(_DIGITS):
        for index in range(SCALES - 1):
            between = (scale(index) * scale(index + 1)).sqrt()
            thresholds.append(-float((between.exp() - 1).ln()))
    steps = (np.arange(_RAW_MIN, _RAW_MAX + 1) + 0.5) / _RAW_STEPS
    larger = np.searchsorted(np.array(thresholds[::-1]), steps)
    return np.array((SCALES - 1 - larger) * FRACTIONS, np.uint16)


@cache
def reaches() -> NDArray[np.int32]:
    """How far from its centre each table goes."""
    with localcontext(_DIGITS):
        of_scales = [max(_MIN_REACH, round(scale(index) * _REACH)) for index in range(SCALES)]
    return np.repeat(np.array(of_scales, np.int32), FRACTIONS)


@cache
def weights(table: int) -> NDArray[np.float64]:
    """Whole numbers, in proportion to the probabilities of -reach to reach and of all beyond.

    They add up to 2²⁴ less one for each, which a coder gives back to each.
    """
    table_scale, reach = scale(table // FRACTIONS), int(reaches()[table])
    with localcontext(_DIGITS):
        fraction, half = Decimal(table % FRACTIONS - FRACTIONS // 2) / FRACTIONS, Decimal("0.5")
        decay = (-1 / table_scale).exp()
        above = _tail(((fraction - half) / table_scale).exp(), decay, reach)
        below = _tail(((-fraction - half) / table_scale).exp(), decay, reach)
    parts = _TOTAL - (2 * reach + 2)
    # How much of the whole is at or beyond each difference, in whole parts.
    above, below = np.floor(above * parts), np.floor(below * parts)
    middle = parts - above[0] - below[0]
    beyond = above[-1] + below[-1]
    return np.concatenate([-np.diff(below)[::-1], [middle], -np.diff(above), [beyond]])


def _tail(first: Decimal, decay: Decimal, reach: int) -> NDArray[np.float64]:
    """Half of first, and that times decay, as often as the reach has it."""
    factors = np.full(reach + 1, float(decay))
    factors[0] = float(first) / 2
    return np.multiply.accumulate(factors)
