"""A report in the terminal: means, Bjøntegaard figures, and all that qualifies them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.metrics.bjontegaard import Delta
from bench.report import words
from bench.report.compare import Comparison, Report
from bench.report.results import CodecResults
from bench.report.scorings import Scoring
from bench.words import counted

if TYPE_CHECKING:
    from bench.bd import Difference

FAILURES = 5
# So many numbers of such a width, and the points before them, fit in 80 columns.
NUMBERS = 7
NUMBER = 8
LABEL = 16
SCORE_WIDTHS = (LABEL, NUMBER, NUMBER, 16, NUMBER, NUMBER)
SCORE_HEADINGS = ("", "bpp", "wAP", "95 % interval", "AP", "AP50")
BD_WIDTHS = (18, 9, 16, 10, 14, 7)
BD_HEADINGS = ("", "BD-rate", "95 % interval", "BD-quality", "over qualities", "overlap")


def terminal(report: Report) -> RenderableType:
    """Everything a report says, to print."""
    results = report.results
    title = f"{results.dataset}, {counted(len(results.images), 'image')}"
    parts: list[RenderableType] = [Text(title, style="bold"), "", *_means(report)]
    for scoring in results.scorings:
        parts += ["", *_scores(report, scoring)]
    if words.compared(report):
        parts += ["", *_deltas(report)]
    elif report.anchor is None:
        parts += ["", Text(words.NO_ANCHOR)]
    elif len(results.codecs) == 1:
        parts += ["", Text(words.ALONE)]
    if notes := words.notes(report):
        parts += ["", Text("Notes", style="bold"), _list(notes)]
    if failures := words.failures(report, FAILURES):
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
        told = words.NOTHING
        if not delta.reason:
            told = f"{axis} from {words.span(delta.range)}, overlap {words.percent(delta.overlap)}"
        value = Text(words.signed(delta.value, unit), style=_colour(delta), justify="right")
        table.add_row(Text(name, style="bold"), value, Text(told))
    title = f"{found.test.curve.name} against {found.anchor.curve.name}, by {found.rate.method}"
    said = [found.rate.reason, found.quality.reason, *found.rate.notes, *found.quality.notes]
    notes = _list(dict.fromkeys(text for text in said if text))
    return Group(Text(title, style="bold"), table, notes)


def _means(report: Report) -> list[RenderableType]:
    columns = words.mean_columns(report)
    parts: list[RenderableType] = []
    for first in range(0, len(columns), NUMBERS):
        chosen = columns[first : first + NUMBERS]
        widths = [LABEL, *[NUMBER] * len(chosen)]
        parts.append(_rows(widths, [["", *map(words.heading, chosen)]], style="bold"))
        for codec in report.results.codecs:
            rows = [row for row in report.results.mean_rows if row["codec"] == codec.name]
            cells = [
                [
                    f"  {codec.unit} {row['point']}{'' if row['complete'] else ' *'}",
                    *(words.mean(name, row.get(name, float("nan"))) for name in chosen),
                ]
                for row in rows
            ]
            parts += [_codec_line(codec, report), _rows(widths, cells)]
    told = [words.MEANS]
    if any(codec.missing for codec in report.results.codecs):
        told.append(words.PARTIAL)
    return [*parts, *(Text(line, style="dim") for line in told)]


def _scores(report: Report, scoring: Scoring) -> Iterable[RenderableType]:
    yield Text.assemble((f"wAP, {scoring.name}", "bold"), (f"  {scoring.title}", "dim"))
    yield _rows(SCORE_WIDTHS, [SCORE_HEADINGS], style="bold")
    for codec, rows in groupby(words.score_rows(report, scoring), key=lambda row: row.codec):
        if codec is not None:
            yield _codec_line(codec, report)
        yield _rows(SCORE_WIDTHS, [(f"  {row.point}", *row.cells()) for row in rows])
    yield Text(words.SCORES, style="dim")


def _deltas(report: Report) -> list[RenderableType]:
    parts: list[RenderableType] = [_rows(BD_WIDTHS, [BD_HEADINGS], style="bold")]
    for codec in report.results.codecs:
        mine = [each for each in words.compared(report) if each.codec == codec.name]
        if mine:
            several = len(report.results.scorings) > 1
            rows = [row for comparison in mine for row in _delta_rows(comparison, several)]
            parts += [_codec_line(codec, report), _rows(BD_WIDTHS, rows)]
    return [*parts, Text(words.averages(report), style="dim")]


def _delta_rows(comparison: Comparison, several: bool) -> Iterable[Sequence[str | Text]]:
    """Its figures; where there are ``several`` task networks, which of them it is."""
    rate, quality, images = comparison.rate, comparison.quality, comparison.per_image
    yield (
        f"  {words.short_title(comparison.metric)}",
        Text(words.signed(rate.value, "%"), style=_colour(rate)),
        words.interval(rate.interval),
        words.gain(comparison.metric, quality.value),
        words.span(rate.range),
        words.percent(rate.overlap),
    )
    if images is None and several:
        yield (Text(f"  {comparison.metric.partition(':')[2]}", style="dim"),)
    elif images and not images.reason:
        value = words.signed(images.value, "%")
        told = ("    mean of images", value, words.interval(images.interval))
        yield tuple(Text(cell, style="dim") for cell in told)


def _colour(delta: Delta) -> str:
    """Green for a saving and red for a loss, where the interval leaves no doubt."""
    low, high = delta.interval or (0.0, 0.0)
    return "green" if high < 0 else "red" if low > 0 else ""


def _codec_line(codec: CodecResults, report: Report) -> Text:
    line = Text(codec.name, style="bold", no_wrap=True, overflow="ellipsis")
    if traits := words.traits(codec, report):
        line.append(f" ({traits})", style="not bold")
    if codec.title != codec.name:
        line.append(f"  {codec.title}", style="not bold dim")
    if codec.version and codec.version not in codec.title:
        line.append(f"  {codec.version}", style="not bold dim")
    return line


def _rows(widths: Sequence[int], rows: Iterable[Sequence[str | Text]], *, style: str = "") -> Table:
    """Rows of the same widths in every table, so that the tables of all codecs are aligned."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for column, width in enumerate(widths):
        table.add_column(
            width=width,
            justify="right" if column else "left",
            vertical="bottom",
            overflow="fold",
            style=style,
        )
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def _list(lines: Iterable[str]) -> Table:
    """Names and reasons come from files and programs: they are text, never markup."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for line in lines:
        table.add_row("-", Text(line, overflow="fold"))
    return table
