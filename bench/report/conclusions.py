"""Conclusions of a report: for each codec a sentence on the figure that matters most."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bench.codecs.catalog import short_name
from bench.metrics import describe, scorer_of
from bench.metrics.bjontegaard import Delta
from bench.report.compare import Comparison, Report
from bench.report.formatting import short_title
from bench.runtime.text import grouped


@dataclass(frozen=True)
class Conclusion:
    """A codec against the anchor, in a sentence."""

    text: str
    better: bool | None  # None if the interval contains 0


def conclusions(report: Report) -> Iterator[Conclusion]:
    """One for each codec that can be compared: by a task network, otherwise by the first metric.

    Bits at equal quality come before quality at equal bits.
    """
    comparisons = report.complete_comparisons
    for own in grouped((each.codec, each) for each in comparisons).values():
        tasks_first = sorted(own, key=lambda each: scorer_of(each.metric) is None)
        for figure in ("BD-rate", "BD-quality"):
            if chosen := [each for each in tasks_first if figure in each.defined]:
                yield _conclusion(chosen[0], figure, report)
                break


def _conclusion(comparison: Comparison, figure: str, report: Report) -> Conclusion:
    names = [codec.name for codec in report.results.codecs]
    codec, anchor = (short_name(name, names) for name in (comparison.codec, str(report.anchor)))
    delta = comparison.rate if figure == "BD-rate" else comparison.quality
    by = f"by {_metric(comparison.metric, report)}, {codec}"
    interval = f" ({_range(delta)})" if delta.interval else ""
    if delta.interval and delta.interval[0] <= 0 <= delta.interval[1]:
        same = "needs as many bits" if figure == "BD-rate" else "is as good at equal bits"
        return Conclusion(f"{by} {same} as {anchor}, as far as these images tell{interval}", None)
    if figure == "BD-rate":
        better = delta.value < 0
        what = f"needs {_size(delta)} % {'fewer' if better else 'more'} bits than {anchor}"
    else:
        better = delta.value > 0
        size = f"{_size(delta)} {describe(comparison.metric).unit}".rstrip()
        what = f"is {size} {'better' if better else 'worse'} than {anchor} at equal bits"
    return Conclusion(f"{by} {what}{interval}", better)


def _metric(metric: str, report: Report) -> str:
    """The metric's title; with the task network if there are several."""
    scorer = scorer_of(metric)
    several = scorer is not None and len(report.results.tasks) > 1
    return f"{short_title(metric)} of {scorer}" if several else short_title(metric)


def _size(delta: Delta) -> str:
    return f"{abs(delta.value):.{_digits(delta)}f}"


def _range(delta: Delta) -> str:
    """The interval; without signs if both ends have that of the figure."""
    assert delta.interval is not None
    low, high = delta.interval
    digits, unit = _digits(delta), " %" if delta.kind == "rate" else ""
    if low <= 0 <= high:
        return f"{low:+.{digits}f} to {high:+.{digits}f}{unit}"
    low, high = sorted((abs(low), abs(high)))
    return f"{low:.{digits}f} to {high:.{digits}f}{unit}"


def _digits(delta: Delta) -> int:
    """The number of decimals that the width of the interval justifies."""
    low, high = delta.interval or (0.0, abs(delta.value))
    width = high - low
    most = 2 if delta.kind == "rate" else 3
    return min(max(-math.floor(math.log10(width)), 0), most) if width > 0 else most
