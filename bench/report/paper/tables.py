"""A spec's tables: Bjøntegaard figures, beside the published ones."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.errors import DataError
from bench.metrics import Group, describe
from bench.metrics.bjontegaard import Delta
from bench.report.curve_styles import CurveStyle
from bench.report.formatting import short_title
from bench.report.paper.selection import Selection, Shown
from bench.report.paper.spec import WAP, Column, Part
from bench.runtime.content import content_folder
from bench.runtime.text import grouped, listed

POINTS = 100  # an average precision in print is in hundredths


@dataclass(frozen=True)
class Cell:
    """A figure, or why there is none; a published one has no interval."""

    value: float
    interval: tuple[float, float] | None = None
    reason: str = ""
    best: bool = False


@dataclass(frozen=True)
class Heading:
    """What a column is: its key in files, its title, and whether its figures are published ones."""

    key: str
    title: str
    published: bool = False


@dataclass(frozen=True)
class Row:
    """A codec of the spec, its figures, and why we have none."""

    key: str
    style: CurveStyle
    cells: tuple[Cell, ...]
    lacking: str

    @property
    def empty(self) -> bool:
        """Whether it has no figure, not even a published one."""
        return all(math.isnan(cell.value) for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """A table of figures, a codec a row."""

    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    findings: tuple[str, ...] = ()  # what the figures say, in sentences

    @property
    def shown(self) -> list[Row]:
        """The rows that have a figure."""
        return [row for row in self.rows if not row.empty]


def deltas_table(part: Part, selection: Selection) -> Table:
    """Each codec against the anchor, each figure followed by the published one."""
    columns = [column for column in part.columns if not column.bend or selection.setting.bend]
    return _table(part, selection, {Heading(c.key, _title(c, selection)): c for c in columns})


def transfer_table(part: Part, selection: Selection) -> Table:
    """BD-rate by each task network that was run."""
    columns = {
        Heading(task.name, task.title): Column(
            delta="rate", metric=task.metric, between=part.between
        )
        for task in selection.labelled
    }
    table = _table(part, selection, columns)
    return replace(table, findings=tuple(transfer_findings(table)))


def transfer_findings(table: Table) -> Iterator[str]:
    """For each codec, by which networks it needs fewer bits than the anchor."""
    for row in table.shown:
        cells = zip(table.headings, row.cells, strict=True)
        ours = [(_verdict(cell), heading.key) for heading, cell in cells if cell.interval]
        verdicts = grouped(ours)
        found = [
            f"{words} {_networks(by, len(ours))}"
            for words in ("fewer bits", "more bits", "inconclusive")
            if (by := verdicts.get(words))
        ]
        if found:
            yield f"{row.style.plain}: {'; '.join(found)}"


def _verdict(cell: Cell) -> str:
    low, high = cell.interval or (math.nan, math.nan)
    return "fewer bits" if high < 0 else "more bits" if low > 0 else "inconclusive"


def _networks(names: Sequence[str], count: int) -> str:
    if 1 < len(names) == count:
        return f"by all {count} networks"
    return f"by {listed(names)}"


def _table(part: Part, selection: Selection, columns: dict[Heading, Column]) -> Table:
    published = read_published(part.published)
    has_published = {key for figures in published.values() for key in figures}
    headings: list[Heading] = []
    cells: list[list[Cell]] = []  # by column
    for heading, column in columns.items():
        headings.append(heading)
        ours = [_cell(selection.delta(part, column, key), column) for key in part.codecs]
        cells.append(with_best(heading, ours))
        if (name := heading.key) in has_published:
            headings.append(Heading(name, "published", published=True))
            theirs = (published.get(key, {}).get(name, math.nan) for key in part.codecs)
            cells.append(list(map(Cell, theirs)))
    rows = (
        Row(shown.key, shown.style, tuple(column[place] for column in cells), _why_none(shown))
        for place, shown in enumerate(map(selection.shown, part.codecs))
    )
    return Table(tuple(headings), tuple(rows))


def _why_none(shown: Shown) -> str:
    """Why a codec has no results, where a published curve does not take their place."""
    return "" if shown.published else shown.lacking


def with_best(heading: Heading, cells: list[Cell]) -> list[Cell]:
    """The cells of a column, with the lowest rate or the highest quality of several marked."""
    known = [cell.value for cell in cells if math.isfinite(cell.value)]
    if len(known) < 2:
        return cells
    best = max(known) if heading.key.startswith("quality") else min(known)
    return [replace(cell, best=cell.value == best) for cell in cells]


def read_published(name: str) -> dict[str, dict[str, float]]:
    """The figures in a file in results/, by codec, then by column; none without a name."""
    if not name:
        return {}
    path = content_folder("results") / name
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from error
    for number, row in enumerate(rows, start=1):
        if "codec" not in row:
            raise DataError(f"{path}: published figures need a column 'codec'")
        if None in row:
            raise DataError(f"{path}: row {number} has more cells than there are columns")
    return {
        row.pop("codec"): {key: float(text) for key, text in row.items() if _is_number(text)}
        for row in rows
    }


def _is_number(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False


def _title(column: Column, selection: Selection) -> str:
    """A short title: columns are narrow."""
    metric = "wAP" if column.metric == WAP else short_title(column.metric)
    own_unit = "" if column.metric == WAP else describe(column.metric).unit
    if column.delta == "rate":
        text, unit = f"BD-rate by {metric}", "%"
    else:
        text, unit = f"BD-{metric}", "points" if column.metric == WAP else own_unit
    if column.against:
        text += f" vs. {selection.label(selection.shown(column.against).codec)}"
    if column.between:
        of = "%" if column.between.percent else own_unit
        text += f" at {column.between.low:g}–{column.between.high:g} {of}".rstrip()
    return f"{text}{', bend' if column.bend else ''}{f', {unit}' if unit else ''}"


def _cell(delta: Delta, column: Column) -> Cell:
    is_precision = column.metric == WAP or describe(column.metric).group is Group.TASK
    scale = POINTS if column.delta == "quality" and is_precision else 1
    low, high = delta.interval or (math.nan, math.nan)
    interval = (scale * low, scale * high) if delta.interval else None
    return Cell(scale * delta.value, interval, delta.reason or "")
