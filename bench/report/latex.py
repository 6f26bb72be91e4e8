"""A report's BD-rates as a table for LaTeX."""

from __future__ import annotations

import math
from dataclasses import replace

from bench.errors import DataError
from bench.report.compare import Comparison, Report
from bench.report.curve_styles import ANCHOR
from bench.report.formatting import short_title
from bench.report.paper.table_formats import as_latex
from bench.report.paper.tables import Cell, Heading, Row, Table, with_best
from bench.runtime.text import grouped


def deltas_table(report: Report) -> str:
    """A float for booktabs: a row for each codec, a column for each metric."""
    shown = [each for each in report.complete_comparisons if not each.rate.reason]
    if not shown:
        raise DataError(f"{report.title}: no codec has a BD-rate")
    metrics = [name for name in report.metrics if name in {each.metric for each in shown}]
    by_codec = grouped((each.codec, each) for each in shown)
    columns = {
        Heading(f"rate {name}", short_title(name)): [_cell(name, own) for own in by_codec.values()]
        for name in metrics
    }
    cells = [with_best(heading, column) for heading, column in columns.items()]
    rows = [
        Row(codec, replace(ANCHOR, label=codec), tuple(column[place] for column in cells), "")
        for place, codec in enumerate(by_codec)
    ]
    table = Table(tuple(columns), tuple(rows))
    caption = f"BD-rate in % against {report.anchor}, {report.title}; below it the 95 % interval."
    return as_latex(table, caption, "bd-rates")


def _cell(metric: str, comparisons: list[Comparison]) -> Cell:
    rates = [each.rate for each in comparisons if each.metric == metric]
    return Cell(rates[0].value, rates[0].interval) if rates else Cell(math.nan)
