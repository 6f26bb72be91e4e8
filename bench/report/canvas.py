"""Painting the curves with matplotlib; whoever imports this module pays for that."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.files import replacing
from bench.metrics import describe
from bench.report.figures import Drawing, Line
from bench.report.rate_axis import rate_limits, rate_ticks

# Okabe and Ito's colours without the yellow, which is too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B")
MARKERS = ("s", "^", "D", "v", "P", "X", "p", "*")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
ANCHOR = {"color": "#1A1A1A", "marker": "o", "linestyle": "-", "linewidth": 1.8}
GREY = "#6E6E6E"
HOLLOW = "hollow: some images missing"
UNCOMPRESSED = "uncompressed"
INTERVAL = "95 % interval of wAP"
CEILING: dict[str, Any] = {"color": GREY, "linestyle": (0, (1, 1.6)), "linewidth": 1.2}

PANELS_A_ROW = 3
PANEL = (3.3, 2.75)  # inches
NARROWEST = 5.0

SETTINGS = {
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
        figure = _figure(drawing)
        identifier = f"bench:{drawing.digest}"
        _save(figure, svg, {"Date": None, "Creator": None, "Identifier": identifier})
        _save(figure, png, {"Software": None, "bench": drawing.digest})


def _save(figure: Figure, path: Path, metadata: dict[str, str | None]) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata=metadata)


def settings() -> AbstractContextManager[None]:
    # What a user's own matplotlibrc says is not part of a report.
    defaults = matplotlib.rcParamsDefault.items()
    plain: dict[Any, Any] = {key: value for key, value in defaults if key != "backend"}
    return matplotlib.rc_context(plain | SETTINGS)


def _figure(drawing: Drawing) -> Figure:
    rows = -(-len(drawing.panels) // PANELS_A_ROW)
    columns = -(-len(drawing.panels) // rows)  # four are two and two, not three and one
    width = max(columns * PANEL[0], NARROWEST)
    keys = list(_keys(drawing))
    legend_columns = _legend_columns([len(str(key.get_label())) for key in keys], width)
    height = rows * PANEL[1] + 0.2 * -(-len(keys) // legend_columns) + 0.5
    figure = Figure((width, height))
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for place, (metric, lines) in zip(axes, drawing.panels.items(), strict=False):
        _draw_panel(place, metric, lines, drawing)
    for place in axes[len(drawing.panels) :]:
        place.remove()
    figure.suptitle(drawing.title, fontsize=11, fontweight="bold", x=0.008, ha="left")
    figure.legend(handles=keys, loc="outside lower center", ncols=legend_columns, frameon=False)
    return figure


def _legend_columns(lengths: list[int], width: float) -> int:
    """As many as fit: a label takes about so much a letter, and its key and gap the rest."""
    for columns in range(len(lengths), 1, -1):
        longest = [max(column) for column in np.array_split(lengths, columns)]
        if sum(0.067 * length + 0.7 for length in longest) <= width:
            return columns
    return 1


def _style(codec: int, drawing: Drawing) -> dict[str, Any]:
    if codec == drawing.anchor:
        return dict(ANCHOR)
    has_anchor = drawing.anchor is not None
    place = codec - 1 if drawing.anchor is not None and codec > drawing.anchor else codec
    return {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place % len(MARKERS)],
        "linestyle": DASHES[(place + has_anchor) % len(DASHES)],
    }


def _keys(drawing: Drawing) -> Iterator[Line2D]:
    """What the legend shows."""
    for codec, label in enumerate(drawing.labels):
        yield Line2D([], [], label=label, **_style(codec, drawing))
    if drawing.ceilings:
        yield Line2D([], [], label=UNCOMPRESSED, **CEILING)
    if any(any(line.intervals) for line in drawing.lines):
        yield Line2D([], [], label=INTERVAL, color=GREY, linestyle="", marker="|", markersize=9)
    if not all(all(line.complete) for line in drawing.lines):
        hollow: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "linestyle": ""}
        yield Line2D([], [], label=HOLLOW, color=GREY, **hollow)


def _draw_panel(axes: Axes, metric: str, lines: list[Line], drawing: Drawing) -> None:
    unit = describe(metric).unit
    axes.set_title(describe(metric).title + (f", {unit}" if unit else ""))
    axes.set_xlabel("Rate, bit/pixel")
    rates = [rate for line in drawing.lines for rate in line.rate]
    if not any(line.rate for line in lines):
        axes.text(0.5, 0.5, "nothing measured", transform=axes.transAxes, ha="center", color=GREY)
    if not rates:
        axes.set(xticks=[], yticks=[])
        return
    if metric in drawing.ceilings:
        axes.axhline(drawing.ceilings[metric], zorder=1, **CEILING)
    low, high = rate_limits(rates)
    ticks = rate_ticks(low, high)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    for codec, line in reversed(list(enumerate(lines))):  # the first on top
        style = _style(codec, drawing)
        # The line breaks where a point lacks images.
        axes.plot(line.rate, np.where(line.complete, line.quality, np.nan), **style)
        for rate, interval in zip(line.rate, line.intervals, strict=True):
            if interval:
                axes.vlines(rate, *interval, color=style["color"], linewidth=0.9, alpha=0.45)
        hollow = style | {"linestyle": "", "markerfacecolor": "white", "markeredgewidth": 1.0}
        axes.plot(line.rate, np.where(line.complete, np.nan, line.quality), **hollow)
