"""A spec's bars: what each part of the streams costs, one on the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from bench.report.curve_styles import COLOURS
from bench.report.plotting import GREY, INCH, PRINTED, save_print, settings

WHOLE = "whole stream"
BAR, AROUND = 3.4, 16.0  # millimetres of height: of each bar, and of what is around them


class Bar(NamedTuple):
    """The rate of a codec at a point, in bits a pixel by part."""

    codec: str
    point: str
    rates: dict[str, float]


def print_rates(bars: Sequence[Bar], files: Sequence[Path], width: float) -> None:
    """Write the bars, so many millimetres wide."""
    parts = list(dict.fromkeys(part for bar in bars for part in bar.rates))
    colours = dict(zip([part for part in parts if part != WHOLE], cycle(COLOURS), strict=False))
    places = _places(bars)
    height = BAR * (places[-1] + 1) + AROUND
    with settings(PRINTED):
        figure = Figure((width / INCH, height / INCH))
        axes = figure.add_subplot()
        left = np.zeros(len(bars))
        for part in parts:
            rates = np.array([bar.rates.get(part, 0.0) for bar in bars])
            colour = colours.get(part, GREY)
            axes.barh(places, rates, left=left, height=0.8, color=colour, label=part)
            left += rates
        axes.set_yticks(places, [f"{bar.codec}, {bar.point}" for bar in bars])
        axes.invert_yaxis()
        axes.set_xlabel("bpp")
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside lower center", ncols=len(parts), frameon=False)
        save_print(figure, files)


def _places(bars: Sequence[Bar]) -> list[float]:
    """Where the bars are; those of a codec are close together."""
    places, place, before = list[float](), -1.0, ""
    for bar in bars:
        place += 1.0 if bar.codec == before or not places else 1.6
        places.append(place)
        before = bar.codec
    return places
