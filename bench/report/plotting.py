"""Painting the curves with matplotlib; whoever imports this module pays for that."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.errors import DataError
from bench.metrics import describe
from bench.report import formatting
from bench.report.curve_styles import LINES, MARKERS
from bench.report.curves import CurvePoint, Drawing
from bench.report.rate_axis import MAX_TICKS, rate_limits, rate_ticks
from bench.runtime.files import replacing

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
NARROWEST = 5.0
LETTER = 0.0079  # of a legend: the width of a letter, in inches for each point of the font's size
INCH = 25.4  # millimetres
WIDEST_PANEL = 90.5
MAX_TICKS_IN_PRINT = 4

SETTINGS: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "figure.constrained_layout.h_pad": 0.07,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.07,
    "font.size": 8.5,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
    "text.parse_math": False,  # a dollar in a name is a dollar
    "xtick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.color": GREY,
    "ytick.labelcolor": "black",
}


def paint(drawing: Drawing, svg: Path, png: Path) -> None:
    """Write both pictures, the drawing's digest in each; the PNG, which vouches for both, last."""
    with settings(), warnings.catch_warnings():
        # A name in a script that the font lacks shows as boxes in the PNG and well in the SVG.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = _figure(drawing, _rows(len(drawing.panels), PANELS_A_ROW), PANEL)
        identifier = f"bench:{drawing.digest}"
        _save(figure, svg, {"Date": None, "Creator": None, "Identifier": identifier})
        _save(figure, png, {"Software": None, "bench": drawing.digest})


# A figure in print is drawn at its size there, so letters are those of a caption.
PRINTED = {
    "axes.linewidth": 0.6,
    "axes.titlesize": 7.5,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "font.size": 7,
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.4,
    "pdf.fonttype": 42,  # TrueType, embedded: what journals ask for
    "savefig.dpi": 400,
    "svg.fonttype": "path",
    "text.parse_math": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}


def print_curves(drawing: Drawing, files: Sequence[Path], width: float) -> None:
    """Write the curves without a title, so many millimetres wide; one panel at most half a page."""
    panels = len(drawing.panels)
    columns = panels if width > 120 else 1
    width = min(width, WIDEST_PANEL * columns)
    with settings(PRINTED), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        height = 46 if panels > 2 else 58
        panel = (width / columns / INCH, height / INCH)
        figure = _figure(drawing, _rows(panels, columns), panel)
        for file in files:
            save_print(figure, file)


def save_print(figure: Figure, file: Path) -> None:
    """As PDF, SVG or PNG; the same drawing gives the same bytes."""
    unsaid: dict[str, dict[str, str | None]] = {
        ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        ".svg": {"Date": None, "Creator": None},
        ".png": {"Software": None},
    }
    try:
        _save(figure, file, unsaid[file.suffix])
    except ValueError as error:  # matplotlib's, of mathematics that it cannot set
        said = str(error).strip().splitlines()
        raise DataError(f"a label cannot be drawn: {said[0]}: {said[-1]}") from error


def _save(figure: Figure, path: Path, metadata: dict[str, str | None]) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata=metadata)


def settings(more: Mapping[str, Any] | None = None) -> AbstractContextManager[None]:
    # What a user's own matplotlibrc says is not part of a report.
    defaults = matplotlib.rcParamsDefault.items()
    plain: dict[Any, Any] = {key: value for key, value in defaults if key != "backend"}
    return matplotlib.rc_context(plain | SETTINGS | dict(more or {}))


def _rows(panels: int, columns: int) -> list[int]:
    """How many panels each row has, at most so many: five of at most three are three and two."""
    rows = -(-panels // columns)
    return [panels // rows + (row < panels % rows) for row in range(rows)]


def _figure(drawing: Drawing, rows: list[int], panel: tuple[float, float]) -> Figure:
    """So many panels in each row, which they fill; the first has panels of this size, in inches."""
    width = max(rows[0] * panel[0], NARROWEST if drawing.title else 0)
    keys = list(_keys(drawing))
    size = float(matplotlib.rcParams["font.size"])
    legend_columns = _legend_columns([_length(key) for key in keys], width / size)
    legend_rows = -(-len(keys) // legend_columns)
    height = len(rows) * panel[1] + 0.0235 * size * legend_rows + (0.5 if drawing.title else 0)
    figure = Figure((width, height))
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
    """Of a label, in letters; what stands between dollars is set as mathematics, in a few."""
    return len(re.sub(r"\\math\w+|[${}\\]", "", str(key.get_label())))


def _legend_columns(lengths: list[int], width: float) -> int:
    """As many as fit into a width, in inches for each point of the font's size."""
    for columns in range(len(lengths), 1, -1):
        longest = [max(column) for column in np.array_split(lengths, columns)]
        if sum(LETTER * length + 0.082 for length in longest) <= width:
            return columns
    return 1


def _style(codec: int, drawing: Drawing) -> dict[str, Any]:
    style = drawing.styles[codec]
    wider = ANCHORS_WIDTH if codec == drawing.anchor else 1.0
    return {
        "color": style.colour,
        "marker": MARKS[style.marker],
        "linestyle": DASHES[style.line],
        "linewidth": wider * matplotlib.rcParams["lines.linewidth"],
    }


def _keys(drawing: Drawing) -> Iterator[Line2D]:
    """What the legend shows."""
    for codec, style in enumerate(drawing.styles):
        yield Line2D([], [], label=style.label, **_style(codec, drawing))
    if drawing.ceilings:
        yield Line2D([], [], label=UNCOMPRESSED, **CEILING)
    if any(point.interval for point in drawing.points):
        yield Line2D([], [], label=INTERVAL, color=GREY, linestyle="", marker="|", markersize=9)
    if not all(point.complete for point in drawing.points):
        hollow: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "linestyle": ""}
        yield Line2D([], [], label=HOLLOW, color=GREY, **hollow)


def _draw_panel(axes: Axes, metric: str, curves: list[list[CurvePoint]], drawing: Drawing) -> None:
    unit = describe(metric).unit
    title = describe(metric).title if drawing.title else formatting.short_title(metric)
    axes.set_title(title + (f", {unit}" if unit else ""))
    axes.set_xlabel("Rate, bit/pixel")
    if metric in drawing.ceilings:
        axes.axhline(drawing.ceilings[metric], zorder=1, **CEILING)
    low, high = rate_limits([point.rate for point in drawing.points])
    ticks = rate_ticks(low, high, MAX_TICKS if drawing.title else MAX_TICKS_IN_PRINT)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    for codec, curve in reversed(list(enumerate(curves))):  # the first on top
        style = _style(codec, drawing)
        rates = [point.rate for point in curve]
        # The line breaks where a point lacks images.
        axes.plot(rates, [p.quality if p.complete else math.nan for p in curve], **style)
        for point in curve:
            if point.interval:
                look: dict[str, Any] = {"color": style["color"], "linewidth": 0.9, "alpha": 0.45}
                axes.vlines(point.rate, *point.interval, **look)
        hollow = style | {"linestyle": "", "markerfacecolor": "white", "markeredgewidth": 1.0}
        axes.plot(rates, [math.nan if p.complete else p.quality for p in curve], **hollow)
