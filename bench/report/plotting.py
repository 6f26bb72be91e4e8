"""Draws the curves with matplotlib, whose import is slow: import this module only to draw."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.errors import DataError
from bench.metrics import describe
from bench.report import formatting
from bench.report.compare import Report
from bench.report.curve_styles import LINES, MARKERS
from bench.report.curves import CurvePoint, Drawing
from bench.report.curves import drawing as drawing_of
from bench.report.rate_axis import MAX_TICKS, rate_limits, rate_ticks
from bench.runtime.files import replacing

HERE = Path(__file__).parent
PRINTED = HERE / "print.mplstyle"
MARKS = dict(zip(MARKERS, ("o", "s", "^", "D", "v", "P", "X", "p", "*"), strict=True))
DASHES: dict[str, Any] = dict(
    zip(
        LINES,
        ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1))),
        strict=True,
    )
)
ANCHORS_WIDTH = 1.3  # of other codecs' lines
GREY = "#6E6E6E"
HOLLOW = "hollow: some images missing"
UNCOMPRESSED = "uncompressed"
INTERVAL = "95 % interval of wAP"
CEILING: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 1.6)), "linewidth": 1.2}

PANELS_A_ROW = 3
PANEL = (3.3, 2.75)  # inches
FEW_PANELS = (5.0, 3.75)
NARROWEST = 5.0
LETTER = 0.0079  # of a legend: the width of a letter, in inches for each point of the font's size
INCH = 25.4  # millimetres
WIDEST_PANEL = 90.5
MAX_TICKS_IN_PRINT = 4


class ShownFigure(Figure):
    """A figure that a notebook shows, whatever matplotlib's backend is."""

    def _repr_png_(self) -> bytes:
        return png(self)


def figure_of(report: Report, *metrics: str, title: str | None = None) -> Figure:
    """The curves of a report, or those by some of its metrics."""
    drawn = drawing_of(report)
    if title is not None:
        drawn = replace(drawn, title=title)
    if unknown := [name for name in metrics if name not in drawn.panels]:
        there = ", ".join(drawn.panels) or "none"
        raise DataError(f"no curves by '{unknown[0]}'; there are {there}")
    chosen = {name: drawn.panels[name] for name in metrics or drawn.panels}
    drawn = replace(drawn, panels=chosen)
    with settings():
        return _figure(drawn, _rows(len(chosen), PANELS_A_ROW), PANEL, ShownFigure)


def png(figure: Figure, dpi: int | None = None) -> bytes:
    """A figure as a file's content."""
    with settings({"savefig.dpi": dpi} if dpi else {}), io.BytesIO() as file:
        figure.savefig(file, format="png", metadata={"Software": None})
        return file.getvalue()


def save_drawing(drawing: Drawing, file: Path) -> None:
    """Write curves as PDF, PNG or SVG."""
    with settings():
        figure = _figure(drawing, _rows(len(drawing.panels), PANELS_A_ROW), FEW_PANELS)
        _save(figure, file)


def paint(drawing: Drawing, svg: Path, png: Path) -> None:
    """Write both pictures with the drawing's digest; the PNG, by which both are checked, last."""
    with settings():
        figure = _figure(drawing, _rows(len(drawing.panels), PANELS_A_ROW), PANEL)
        _save(figure, svg, Identifier=f"bench:{drawing.digest}")
        _save(figure, png, bench=drawing.digest)


def print_curves(drawing: Drawing, files: Sequence[Path], width: float) -> None:
    """Write the curves without a title, so many millimetres wide; one panel is at most 90 wide."""
    panels = len(drawing.panels)
    columns = panels if width > 120 else 1
    width = min(width, WIDEST_PANEL * columns)
    with settings(PRINTED):
        height = 46 if panels > 2 else 58
        panel = (width / columns / INCH, height / INCH)
        figure = _figure(drawing, _rows(panels, columns), panel)
        save_print(figure, files)


def save_print(figure: Figure, files: Sequence[Path]) -> None:
    """Write a figure as PDF, SVG or PNG."""
    try:
        for file in files:
            _save(figure, file)
    except ValueError as error:  # matplotlib's, of mathematics that it cannot set
        lines = str(error).strip().splitlines()
        raise DataError(f"a label cannot be drawn: {lines[0]}: {lines[-1]}") from error


def _save(figure: Figure, path: Path, **metadata: str) -> None:
    """The same drawing gives the same bytes."""
    without = {
        ".pdf": ("CreationDate", "Creator", "Producer"),
        ".svg": ("Date", "Creator"),
        ".png": ("Software",),
    }
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata=dict.fromkeys(without[path.suffix]) | metadata)


@contextmanager
def settings(*styles: Path | dict[str, Any]) -> Iterator[None]:
    """The style of all figures, and further ones; a user's own matplotlibrc has no influence."""
    all_styles: list[Any] = [HERE / "figures.mplstyle", *styles]
    with style.context(all_styles, after_reset=True), warnings.catch_warnings():
        # A name in a script that the font lacks shows as boxes in a PNG and well in an SVG.
        warnings.filterwarnings("ignore", message="Glyph")
        yield


def _rows(panels: int, columns: int) -> list[int]:
    """The number of panels in each row, of at most so many columns: five in three are 3 and 2."""
    rows = -(-panels // columns)
    return [panels // rows + (row < panels % rows) for row in range(rows)]


def _figure(
    drawing: Drawing, rows: list[int], panel: tuple[float, float], kind: type[Figure] = Figure
) -> Figure:
    """A figure with so many panels in each row; those of the first have this size, in inches."""
    width = max(rows[0] * panel[0], NARROWEST if drawing.title else 0)
    keys = list(_keys(drawing))
    size = float(matplotlib.rcParams["font.size"])
    legend_columns = _legend_columns([_length(key) for key in keys], width / size)
    legend_rows = -(-len(keys) // legend_columns)
    height = len(rows) * panel[1] + 0.0235 * size * legend_rows + (0.5 if drawing.title else 0)
    figure = kind((width, height))
    grid = figure.add_gridspec(len(rows), math.lcm(*rows))
    places = [
        grid[row, grid.ncols * place // count : grid.ncols * (place + 1) // count]
        for row, count in enumerate(rows)
        for place in range(count)
    ]
    for where, (metric, curves) in zip(places, drawing.panels.items(), strict=True):
        _draw_panel(figure.add_subplot(where), metric, curves, drawing)
    if drawing.title:
        figure.suptitle(drawing.title, fontsize=11, fontweight="bold", x=0.008, ha="left")
    figure.legend(handles=keys, loc="outside lower center", ncols=legend_columns, frameon=False)
    return figure


def _length(key: Line2D) -> int:
    """The number of letters in a label, without the markup of mathematics between dollars."""
    return len(re.sub(r"\\math\w+|[${}\\]", "", str(key.get_label())))


def _legend_columns(lengths: list[int], width: float) -> int:
    """The number of columns that fit into a width, in inches for each point of the font size."""
    for columns in range(len(lengths), 1, -1):
        longest = [max(column) for column in np.array_split(lengths, columns)]
        if sum(LETTER * length + 0.082 for length in longest) <= width:
            return columns
    return 1


def _style(codec: int, drawing: Drawing) -> dict[str, Any]:
    own = drawing.styles[codec]
    wider = ANCHORS_WIDTH if codec == drawing.anchor else 1.0
    return {
        "color": own.colour,
        "marker": MARKS[own.marker],
        "linestyle": DASHES[own.line],
        "linewidth": wider * matplotlib.rcParams["lines.linewidth"],
    }


def _keys(drawing: Drawing) -> Iterator[Line2D]:
    """The entries of the legend."""
    for codec, codec_style in enumerate(drawing.styles):
        yield Line2D([], [], label=codec_style.label, **_style(codec, drawing))
    if drawing.ceilings:
        yield Line2D([], [], label=UNCOMPRESSED, **CEILING)
    if any(point.interval for point in drawing.points):
        yield Line2D([], [], label=INTERVAL, color=GREY, linestyle="", marker="|", markersize=9)
    if not all(point.complete for point in drawing.points):
        yield Line2D([], [], label=HOLLOW, color=GREY, linestyle="", marker="o", mfc="white")


def _title(metric: str, *, short: bool) -> str:
    """A metric with its unit."""
    unit = describe(metric).unit
    title = formatting.short_title(metric) if short else describe(metric).title
    return title + (f", {unit}" if unit else "")


def _draw_panel(axes: Axes, metric: str, curves: list[list[CurvePoint]], drawing: Drawing) -> None:
    axes.set_title(drawing.titles.get(metric) or _title(metric, short=not drawing.title))
    axes.set_xlabel(drawing.rate)
    if metric in drawing.ceilings:
        axes.axhline(drawing.ceilings[metric], zorder=1, **CEILING)
    low, high = rate_limits([point.rate for point in drawing.points])
    ticks = rate_ticks(low, high, MAX_TICKS if drawing.title else MAX_TICKS_IN_PRINT)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    for codec, curve in reversed(list(enumerate(curves))):  # the first on top
        drawn = _style(codec, drawing)
        rates = [point.rate for point in curve]
        # The line breaks where a point lacks images.
        axes.plot(rates, [p.quality if p.complete else math.nan for p in curve], **drawn)
        for point in curve:
            if point.interval:
                axes.vlines(
                    point.rate, *point.interval, color=drawn["color"], linewidth=0.9, alpha=0.45
                )
        hollow = drawn | {"linestyle": "", "markerfacecolor": "white", "markeredgewidth": 1.0}
        axes.plot(rates, [math.nan if p.complete else p.quality for p in curve], **hollow)
