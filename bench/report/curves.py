"""The picture of a report as plain data: every codec's rate–quality curve, one panel a metric."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace

import numpy as np

from bench import __version__
from bench.metrics import scorer_of, wap_of
from bench.report import formatting
from bench.report.compare import Report
from bench.report.curve_styles import ANCHOR, CurveStyle, distinct_styles
from bench.runtime.text import counted
from bench.store import CodecResults, Results

MAX_TITLE = 36  # a longer one is no label: the codec's name is shown instead


@dataclass(frozen=True)
class CurveLine:
    """A codec in one panel: its points in order of rate, and which of them have all images.

    Where a point's quality has an interval of its own, as a wAP has, it is drawn.
    """

    rate: list[float]
    quality: list[float]
    complete: list[bool]
    intervals: list[tuple[float, float] | None]


@dataclass(frozen=True)
class Drawing:
    """All that the picture shows; a panel holds a line for each look, at least one with points."""

    title: str
    styles: list[CurveStyle]
    anchor: int | None
    panels: dict[str, list[CurveLine]]
    ceilings: dict[str, float]  # by panel, what the uncompressed images reach

    @property
    def digest(self) -> str:
        content = json.dumps([__version__, asdict(self)])
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def lines(self) -> list[CurveLine]:
        return [curve_line for lines in self.panels.values() for curve_line in lines]


def drawn_metrics(report: Report) -> list[str]:
    """The metrics by which there is a curve to draw."""
    codecs = report.results.codecs
    return [
        name for name in report.metrics if any(curve_line(codec, name).rate for codec in codecs)
    ]


def drawing(report: Report) -> Drawing:
    """The picture of a report that has a curve to draw."""
    results = report.results
    names = [codec.name for codec in results.codecs]
    anchor = names.index(report.anchor) if report.anchor in names else None
    return Drawing(
        title=f"{results.dataset}, {counted(len(results.images), 'image')}",
        styles=_styles(_labels(report), anchor),
        anchor=anchor,
        panels={
            name: [curve_line(codec, name) for codec in results.codecs]
            for name in drawn_metrics(report)
        },
        ceilings=ceilings(results),
    )


def ceilings(results: Results) -> dict[str, float]:
    """The wAP of the uncompressed images, of each task network that saw them all."""
    return {
        wap_of(task.name): task.ceiling.found.wap
        for task in results.tasks
        if task.ceiling and np.isfinite(task.ceiling.found.wap)
    }


def _styles(labels: list[str], anchor: int | None) -> list[CurveStyle]:
    others = iter(distinct_styles(has_anchor=anchor is not None))
    styles = (ANCHOR if place == anchor else next(others) for place in range(len(labels)))
    return [replace(style, label=label) for style, label in zip(styles, labels, strict=True)]


def _labels(report: Report) -> list[str]:
    """The codecs' titles where they are short and differ, with what one has to know."""
    codecs = report.results.codecs
    count = Counter(codec.title for codec in codecs)
    labels = []
    for codec in codecs:
        clear = count[codec.title] == 1 and 0 < len(codec.title) <= MAX_TITLE
        traits = formatting.traits(codec, report)
        labels.append((codec.title if clear else codec.name) + (f" ({traits})" if traits else ""))
    return labels


def curve_line(codec: CodecResults, metric: str) -> CurveLine:
    """A codec's points by one metric."""
    rate, quality, complete = codec.curve(metric)
    scores = codec.scores.get(scorer_of(metric) or "", (None,) * len(rate))
    intervals = [score.interval if score else None for score in scores]
    points = sorted(
        (
            (float(r), float(q), bool(c), interval)
            for r, q, c, interval in zip(rate, quality, complete, intervals, strict=True)
            if r > 0 and np.isfinite(q)
        ),
        key=lambda point: point[:2],
    )
    return CurveLine(*([point[part] for point in points] for part in range(4)))  # type: ignore[arg-type]
