"""A spec's tables: Bjøntegaard figures, beside the published ones."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace

from bench.errors import DataError
from bench.metrics import Group, describe, wap_of
from bench.metrics.bjontegaard import Delta
from bench.report.curve_styles import CurveStyle
from bench.report.formatting import short_title
from bench.report.paper.selection import Selection
from bench.report.paper.spec import WAP, Column, Part
from bench.runtime.content import content_folder

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
    """What a column is: its key in files, its words, and whether it is someone else's."""

    key: str
    title: str
    published: bool = False


@dataclass(frozen=True)
class Row:
    """A codec of the spec, and its figures; why it has none of ours."""

    key: str
    style: CurveStyle
    cells: tuple[Cell, ...]
    lacking: str

    @property
    def empty(self) -> bool:
        """Whether nothing is known of it, nor was published."""
        return all(math.isnan(cell.value) for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """A table of figures, a codec a row."""

    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]

    @property
    def shown(self) -> list[Row]:
        """The rows that have a figure."""
        return [row for row in self.rows if not row.empty]


def deltas_table(part: Part, selection: Selection) -> Table:
    """Each codec against the anchor, each figure followed by what was published of it."""
    columns = [column for column in part.columns if not column.bend or selection.setting.bend]
    published = read_published(part.published) if part.published else {}
    told = {key for row in published.values() for key in row}
    headings: list[Heading] = []
    for column in columns:
        headings.append(Heading(column.key, _title(column, selection)))
        if column.key in told:
            headings.append(Heading(column.key, "published", published=True))
    rows = []
    for key in part.codecs:
        cells: list[Cell] = []
        for column in columns:
            cells.append(_cell(selection.delta(part, column, key), column))
            if column.key in told:
                value = published.get(key, {}).get(column.key, math.nan)
                cells.append(Cell(value))
        rows.append(_row(key, cells, selection))
    return _with_best(Table(tuple(headings), tuple(rows)))


def transfer_table(part: Part, selection: Selection) -> Table:
    """BD-rate by each task network that has seen the pictures."""
    tasks = selection.labelled
    headings = tuple(Heading(task.name, task.title) for task in tasks)
    rows = []
    for key in part.codecs:
        columns = [
            Column(delta="rate", metric=wap_of(each.name), between=part.between) for each in tasks
        ]
        cells = [_cell(selection.delta(part, each, key), each) for each in columns]
        rows.append(_row(key, cells, selection))
    return _with_best(Table(headings, tuple(rows)))


def read_published(name: str) -> dict[str, dict[str, float]]:
    """A file in results/: by codec, then by column; what is not known is not there."""
    path = content_folder("results") / name
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        said = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {said}") from error
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
    """As short as it can be: columns are narrow."""
    metric = "wAP" if column.metric == WAP else short_title(column.metric)
    if column.delta == "rate":
        text, unit = f"BD-rate by {metric}", "%"
    else:
        text = f"BD-{metric}"
        unit = "points" if column.metric == WAP else describe(column.metric).unit
    if column.against:
        text += f" vs. {selection.label(selection.shown(column.against).codec)}"
    if column.between:
        its_unit = "" if column.metric == WAP else describe(column.metric).unit
        of = "%" if column.between.percent else its_unit
        text += f" at {column.between.low:g}–{column.between.high:g} {of}".rstrip()
    return f"{text}{', bend' if column.bend else ''}{f', {unit}' if unit else ''}"


def _cell(delta: Delta, column: Column) -> Cell:
    is_precision = column.metric == WAP or describe(column.metric).group is Group.TASK
    scale = POINTS if column.delta == "quality" and is_precision else 1
    low, high = delta.interval or (math.nan, math.nan)
    interval = (scale * low, scale * high) if delta.interval else None
    return Cell(scale * delta.value, interval, delta.reason or "")


def _row(key: str, cells: list[Cell], selection: Selection) -> Row:
    shown = selection.shown(key)
    return Row(key, shown.style, tuple(cells), shown.lacking)


def _with_best(table: Table) -> Table:
    """The best figure of each column of ours: the least rate, the most quality."""
    rows = table.rows
    for place, heading in enumerate(table.headings):
        values = [row.cells[place].value for row in rows]
        known = [value for value in values if math.isfinite(value)]
        if heading.published or len(known) < 2:
            continue
        best = max(known) if heading.key.startswith("quality") else min(known)
        rows = tuple(_marked(row, place, row.cells[place].value == best) for row in rows)
    return replace(table, rows=rows)


def _marked(row: Row, place: int, best: bool) -> Row:
    cells = row.cells
    marked = replace(cells[place], best=best)
    return replace(row, cells=(*cells[:place], marked, *cells[place + 1 :]))
