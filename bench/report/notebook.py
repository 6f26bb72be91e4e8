"""A report in a notebook: HTML with its own style, which needs no script and no other file."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.metrics import describe
from bench.metrics.bjontegaard import Delta
from bench.report import formatting, tables
from bench.report.compare import Comparison, Report
from bench.report.conclusions import conclusions
from bench.report.curves import drawn_metrics
from bench.report.notes import failure_lines, notes
from bench.runtime.text import grouped

_STYLE = Path(__file__).with_name("notebook.css")
_FAILURES = 5
_DPI = 150  # sharp at the width that the style gives it
_KINDS = {True: "better", False: "worse", None: "same"}


def html(report: Report) -> str:
    """Conclusions, curves and Bjøntegaard deltas; the means and the notes are folded."""
    parts = [f"<style>{_STYLE.read_text('utf-8')}</style>", f"<h3>{escape(report.title)}</h3>"]
    if found := list(conclusions(report)):
        sentences = (
            f'<li class="{_KINDS[each.better]}">{escape(_sentence(each.text))}</li>'
            for each in found
        )
        parts.append(f"<ul>{''.join(sentences)}</ul>")
    if any(each.defined for each in report.complete_comparisons):
        legend = f"{tables.against(report)} Intervals hold 95 %, by resampling the images."
        parts += [_deltas(report), f"<p>{escape(legend)}</p>"]
    elif report.anchor is None:
        parts.append(f"<p>{escape(tables.NO_ANCHOR)}</p>")
    if drawn_metrics(report):
        picture = base64.b64encode(_picture(report)).decode("ascii")
        parts.append(f'<img alt="Rate–quality curves" src="data:image/png;base64,{picture}">')
    parts.append(_folded("Means at each point", _means(report)))
    for title, lines in (
        ("Notes", notes(report)),
        ("Failures", failure_lines(report, _FAILURES)),
    ):
        if lines:
            items = "".join(f"<li>{escape(line)}</li>" for line in lines)
            parts.append(_folded(f"{title}, {len(lines)}", f"<ul>{items}</ul>"))
    return f'<div class="bench-report">{"".join(parts)}</div>'


def _picture(report: Report) -> bytes:
    from bench.report.plotting import figure_of, png

    return png(figure_of(report, title=""), dpi=_DPI)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _deltas(report: Report) -> str:
    """A row for each codec, a column for each metric: BD-rate and, below it, its interval."""
    shown = [each for each in report.complete_comparisons if each.defined]
    metrics = [name for name in report.metrics if name in {each.metric for each in shown}]
    heading = "".join(f"<th>{escape(formatting.short_title(name))}</th>" for name in metrics)
    rows = [f"<tr><th>BD-rate against {escape(str(report.anchor))}</th>{heading}</tr>"]
    for codec, own in grouped((each.codec, each) for each in shown).items():
        by_metric = {each.metric: each for each in own}
        cells = "".join(_delta_cell(by_metric.get(name)) for name in metrics)
        rows.append(f"<tr><th>{escape(codec)}</th>{cells}</tr>")
    return f'<div class="wide"><table class="deltas">{"".join(rows)}</table></div>'


def _delta_cell(comparison: Comparison | None) -> str:
    if comparison is None:
        return f"<td>{formatting.NOTHING}</td>"
    if comparison.rate.reason:
        gain = formatting.gain(comparison.metric, comparison.quality.value)
        unit = "" if describe(comparison.metric).unit else " BD-quality"
        return f"<td>{formatting.NOTHING}<small>{escape(gain)}{unit} at equal rate</small></td>"
    cells = tables.delta_cells(comparison)
    interval = (
        f"<small>{escape(cells['rate_interval'])}</small>" if comparison.rate.interval else ""
    )
    return f'<td class="{_kind(comparison.rate)}">{escape(cells["rate"])}{interval}</td>'


def _kind(delta: Delta) -> str:
    low, high = delta.interval or (0.0, 0.0)
    return "better" if high < 0 else "worse" if low > 0 else "same"


def _means(report: Report) -> str:
    columns = ("bpp", *report.metrics, "encode_cpu", "decode_cpu")
    rows = [_row(("codec", "point", *map(formatting.heading, columns)), "th")]
    for codec, points in grouped((row["codec"], row) for row in report.point_rows).items():
        for at, row in enumerate(points):
            cells = (formatting.mean(name, row.get(name, math.nan)) for name in columns)
            rows.append(_row(("" if at else codec, f"{row['unit']} {row['point']}", *cells)))
    legend = f"<p>{escape(tables.means(report))}</p>"
    return f'<div class="wide"><table>{"".join(rows)}</table></div>{legend}'


def _row(cells: Sequence[str], tag: str = "td") -> str:
    first, *others = cells
    rest = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in others)
    goes_on = "" if first else ' class="more"'
    return f"<tr{goes_on}><th>{escape(first)}</th>{rest}</tr>"
