"""A logarithmic axis of rates with a readable number of ticks at plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

MAX_TICKS = 6
# The leading digits of the ticks in each decade, the densest first.
DIGITS = (
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9),
    (1, 1.5, 2, 3, 4, 5, 6, 8),
    (1, 2, 3, 5),
    (1, 2, 5),
    (1, 3),
    (1,),
)


def rate_limits(rates: Sequence[float]) -> tuple[float, float]:
    """The ends of the axis: the rates with a margin, at least an octave apart."""
    low, high = min(rates), max(rates)
    margin = max((high / low) ** 0.06, math.sqrt(max(1.0, 2 * low / high)))
    return low / margin, high * margin


def rate_ticks(low: float, high: float, most: int = MAX_TICKS) -> list[float]:
    """Round rates between the limits."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    for digits in DIGITS:
        ticks = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    return ticks
