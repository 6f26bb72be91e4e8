"""The figures of a report as plain data for its page, each number with the words it is told in.

The page computes nothing: it shows what `bench.report.compare` says for every anchor and every
method, in the words of `bench.report.formatting`, so that it cannot differ from the terminal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from bench.codecs.catalog import short_name
from bench.metrics import Group, describe, scorer_of
from bench.metrics.bjontegaard import Delta, Method
from bench.metrics.bootstrap import CurveSample, PerImageDelta, resample_weights
from bench.report import formatting
from bench.report.compare import Comparison, Report, compare
from bench.report.curves import ceilings
from bench.report.notes import notes
from bench.report.provenance import provenance
from bench.runtime.text import counted
from bench.store import CodecResults

FAILURES = 100
Figures = dict[str, Any]


def page_figures(report: Report, *, pareto: bool) -> Figures:
    """All that the page says of a data set, for JSON."""
    results = report.results
    names = [codec.name for codec in results.codecs]
    return {
        "name": results.dataset,
        "images": counted(len(results.images), "image"),
        "anchor": names.index(report.anchor) if report.anchor is not None else None,
        "method": report.method,
        "metrics": [_metric(name, report) for name in report.metrics],
        "codecs": [_codec(codec, report) for codec in results.codecs],
        "deltas": {
            method: [_against(name, method, report, pareto) for name in names]
            for method in get_args(Method)
        },
        "notes": notes(replace(report, anchor=None, comparisons=())),  # with no anchor
        "failures": formatting.failures(report, FAILURES),
        "provenance": list(provenance(report.results)),
    }


def _metric(name: str, report: Report) -> Figures:
    metric = describe(name)
    ceiling = ceilings(report.results).get(name)
    return {
        "name": name,
        "title": metric.title,
        "short": formatting.short_title(name),
        "unit": metric.unit,
        "elsewhere": metric.footnote,
        "task": metric.group is Group.TASK,
        "ceiling": ceiling,
        "ceiling_said": None if ceiling is None else formatting.mean(name, ceiling),
    }


def _codec(codec: CodecResults, report: Report) -> Figures:
    rows = [row for row in report.results.mean_rows if row["codec"] == codec.name]
    return {
        "name": short_name(codec.name, [other.name for other in report.results.codecs]),
        "full_name": codec.name,
        "title": "" if codec.title == codec.name else codec.title,
        "oracle": codec.oracle,
        "incomplete": codec.missing > 0,
        "version": codec.version or "",
        "fingerprint": codec.fingerprint,
        "points": [f"{codec.unit} {point}" for point in codec.points],
        "curves": [_curve(codec, name) for name in report.metrics],
        "times": {cost: _times(cost, rows) for cost in ("encode_cpu", "decode_cpu")},
    }


def _times(cost: str, rows: Sequence[dict[str, Any]]) -> Figures | None:
    """Seconds an image: the mean over the codec's points, and each of them."""
    values = [float(row.get(cost, math.nan)) for row in rows]
    if not values or not all(math.isfinite(value) for value in values):
        return None
    mean = sum(values) / len(values)
    return {
        "value": mean,
        "low": min(values),
        "high": max(values),
        "said": formatting.mean(cost, mean),
        "points": [formatting.mean(cost, value) for value in values],
    }


def _curve(codec: CodecResults, metric: str) -> list[Figures | None]:
    """The points that there are, in the codec's order."""
    rate, quality, complete = codec.curve(metric)
    return [
        {
            "rate": float(r),
            "rate_said": formatting.mean("bpp", float(r)),
            "value": float(q),
            "said": formatting.mean(metric, float(q)),
            "complete": bool(c),
            "low": interval and interval[0],
            "high": interval and interval[1],
            "interval": interval
            and " to ".join(formatting.mean(metric, bound).strip() for bound in interval),
        }
        if r > 0 and math.isfinite(q)
        else None
        for r, q, c, interval in zip(rate, quality, complete, _spread(codec, metric), strict=True)
    ]


def _spread(codec: CodecResults, metric: str) -> Sequence[tuple[float, float] | None]:
    """Of each point's quality its 95 % interval over resampled images."""
    scorer = scorer_of(metric)
    if scorer is not None:
        scores = codec.scores.get(scorer, (None,) * len(codec.points))
        return [score.interval if score else None for score in scores]
    sample = codec.sample(metric)
    if sample.missing() or len(sample) < 2 or not isinstance(sample, CurveSample):
        return [None] * len(codec.points)
    quality = sample.resampled(resample_weights(len(sample))).quality
    return [(float(low), float(high)) for low, high in np.percentile(quality, [2.5, 97.5], 0).T]


def _against(anchor: str, method: Method, report: Report, pareto: bool) -> Figures:
    """Every codec against one of them: by codec and metric, and what qualifies it."""
    quality = [name for name in report.metrics if scorer_of(name) is None]
    made = report
    if (anchor, method) != (report.anchor, report.method):
        made = compare(
            report.results,
            anchor=anchor,
            metrics=quality,
            method=method,
            pareto=pareto,
            between=report.between,
        )
    found = {(each.codec, each.metric): _comparison(each) for each in formatting.compared(made)}
    return {
        "figures": [
            [found.get((codec.name, metric)) for metric in report.metrics]
            for codec in report.results.codecs
        ],
        "notes": notes(made),
    }


def _comparison(comparison: Comparison) -> Figures:
    rate, quality, images = comparison.rate, comparison.quality, comparison.per_image
    return {
        "value": _number(rate.value),
        "low": rate.interval and rate.interval[0],
        "high": rate.interval and rate.interval[1],
        "said": formatting.signed(rate.value, "%"),
        "interval": formatting.interval(rate.interval),
        "over": formatting.span(rate.range),
        "overlap": _number(rate.overlap),
        "overlap_said": formatting.percent(rate.overlap),
        "gain": formatting.gain(comparison.metric, quality.value),
        "gain_interval": _gain_interval(comparison.metric, quality),
        **_of_images(images),
        "reason": "; ".join(comparison.reasons),
    }


def _gain_interval(metric: str, quality: Delta) -> str:
    if quality.interval is None or describe(metric).group is not Group.TASK:
        return formatting.interval(quality.interval)
    low, high = quality.interval
    return f"{formatting.gain(metric, low)} to {formatting.gain(metric, high)}"


def _of_images(figure: PerImageDelta | None) -> Figures:
    if figure is None or figure.reason:
        return {"images": formatting.NOTHING, "images_interval": formatting.NOTHING}
    return {
        "images": formatting.signed(figure.value, "%"),
        "images_interval": formatting.interval(figure.interval),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
