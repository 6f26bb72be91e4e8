"""What a report comes to: for each codec a sentence, of the measure that counts most."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bench.codecs.catalog import short_name
from bench.metrics import describe, scorer_of
from bench.metrics.bjontegaard import Delta
from bench.report.compare import Comparison, Report
from bench.report.formatting import short_title


@dataclass(frozen=True)
class Conclusion:
    """A codec against the anchor, in a sentence."""

    text: str
    better: bool | None  # None: the images do not tell


def conclusions(report: Report) -> Iterator[Conclusion]:
    """Of each codec that can be compared: by what a task network finds, else by the first metric.

    Bits at equal quality come before quality at equal bits.
    """
    mine: dict[str, list[Comparison]] = {}
    for comparison in report.complete_comparisons:
        mine.setdefault(comparison.codec, []).append(comparison)
    for comparisons in mine.values():
        by_weight = sorted(comparisons, key=lambda each: scorer_of(each.metric) is None)
        for figure in ("BD-rate", "BD-quality"):
            if chosen := [each for each in by_weight if figure in each.defined]:
                yield _conclusion(chosen[0], figure, report)
                break


def _conclusion(comparison: Comparison, figure: str, report: Report) -> Conclusion:
    names = [codec.name for codec in report.results.codecs]
    codec, anchor = (short_name(name, names) for name in (comparison.codec, str(report.anchor)))
    delta = comparison.rate if figure == "BD-rate" else comparison.quality
    by = f"by {_metric(comparison.metric, report)}, {codec}"
    told = f" ({_range(delta)})" if delta.interval else ""
    if delta.interval and delta.interval[0] <= 0 <= delta.interval[1]:
        same = "needs as many bits" if figure == "BD-rate" else "is as good at equal bits"
        return Conclusion(f"{by} {same} as {anchor}, as far as these images tell{told}", None)
    if figure == "BD-rate":
        better = delta.value < 0
        what = f"needs {_size(delta)} % {'fewer' if better else 'more'} bits than {anchor}"
    else:
        better = delta.value > 0
        size = f"{_size(delta)} {describe(comparison.metric).unit}".rstrip()
        what = f"is {size} {'better' if better else 'worse'} than {anchor} at equal bits"
    return Conclusion(f"{by} {what}{told}", better)


def _metric(metric: str, report: Report) -> str:
    """A task network is named where there are several."""
    scorer = scorer_of(metric)
    several = scorer is not None and len(report.results.tasks) > 1
    return f"{short_title(metric)} of {scorer}" if several else short_title(metric)


def _size(delta: Delta) -> str:
    return f"{abs(delta.value):.{_digits(delta)}f}"


def _range(delta: Delta) -> str:
    """Its interval, without signs where both ends have the figure's own."""
    assert delta.interval is not None
    low, high = delta.interval
    digits, unit = _digits(delta), " %" if delta.kind == "rate" else ""
    if low <= 0 <= high:
        return f"{low:+.{digits}f} to {high:+.{digits}f}{unit}"
    low, high = sorted((abs(low), abs(high)))
    return f"{low:.{digits}f} to {high:.{digits}f}{unit}"


def _digits(delta: Delta) -> int:
    """As many decimals as the interval deserves."""
    low, high = delta.interval or (0.0, abs(delta.value))
    width = high - low
    most = 2 if delta.kind == "rate" else 3
    return min(max(-math.floor(math.log10(width)), 0), most) if width > 0 else most
