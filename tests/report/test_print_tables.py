"""Tables and figures for print: as wide as they must be, as many digits as they deserve."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from support.results import codec, results

from bench.report.compare import compare
from bench.report.curve_styles import CurveStyle
from bench.report.files import draw_curves
from bench.report.paper.table_formats import as_latex, as_markdown, notes
from bench.report.paper.tables import Cell, Heading, Row, Table
from bench.report.plotting import settings

NOTHING = Cell(math.nan, reason="no weights")


def table(*rows: tuple[Cell, ...], columns: int = 1) -> Table:
    headings = tuple(Heading(f"rate {n}", "BD-rate by wAP, %") for n in range(columns))
    style = CurveStyle("A codec", "#000000", "solid", "circle")
    reasons = (row[0].reason if math.isnan(row[0].value) else "" for row in rows)
    return Table(headings, tuple(map(Row, "abcdef", [style] * len(rows), rows, reasons)))


@pytest.mark.parametrize(
    ("value", "interval", "message"),
    [
        (-76.64, (-82.61, -68.41), "−77"),
        (-76.64, (-78.9, -73.9), "−76.6"),
        (-4.345, (-4.5, -4.1), "−4.34"),
        (-4.345, (-4.3452, -4.3449), "−4.34"),  # two decimals at most
        (-0.04, (-20, 19), "0"),
        (-41.4, None, "−41.4"),
    ],
)
def test_a_figure_has_the_decimals_that_its_interval_deserves(
    value: float, interval: tuple[float, float] | None, message: str
) -> None:
    text = as_markdown(table((Cell(value, interval),)))
    assert message in re.split(r" \| |<br>| \|", text.splitlines()[-1])


def test_decimal_points_stand_below_each_other() -> None:
    made = as_latex(table((Cell(-76.6, (-83, -68)),), (Cell(-78.1, (-80, -76)),)), "", "t")
    assert r"$-$77\phantom{.0} \\" in made
    assert r"$-$78.1 \\" in made


@pytest.mark.parametrize(("columns", "environment"), [(1, "table"), (3, "table"), (9, "table*")])
def test_a_table_that_fits_a_column_takes_one(columns: int, environment: str) -> None:
    made = as_latex(table((Cell(-50.0, (-60.0, -40.0)),) * columns, columns=columns), "", "t")
    assert rf"\begin{{{environment}}}" in made
    assert rf"\end{{{environment}}}" in made


def test_a_codec_without_any_figure_takes_no_row_and_is_told() -> None:
    made = table((Cell(-50.0),), (NOTHING,))
    assert len(as_markdown(made).splitlines()) == 3
    assert list(notes(made)) == ["no weights: A codec"]
    assert "No weights: A codec." in as_latex(made, "Caption.", "t")


def test_a_metric_without_a_curve_takes_no_panel(tmp_path: Path) -> None:
    one, other = codec("hm", anchor=True), codec("vtm")
    report = compare(results(one, other))
    for each in (one, other):
        each.values["vmaf"] = np.full_like(each.bpp, np.nan)
    with settings():
        draw_curves(report, tmp_path)
    assert "vmaf" in report.metrics
    drawn = set(re.findall(r'id="axes_\d+"', (tmp_path / "curves.svg").read_text("utf-8")))
    assert len(drawn) == len(report.metrics) - 1
