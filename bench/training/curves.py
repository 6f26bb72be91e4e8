"""The curves of a training, as a picture."""

from __future__ import annotations

from pathlib import Path

from bench.report.curve_styles import COLOURS
from bench.report.plotting import settings
from bench.runtime.files import replacing
from bench.training.scalars import LOSSES, VALIDATION, read_table

_VALIDATED = {"bpp": "Rate, bpp", "psnr": "PSNR, dB", "wap": "wAP", "accuracy": "Accuracy"}


def draw_training(folder: Path) -> None:
    """Draw a folder's tables over the steps as ``training.png``, if there are any."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    losses, validation = read_table(folder / LOSSES), read_table(folder / VALIDATION)
    if not losses:
        return
    names = [name for name in losses[0] if name not in ("step", "seconds")]
    panels = [name for name in _VALIDATED if validation and name in validation[0]]
    with settings(), replacing(folder / "training.png") as temporary:
        figure = Figure((6.2 + 2.2 * len(panels), 3.4))
        figure.subplots(1, 1 + len(panels), width_ratios=[6.2, *[2.2] * len(panels)])
        first, *others = figure.axes
        for name, colour in zip(names, COLOURS, strict=False):
            first.plot(*_points(losses, name), color=colour, label=name, linewidth=1.2)
        first.set(xlabel="Step", title="Losses, means of 50 steps", yscale="log")
        first.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        first.yaxis.set_major_formatter("{x:g}")
        first.yaxis.set_minor_locator(NullLocator())
        first.legend(frameon=False, ncols=2)
        for panel, name in zip(others, panels, strict=True):
            panel.plot(*_points(validation, name), color=COLOURS[0], marker=".")
            panel.set(xlabel="Step", title=_VALIDATED[name])
        figure.savefig(temporary)


def _points(rows: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    return [row["step"] for row in rows], [row[name] for row in rows]
