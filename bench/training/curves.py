"""The curves of a training, as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from bench.report.curve_styles import COLOURS
from bench.report.plotting import settings
from bench.runtime.files import replacing
from bench.training.scalars import LOSSES, VALIDATION

_VALIDATED = {"bpp": "Rate, bpp", "psnr": "PSNR, dB", "wap": "wAP", "accuracy": "Accuracy"}


def draw_training(folder: Path) -> None:
    """Draw a folder's tables over the steps as ``training.png``, if there are any."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    losses, validation = _columns(folder / LOSSES), _columns(folder / VALIDATION)
    if not losses:
        return
    panels = [name for name in _VALIDATED if name in validation]
    with settings(), replacing(folder / "training.png") as temporary:
        figure = Figure((6.2 + 2.2 * len(panels), 3.4))
        figure.subplots(1, 1 + len(panels), width_ratios=[6.2, *[2.2] * len(panels)])
        first, *others = figure.axes
        for name, colour in zip(_values(losses), COLOURS, strict=False):
            first.plot(losses["step"], losses[name], color=colour, label=name, linewidth=1.2)
        first.set(xlabel="Step", title="Losses, means of 50 steps", yscale="log")
        first.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        first.yaxis.set_major_formatter("{x:g}")
        first.yaxis.set_minor_locator(NullLocator())
        first.legend(frameon=False, ncols=2)
        for panel, name in zip(others, panels, strict=True):
            panel.plot(validation["step"], validation[name], color=COLOURS[0], marker=".")
            panel.set(xlabel="Step", title=_VALIDATED[name])
        figure.savefig(temporary)


def _columns(table: Path) -> dict[str, list[float]]:
    if not table.is_file():
        return {}
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]} if rows else {}


def _values(columns: dict[str, list[float]]) -> list[str]:
    return [name for name in columns if name not in ("step", "seconds")]
