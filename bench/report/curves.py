"""The picture of a report as plain data: every codec's rate–quality curve, one panel a metric."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from bench import __version__
from bench.codecs.codec import Point
from bench.metrics import scorer_of
from bench.report.compare import Report
from bench.report.curve_styles import ANCHOR, CurveStyle, distinct_styles
from bench.report.published import PublishedCurve
from bench.report.tables import traits
from bench.store import CodecResults, Results

MAX_TITLE = 36  # letters; a longer title is replaced by the codec's name


@dataclass(frozen=True)
class CurvePoint:
    """A codec at one operating point, by one metric."""

    point: Point
    rate: float
    quality: float
    complete: bool  # whether it has all images
    interval: tuple[float, float] | None  # of a network's figure, which only a set has

    @property
    def is_known(self) -> bool:
        return self.rate > 0 and math.isfinite(self.quality)


@dataclass(frozen=True)
class Drawing:
    """All that the picture shows; a panel has a curve for each style, some without points."""

    title: str
    styles: list[CurveStyle]
    anchor: int | None
    panels: dict[str, list[list[CurvePoint]]]
    ceilings: dict[str, float]  # by panel, the quality of the uncompressed images
    titles: dict[str, str] = field(default_factory=dict)  # of panels, unless they are of a metric
    rate: str = "Rate, bit/pixel"

    @property
    def digest(self) -> str:
        content = json.dumps([__version__, asdict(self)])
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def points(self) -> list[CurvePoint]:
        return [point for curves in self.panels.values() for curve in curves for point in curve]


def drawn_metrics(report: Report) -> list[str]:
    """The metrics that have a curve to draw."""
    codecs = report.results.codecs
    return [name for name in report.metrics if any(curve(codec, name) for codec in codecs)]


def drawing(report: Report) -> Drawing:
    """The picture of a report that has a curve to draw."""
    results = report.results
    names = [codec.name for codec in results.codecs]
    anchor = names.index(report.anchor) if report.anchor in names else None
    others = distinct_styles(has_anchor=anchor is not None)
    return Drawing(
        title=report.title,
        styles=[
            replace(ANCHOR if name == report.anchor else next(others), label=label)
            for name, label in zip(names, _labels(report), strict=True)
        ]
        + [replace(next(others), label=published.name) for published in report.published],
        anchor=anchor,
        panels={
            name: [curve(codec, name) for codec in results.codecs]
            + [published_curve(each, name) for each in report.published]
            for name in drawn_metrics(report)
        },
        ceilings=ceilings(results),
    )


def ceilings(results: Results) -> dict[str, float]:
    """The figure of the uncompressed images, of each task network that saw them all."""
    return {
        task.metric: task.ceiling.value
        for task in results.tasks
        if task.ceiling and np.isfinite(task.ceiling.value)
    }


def _labels(report: Report) -> list[str]:
    """The codecs' titles, or their names if titles are long or equal; with their traits."""
    codecs = report.results.codecs
    count = Counter(codec.title for codec in codecs)
    labels = []
    for codec in codecs:
        clear = count[codec.title] == 1 and 0 < len(codec.title) <= MAX_TITLE
        known = traits(codec, report)
        labels.append((codec.title if clear else codec.name) + (f" ({known})" if known else ""))
    return labels


def curve(codec: CodecResults, metric: str) -> list[CurvePoint]:
    """The known points, in order of rate."""
    known = (point for point in curve_points(codec, metric) if point.is_known)
    return sorted(known, key=lambda point: (point.rate, point.quality))


def published_curve(published: PublishedCurve, metric: str) -> list[CurvePoint]:
    """The points of a published curve by a metric, if it has them."""
    found = published.curves.get(metric)
    if found is None:
        return []
    points = zip(found.rate, found.quality, strict=True)
    return [
        CurvePoint(number, float(rate), float(quality), complete=True, interval=None)
        for number, (rate, quality) in enumerate(points, start=1)
    ]


def curve_points(codec: CodecResults, metric: str) -> list[CurvePoint]:
    """All points, in the codec's order."""
    rates, qualities, complete = codec.curve(metric)
    scores = codec.scores.get(scorer_of(metric) or "", (None,) * len(rates))
    intervals = [score.interval if score else None for score in scores]
    parts = zip(codec.points, rates, qualities, complete, intervals, strict=True)
    return [CurvePoint(p, float(r), float(q), bool(c), each) for p, r, q, c, each in parts]
