"""A spec's heat map: a table's figures on colours, blue for savings and orange for losses."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from bench.report.paper.table_formats import NOTHING, bounds, signed
from bench.report.paper.tables import Cell, Table
from bench.report.plotting import INCH, PRINTED, save_print, settings

_COLOURS = LinearSegmentedColormap.from_list("savings", ["#0072B2", "#FFFFFF", "#D55E00"])
_EMPTY = "#E8E8E8"
_ROW, _AROUND = 9.0, 12.0  # millimetres of height: of a row, and of the headings above
_WIDEST, _LEAST = 100.0, 10.0  # per cent: where colours end at most, and at least
_DARK = 0.75  # of the way to a full colour, from where letters are white
_HEADING = 12  # letters in a line of a column's heading
_TINY = 4.5  # points: the size of intervals
_LABELS = 1 / 3  # of the width, about
_NARROW = 15.0  # millimetres: narrower columns have room for whole numbers only


def print_heatmap(table: Table, files: Sequence[Path], width: float) -> None:
    """Write the rows that have a figure, so many millimetres wide."""
    rows = table.shown
    values = np.array([[cell.value for cell in row.cells] for row in rows])
    most = min(max(float(np.nanmax(np.abs(values))), _LEAST), _WIDEST)
    narrow = width * (1 - _LABELS) / len(table.headings) < _NARROW
    height = _ROW * len(rows) + _AROUND * (2 if narrow else 1)
    with settings(PRINTED):
        figure = Figure((width / INCH, height / INCH))
        axes = figure.add_subplot()
        axes.set_facecolor(_EMPTY)
        axes.pcolormesh(values, cmap=_COLOURS, vmin=-most, vmax=most, edgecolors="white", lw=1.5)
        for (y, x), value in np.ndenumerate(values):
            colour = "white" if abs(value) > _DARK * most else "black"
            _write(axes, x + 0.5, y + 0.5, rows[y].cells[x], colour, narrow=narrow)
        titles = [heading.title for heading in table.headings]
        if not narrow:
            titles = [textwrap.fill(title, _HEADING) for title in titles]
        axes.set_xticks(np.arange(len(titles)) + 0.5, titles, rotation=90 if narrow else 0)
        axes.set_yticks(np.arange(len(rows)) + 0.5, [row.style.label for row in rows])
        axes.invert_yaxis()
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        save_print(figure, files)


def _write(axes: Axes, x: float, y: float, cell: Cell, colour: str, *, narrow: bool) -> None:
    """A figure in the middle of its cell, with its interval below."""
    if math.isnan(cell.value):
        text = NOTHING
    elif narrow:
        text = f"{cell.value:+.0f}".replace("-", "\N{MINUS SIGN}")
    else:
        text = signed(cell.value, cell)
    interval = None if narrow else cell.interval
    axes.text(x, y - (0.1 if interval else 0), text, ha="center", va="center", color=colour)
    if interval:
        axes.text(x, y + 0.27, bounds(cell), ha="center", va="center", color=colour, size=_TINY)
