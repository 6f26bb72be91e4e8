"""A spec's tables: Bjøntegaard figures, beside the published ones."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace

from bench.content import content_folder
from bench.errors import DataError
from bench.metrics import Group, describe
from bench.metrics.bjontegaard import Delta
from bench.report.looks import Look
from bench.report.selection import Selection
from bench.report.spec import WAP, Column, Part
from bench.report.words import short_title

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
class Table:
    """A table of figures, a codec a row."""

    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, Look, tuple[Cell, ...]], ...]  # by the codec's name in the spec


def deltas_table(part: Part, selection: Selection) -> Table:
    """Each codec against the anchor, each figure followed by what was published of it."""
    columns = [column for column in part.columns if not column.bend or selection.setting.bend]
    published = read_published(part.published) if part.published else {}
    told = {key for row in published.values() for key in row}
    headings: list[Heading] = []
    for column in columns:
        headings.append(Heading(column.key, _title(column, part, selection)))
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
        rows.append((key, selection.shown(key).look, tuple(cells)))
    return _with_best(Table(tuple(headings), tuple(rows)))


def transfer_table(part: Part, selection: Selection) -> Table:
    """BD-rate by each task network that has seen the pictures."""
    scorings = [scoring for scoring in selection.results.scorings if scoring.pseudo is None]
    headings = tuple(Heading(scoring.name, scoring.title) for scoring in scorings)
    rows = []
    for key in part.codecs:
        columns = [Column("rate", f"wap:{scoring.name}") for scoring in scorings]
        cells = tuple(_cell(selection.delta(part, each, key), each) for each in columns)
        rows.append((key, selection.shown(key).look, cells))
    return _with_best(Table(headings, tuple(rows)))


def read_published(name: str) -> dict[str, dict[str, float]]:
    """A file in results/: by codec, then by column; what is not known is not there."""
    path = content_folder("results") / name
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            row.pop("codec"): {key: float(text) for key, text in row.items() if _is_number(text)}
            for row in rows
        }
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except KeyError as error:
        raise DataError(f"{path}: published figures need a column 'codec'") from error


def _is_number(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or ""))
    except ValueError:
        return False


def _title(column: Column, part: Part, selection: Selection) -> str:
    metric = "wAP" if column.metric == WAP else short_title(column.metric)
    if column.delta == "rate":
        text = f"BD-rate by {metric}, %"
    elif column.metric == WAP:
        text = f"BD-{metric}, points"
    else:
        text = f"BD-{metric}, {describe(column.metric).unit}".rstrip(", ")
    if column.against:
        text += f", against {selection.anchor(part, column).look.label}"
    return f"{text}, at the bend" if column.bend else text


def _cell(delta: Delta, column: Column) -> Cell:
    is_precision = column.metric == WAP or describe(column.metric).group is Group.TASK
    scale = POINTS if column.delta == "quality" and is_precision else 1
    low, high = delta.interval or (math.nan, math.nan)
    interval = (scale * low, scale * high) if delta.interval else None
    return Cell(scale * delta.value, interval, delta.reason or "")


def _with_best(table: Table) -> Table:
    """The best figure of each column of ours: the least rate, the most quality."""
    rows = [list(cells) for _, _, cells in table.rows]
    for place, heading in enumerate(table.headings):
        known = [row for row in rows if math.isfinite(row[place].value)]
        if heading.published or len(known) < 2:
            continue
        more_is_better = heading.key.startswith("quality")
        best = (max if more_is_better else min)(known, key=lambda row: row[place].value)
        best[place] = replace(best[place], best=True)
    return Table(
        table.headings,
        tuple(
            (key, look, tuple(row)) for (key, look, _), row in zip(table.rows, rows, strict=True)
        ),
    )
