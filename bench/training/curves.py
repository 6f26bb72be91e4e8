"""The losses of a training as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from bench.files import replacing
from bench.report.canvas import COLOURS, settings


def draw_losses(table: Path, png: Path) -> None:
    """Draw the columns of ``losses.csv`` over the steps; nothing where there are none yet."""
    from matplotlib.figure import Figure

    if not table.is_file():
        return
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows]
    names = [name for name in rows[0] if name not in ("step", "seconds")]
    with settings(), replacing(png) as temporary:
        figure = Figure((6.2, 3.4))
        axes = figure.subplots()
        for name, colour in zip(names, COLOURS, strict=False):
            values = [float(row[name]) for row in rows]
            axes.plot(steps, values, color=colour, label=name, linewidth=1.2)
        axes.set(xlabel="Step", title="Losses, means of 50 steps", yscale="log")
        axes.legend(frameon=False, ncols=2)
        figure.savefig(temporary)
