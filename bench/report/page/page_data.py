"""The figures of a report as plain data for its page, each number with its text.

The page computes nothing: it shows the figures of `bench.report.compare` for every anchor and every
method, as `bench.report.tables` formats them, so that it cannot differ from the terminal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from bench.codecs.catalog import short_name
from bench.metrics import Group, describe
from bench.metrics.bjontegaard import Method
from bench.metrics.resampling import CurveSample, resample_weights
from bench.report import formatting
from bench.report.compare import Comparison, Report, compare
from bench.report.curves import CurvePoint, ceilings, curve_points, published_curve
from bench.report.notes import failure_lines, notes
from bench.report.provenance import provenance
from bench.report.published import PublishedCurve
from bench.report.tables import delta_cells
from bench.runtime.text import counted
from bench.store import CodecResults

Figures = dict[str, Any]


def page_figures(report: Report, *, pareto: bool) -> Figures:
    """All that the page shows of a data set, for JSON."""
    results = report.results
    names = [codec.name for codec in results.codecs]
    return {
        "name": results.dataset,
        "images": counted(len(results.images), "image"),
        "anchor": names.index(report.anchor) if report.anchor is not None else None,
        "method": report.method,
        "metrics": [_metric(name, report) for name in report.metrics],
        "codecs": [_codec(codec, report) for codec in results.codecs]
        + [_published(each, report) for each in report.published],
        "deltas": {
            method: [_against(name, method, report, pareto) for name in names]
            for method in get_args(Method)
        },
        "notes": notes(replace(report, anchor=None, comparisons=())),  # with no anchor
        "failures": failure_lines(report),
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
        "footnote": metric.footnote,
        "task": metric.group is Group.TASK,
        "ceiling": ceiling,
        "ceiling_text": None if ceiling is None else formatting.mean(name, ceiling),
    }


def _codec(codec: CodecResults, report: Report) -> Figures:
    rows = [row for row in report.results.mean_rows if row["codec"] == codec.name]
    return {
        "name": short_name(codec.name, [other.name for other in report.results.codecs]),
        "full_name": codec.name,
        "title": "" if codec.title == codec.name else codec.title,
        "oracle": codec.oracle,
        "published": False,
        "incomplete": codec.missing > 0,
        "version": codec.version or "",
        "fingerprint": codec.fingerprint,
        "points": [f"{codec.unit} {point}" for point in codec.points],
        "curves": [_curve(codec, name) for name in report.metrics],
        "times": {cost: _times(cost, rows) for cost in ("encode_cpu", "decode_cpu")},
    }


def _published(published: PublishedCurve, report: Report) -> Figures:
    """A curve of a file, in the place of a codec; it comes after all that were measured."""
    return {
        "name": published.name,
        "full_name": published.name,
        "title": f"from {published.file}",
        "oracle": False,
        "published": True,
        "incomplete": False,
        "version": "",
        "fingerprint": "",
        "points": [f"{row['unit']} {row['point']}" for row in published.rows],
        "curves": [
            [_point(at, name) for at in published_curve(published, name)] for name in report.metrics
        ],
        "times": {"encode_cpu": None, "decode_cpu": None},
    }


def _times(cost: str, rows: Sequence[dict[str, Any]]) -> Figures | None:
    """Seconds per image: the mean over the codec's points, and each point's."""
    values = [float(row.get(cost, math.nan)) for row in rows]
    if not values or not all(math.isfinite(value) for value in values):
        return None
    mean = sum(values) / len(values)
    return {
        "value": mean,
        "low": min(values),
        "high": max(values),
        "text": formatting.mean(cost, mean),
        "points": [formatting.mean(cost, value) for value in values],
    }


def _curve(codec: CodecResults, metric: str) -> list[Figures | None]:
    """The known points, in the codec's order."""
    points = zip(curve_points(codec, metric), _spread(codec, metric), strict=True)
    return [
        _point(replace(at, interval=at.interval or spread), metric) if at.is_known else None
        for at, spread in points
    ]


def _point(at: CurvePoint, metric: str) -> Figures:
    bounds = [formatting.mean(metric, bound) for bound in at.interval or ()]
    return {
        "rate": at.rate,
        "rate_text": formatting.mean("bpp", at.rate),
        "value": at.quality,
        "text": formatting.mean(metric, at.quality),
        "complete": at.complete,
        **_bounds(at.interval),
        "interval": " to ".join(bounds) or None,
    }


def _spread(codec: CodecResults, metric: str) -> Sequence[tuple[float, float] | None]:
    """The 95 % interval of each point's mean, by resampling the images; a wAP has its own."""
    sample = codec.sample(metric)
    if sample.missing() or len(sample) < 2 or not isinstance(sample, CurveSample):
        return [None] * len(codec.points)
    quality = sample.resampled(resample_weights(len(sample))).quality
    return [(float(low), float(high)) for low, high in np.percentile(quality, [2.5, 97.5], 0).T]


def _against(anchor: str, method: Method, report: Report, pareto: bool) -> Figures:
    """Every codec against one of them, by codec and metric, with notes."""
    made = report
    if (anchor, method) != (report.anchor, report.method):
        made = compare(
            report.results,
            anchor=anchor,
            metrics=report.image_metrics,
            method=method,
            pareto=pareto,
            between=report.between,
            published=report.published,
        )
    found = {(each.codec, each.metric): _comparison(each) for each in made.complete_comparisons}
    names = [codec.name for codec in report.results.codecs]
    names += [curve.name for curve in report.published]
    return {
        "figures": [[found.get((name, metric)) for metric in report.metrics] for name in names],
        "notes": notes(made),
    }


def _comparison(comparison: Comparison) -> Figures:
    rate = comparison.rate
    return {
        "value": _number(rate.value),
        **_bounds(rate.interval),
        "overlap": _number(rate.overlap),
        "text": delta_cells(comparison),
        "reason": "; ".join(comparison.reasons),
    }


def _bounds(interval: tuple[float, float] | None) -> Figures:
    low, high = interval or (None, None)
    return {"low": low, "high": high}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
