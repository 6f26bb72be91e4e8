"""A report in the terminal: means, Bjøntegaard figures, and their caveats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.cli.columns import Columns, Row, TextLine
from bench.metrics import scorer_of
from bench.metrics.bjontegaard import Delta
from bench.report import formatting, tables
from bench.report.compare import Comparison, Report, about_figures
from bench.report.conclusions import conclusions
from bench.report.notes import failure_lines, notes
from bench.runtime.text import counted
from bench.store import CodecResults, TaskResults

if TYPE_CHECKING:
    from bench.commands.bd import Difference

FAILURES = 5
BD_HEADINGS = ("", "BD-rate", "95 % interval", "BD-quality", "over qualities", "overlap")


def terminal(report: Report) -> RenderableType:
    """The whole report, to print."""
    results = report.results
    parts: list[RenderableType] = [Text(report.title, style="bold"), "", *_means(report)]
    for task in results.tasks:
        parts += ["", *_scores(report, task)]
    if report.complete_comparisons:
        parts += ["", *_conclusions(report), *_deltas(report)]
    elif report.anchor is None:
        parts += ["", TextLine(Text(), tables.NO_ANCHOR)]
    elif len(results.codecs) == 1:
        parts += ["", TextLine(Text(), tables.ALONE)]
    if caveats := notes(report):
        parts += ["", Text("Notes", style="bold"), _list(caveats)]
    if failures := failure_lines(report, FAILURES):
        count = counted(len(results.failures), "failure")
        parts += ["", Text(count, style="bold red"), _list(failures)]
    return Group(*parts)


def difference(found: Difference) -> RenderableType:
    """Two curves from files against each other."""
    table = Table.grid(padding=(0, 2))
    for name, delta, unit, axis in (
        ("BD-rate", found.rate, "%", found.test.metric),
        ("BD-quality", found.quality, "", found.test.rate),
    ):
        basis = formatting.NOTHING
        if not delta.reason:
            overlap = formatting.percent(delta.overlap)
            basis = f"{axis} from {formatting.span(delta.range)}, overlap {overlap}"
        value = Text(formatting.signed(delta.value, unit), style=_colour(delta), justify="right")
        table.add_row(Text(name, style="bold"), value, Text(basis))
    title = f"{found.test.curve.name} against {found.anchor.curve.name}, by {found.rate.method}"
    figures = ("BD-rate", found.rate), ("BD-quality", found.quality)
    notes = about_figures(
        (name, text) for name, delta in figures for text in (delta.reason, *delta.notes)
    )
    return Group(TextLine(Text(), title, "bold"), table, _list(notes))


def _means(report: Report) -> list[RenderableType]:
    rows = list(tables.mean_rows(report))
    body: list[Row | RenderableType] = []
    for codec in report.results.codecs:
        ran = tables.version(codec)
        body.append(_codec_line(codec, report).append(f"  {ran}" if ran else "", "not bold dim"))
        body += [(f"  {point}", *cells) for name, point, *cells in rows if name == codec.name]
    for curve in report.published:
        body.append(Text(curve.name, style="bold"))
        body += [(f"  {point}", *cells) for name, point, *cells in rows if name == curve.name]
    legend = [tables.means(report)]
    if any(codec.missing for codec in report.results.codecs):
        legend.append(tables.PARTIAL)
    columns = Columns(["", *map(formatting.heading, tables.mean_columns(report))], body)
    return [columns, *(TextLine(Text(), line, "dim") for line in legend)]


def _scores(report: Report, task: TaskResults) -> Iterable[RenderableType]:
    title = f"{task.measure.figure.title}, {task.name}"
    yield Text.assemble((title, "bold"), (f"  {task.title}", "dim"))
    body: list[Row | RenderableType] = []
    for codec, rows in groupby(tables.score_rows(report, task), key=itemgetter(0)):
        if codec is not None:
            body.append(_codec_line(codec, report))
        body += [(f"  {point}", *cells) for _, (point, *cells) in rows]
    headings = tables.score_headings(task.measure, "95 % interval")
    others = [figure.title for figure in task.measure.figures[1:]]
    yield Columns(("", *headings), body, spare=(*reversed(others), "bpp"))
    yield TextLine(Text(), tables.scores(task.measure), "dim")


def _conclusions(report: Report) -> Iterator[RenderableType]:
    styles = {True: "bold green", False: "bold red", None: "bold"}
    found = list(conclusions(report))
    for each in found:
        yield TextLine(Text(), f"{each.text[:1].upper()}{each.text[1:]}.", styles[each.better])
    if found:
        yield ""


def _deltas(report: Report) -> Iterator[RenderableType]:
    """A row for each comparison that has a figure; the notes explain the others."""
    body: list[Row | RenderableType] = []
    several = len(report.results.tasks) > 1
    lines = {codec.name: _codec_line(codec, report) for codec in report.results.codecs}
    lines |= {curve.name: Text(curve.name, style="bold") for curve in report.published}
    for name, line in lines.items():
        rows = [
            row
            for comparison in report.complete_comparisons
            if comparison.codec == name and comparison.defined
            for row in _delta_rows(comparison, several)
        ]
        body += [line, *rows] if rows else []
    if body:
        yield Columns(BD_HEADINGS, body, spare=("overlap", "over qualities", "BD-quality"))
        yield TextLine(Text(), tables.averages(report), "dim")
    else:
        yield TextLine(Text(), tables.against(report), "dim")


def _delta_rows(comparison: Comparison, several: bool) -> Iterable[Row | Text]:
    """The figures of a comparison, and its task network if there are ``several``."""
    cells = tables.delta_cells(comparison)
    yield (
        f"  {formatting.short_title(comparison.metric)}",
        Text(cells["rate"], style=_colour(comparison.rate)),
        *(cells[name] for name in ("rate_interval", "gain", "qualities", "overlap")),
    )
    if several and scorer_of(comparison.metric):
        yield Text(f"  {comparison.metric.partition(':')[2]}", style="dim")
    elif comparison.per_image and not comparison.per_image.reason:
        mean = ("    mean of images", cells["images"], cells["images_interval"])
        yield tuple(Text(cell, style="dim") for cell in mean)


def _colour(delta: Delta) -> str:
    """Green for a saving and red for a loss, if the interval excludes 0."""
    low, high = delta.interval or (0.0, 0.0)
    return "green" if high < 0 else "red" if low > 0 else ""


def _codec_line(codec: CodecResults, report: Report) -> Text:
    line = Text(codec.name, style="bold", no_wrap=True, overflow="ellipsis")
    if traits := tables.traits(codec, report):
        line.append(f" ({traits})", style="not bold")
    if codec.title != codec.name:
        line.append(f"  {codec.title}", style="not bold dim")
    return line


def _list(lines: Iterable[str]) -> Group:
    return Group(*(TextLine(Text("- "), line) for line in lines))
