"""Figures as text, for the terminal, Markdown, the page and the gate alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from bench.metrics import Group, describe

NOTHING = "–"


def heading(metric: str) -> str:
    """A metric's title, short, and its unit."""
    costs = {"encode_cpu": "encode CPU s", "decode_cpu": "decode CPU s", "bpp": "bpp"}
    return costs.get(metric) or f"{short_title(metric)} {describe(metric).unit}".rstrip()


def short_title(metric: str) -> str:
    """A metric's title up to the first comma."""
    return describe(metric).title.partition(", ")[0]


def mean(metric: str, value: float) -> str:
    """The mean of a metric."""
    if not math.isfinite(value):
        return NOTHING
    if metric == "bpp":
        return f"{value:.4f}" if value < 100 else f"{value:.1f}"
    if describe(metric).unit == "s":
        return f"{value:.{4 if value < 0.01 else 3 if value < 10 else 1}f}"
    if describe(metric).group is Group.TASK:
        return f"{value:.3f}"
    return f"{value:.2f}"


def gain(metric: str, value: float) -> str:
    """A difference of quality."""
    if describe(metric).group is Group.TASK and math.isfinite(value):
        return f"{value:+.4f}"
    return signed(value, describe(metric).unit)


def gain_interval(metric: str, bounds: tuple[float, float] | None) -> str:
    """The interval of a difference of quality; its unit stands beside the difference."""
    is_task = describe(metric).group is Group.TASK
    return interval(bounds, partial(gain, metric) if is_task else signed)


def with_unit(metric: str, value: float) -> str:
    """The value of a metric for one image."""
    text = mean(metric, value)
    return text if text == NOTHING else f"{text} {describe(metric).unit}".rstrip()


def signed(value: float, unit: str = "") -> str:
    """A difference with its sign, in about four digits."""
    if not math.isfinite(value):
        return NOTHING
    digits = 2 if abs(value) < 100 else 1 if abs(value) < 1000 else 0
    return f"{value:+.{digits}f} {unit}".rstrip()


def interval(bounds: tuple[float, float] | None, text: Callable[[float], str] = signed) -> str:
    return " to ".join(map(text, bounds)) if bounds else NOTHING


def span(bounds: tuple[float, float]) -> str:
    """The range that was integrated over."""
    return interval(bounds, _four_digits) if math.isfinite(sum(bounds)) else NOTHING


def _four_digits(value: float) -> str:
    whole = math.floor(math.log10(abs(value))) + 1 if value else 1
    return f"{value:.{min(max(4 - whole, 0), 3)}f}"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else NOTHING
