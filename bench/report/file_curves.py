"""The picture of curves that are read from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.metrics.bjontegaard import Curve
from bench.report.curve_files import FileCurve
from bench.report.curve_styles import ANCHOR, distinct_styles
from bench.report.curves import CurvePoint, Drawing
from bench.runtime.files import describe_write_errors


def draw_files(pairs: Sequence[tuple[FileCurve, FileCurve]], file: Path) -> None:
    """Draw an anchor's curve and those that are compared with it, a panel for each metric."""
    from bench.report.plotting import save_drawing

    styles = distinct_styles(has_anchor=True)
    anchor, _ = pairs[0]
    panels: dict[str, list[list[CurvePoint]]] = {}
    for place, (one, test) in enumerate(pairs, start=1):
        panel = panels.setdefault(one.metric, [[] for _ in range(len(pairs) + 1)])
        panel[0], panel[place] = _points(one.curve), _points(test.curve)
    drawing = Drawing(
        title="",
        styles=[
            replace(ANCHOR, label=f"{anchor.curve.name} (anchor)"),
            *(replace(next(styles), label=test.curve.name) for _, test in pairs),
        ],
        anchor=0,
        panels=panels,
        ceilings={},
        titles={metric: metric for metric in panels},
        rate=anchor.rate,
    )
    with describe_write_errors(file):
        save_drawing(drawing, file)


def _points(curve: Curve) -> list[CurvePoint]:
    pairs = zip(curve.rate, curve.quality, strict=True)
    return [
        CurvePoint(number, float(rate), float(quality), complete=True, interval=None)
        for number, (rate, quality) in enumerate(pairs, start=1)
    ]
