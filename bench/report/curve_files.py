"""Rate–quality curves from other tools, read from CSV and JSON files.

A curve is named ``FILE``, or ``FILE:CODEC`` if the file has several. Supported are:

- CSV (comma, semicolon or tab; ``#`` starts a comment line): a heading, then a row for each point;
- JSON as in CompressAI's results, ``{"name": …, "results": {"bpp": […], "psnr-rgb": […]}}``,
  or only such columns, or a list of points; several of these in a list or keyed by codec.

Case and punctuation of column names are ignored. The rate is the first of `RATES` that the file
has. The quality is the only column left besides the codec, parameters, times and metrics that are
better when lower; if several are left, it has to be named.
"""

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

import numpy as np

from bench.errors import DataError
from bench.metrics.bjontegaard import Curve
from bench.runtime.csv_files import read_cell
from bench.runtime.text import grouped

RATES = {  # plain column name → unit; curves are only compared in one unit
    "bpp": "bits per pixel",
    "bitsperpixel": "bits per pixel",
    "kbps": "kbit/s",
    "kbits": "kbit/s",
    "bitratekbps": "kbit/s",
    "bitrate": "bitrate",
    "rate": "rate",
}
CODECS = ("codec", "name", "method", "model", "encoder")
PARAMETERS = re.compile(
    "point|qp|q|crf|lambda|lmbda|level|preset|images?|frames?|size|bytes|bits|.*time.*|.*seconds.*|.*cpu|.*wall"
)
LOWER_IS_BETTER = re.compile("(mse|rmse|mae|lpips|dists|fid|kid|gmsd|butteraugli|nlpd).*")

Row = tuple[str, Mapping[str, object]]  # its place in the file, and its cells by column


@dataclass(frozen=True)
class FileCurve:
    """A curve, and the columns that it was read from, as the file spells them."""

    curve: Curve
    rate: str
    metric: str


def read_pair(
    anchor: str,
    test: str,
    *,
    metric: str | None = None,
    test_metric: str | None = None,
    rate: str | None = None,
    test_rate: str | None = None,
) -> tuple[FileCurve, FileCurve]:
    """Two curves to compare; `test_metric` and `test_rate` if the test's file has other names."""
    a, t = CurveTable.open(anchor), CurveTable.open(test)
    if not metric and not test_metric:
        shared = [name for name in a.metrics() if name in t.metrics()]
        if len(shared) > 1:
            named = ", ".join(a.columns[name] for name in shared)
            raise DataError(f"{anchor} and {test} share {named}: name one as --metric")
        metric = shared[0] if shared else None
    if not rate and not test_rate:
        of_one_unit = [(n, m) for n in a.rates() for m in t.rates() if RATES[n] == RATES[m]]
        rate, test_rate = of_one_unit[0] if of_one_unit else (None, None)
    one, other = a.curve(metric, rate), t.curve(test_metric or metric, test_rate or rate)
    for what, column, test_column, given in (
        ("rate", one.rate, other.rate, test_rate),
        ("metric", one.metric, other.metric, test_metric),
    ):
        if not given and plain_column(column) != plain_column(test_column):
            raise DataError(
                f"{anchor} has the {what} {column} and {test} has {test_column}: "
                f"if they mean the same, name them as --{what} and --test-{what}"
            )
    if one.curve.name == other.curve.name:
        one = replace(one, curve=replace(one.curve, name=anchor))
        other = replace(other, curve=replace(other.curve, name=test))
    return one, other


@dataclass(frozen=True)
class CurveTable:
    """One codec's points in a file."""

    file: str
    codec: str
    rows: list[Row]

    @classmethod
    def open(cls, spec: str) -> "CurveTable":
        """The table of ``FILE`` or ``FILE:CODEC``."""
        tables = read_tables(spec)
        if len(tables) > 1:
            path, codecs = tables[0].file, [table.codec for table in tables]
            raise DataError(
                f"{path} holds {len(tables)} codecs: {', '.join(codecs)}; "
                f"name one, as in {path}:{codecs[0]}"
            )
        return tables[0]

    @cached_property
    def columns(self) -> dict[str, str]:
        """Each column's plain name → its spelling in the file."""
        spellings = dict.fromkeys(column for _, cells in self.rows for column in cells)
        columns: dict[str, str] = {}
        for column in spellings:
            if column != columns.setdefault(plain_column(column), column):
                raise DataError(f"{self.file} has two columns called {column}")
        return columns

    def rates(self) -> list[str]:
        return [name for name in RATES if name in self.columns]

    def metrics(self) -> list[str]:
        """The plain names of the columns that may be a quality."""
        return [
            name
            for name, column in self.columns.items()
            if name not in (*RATES, *CODECS)
            and not PARAMETERS.fullmatch(name)
            and not LOWER_IS_BETTER.fullmatch(name)
            and any(_number(cells.get(column)) is not None for _, cells in self.rows)
        ]

    def curve(self, metric: str | None, rate: str | None) -> FileCurve:
        rate = self._column(rate, self.rates()[:1], "rate")
        metric = self._column(metric, self.metrics(), "metric")
        if LOWER_IS_BETTER.fullmatch(plain_column(metric)):
            raise DataError(f"{metric} is better when lower; a curve needs a quality")
        if len({cells.get(self.columns.get("image", "")) for _, cells in self.rows}) > 1:
            raise DataError(
                f"{self.file} has a row per image; a curve needs a row per "
                "point, as 'bench export --means' writes them"
            )
        if len(self.rows) < 2:
            raise DataError(f"{self.file} holds one point of {self.codec}; a curve needs two")
        rates = np.array([self._value(row, rate) for row in self.rows])
        qualities = np.array([self._value(row, metric) for row in self.rows])
        for (place, _), value in zip(self.rows, rates, strict=True):
            if value <= 0:
                raise DataError(f"{self.file}, {place}: the rate {rate} is {value:g}, not above 0")
        return FileCurve(Curve(rates, qualities, self.codec), rate, metric)

    def _column(self, wanted: str | None, candidates: list[str], option: str) -> str:
        """The column of that name; without a name, the only candidate."""
        if wanted is not None:
            candidates = [name for name in self.columns if name == plain_column(wanted)]
        if len(candidates) == 1:
            return self.columns[candidates[0]]
        if candidates:
            problem = f"several columns that may be the {option}"
        elif wanted is not None:
            problem = f"no column {wanted}"
        else:
            problem = f"no column that may be the {option}"
        choices = ", ".join(self.columns[name] for name in candidates or self.columns)
        raise DataError(f"{self.file} has {problem}: name one of {choices} as --{option}")

    def _value(self, row: Row, column: str) -> float:
        place, cells = row
        cell = cells.get(column)
        value = _number(cell)
        if value is not None and math.isfinite(value):
            return value
        problem = f"is not a number: {cell}" if value is None else f"is {value}"
        if cell is None or cell == "":
            problem = "is empty"
        raise DataError(f"{self.file}, {place}: {column} {problem}")


def read_tables(spec: str) -> list[CurveTable]:
    """The table of each codec in ``FILE``, or of one in ``FILE:CODEC``."""
    path, codec = _split(spec)
    tables = grouped(_rows(path))
    if not tables:
        raise DataError(f"{path} holds no points")
    if codec is not None and codec not in tables:
        raise DataError(f"{path} has no codec {codec}; it has {', '.join(tables)}")
    chosen = tables if codec is None else [codec]
    return [CurveTable(str(path), each, tables[each]) for each in chosen]


def plain_column(column: str) -> str:
    """A column's name without case and punctuation."""
    return re.sub(r"[\W_]", "", column.lower())


def _number(cell: object) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return None


def _split(spec: str) -> tuple[Path, str | None]:
    """The longest file that `spec` begins with, and the codec after it; both may hold colons."""
    path = spec
    while path:
        if Path(path).is_file():
            return Path(path), spec[len(path) + 1 :] or None
        path, _, _ = path.rpartition(":")
    raise DataError(f"no such file: {spec}")


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Each point of the file, after the codec that it belongs to."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if text.lstrip()[:1] in ("{", "["):
            yield from _json_rows(json.loads(text), path.stem)
        else:
            yield from _csv_rows(text, path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from error
    except csv.Error as error:
        raise DataError(f"{path} is not CSV: {error}") from error
    except (ValueError, RecursionError) as error:  # a number too long, lists nested too deeply
        raise DataError(f"{path}: cannot be read: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, Row]]:
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        return
    delimiter = max(",;\t", key=lines[0][1].count)
    parsed = [
        (f"line {number}", [read_cell(cell.strip()) for cell in cells])
        for number, line in lines
        for cells in csv.reader([line], delimiter=delimiter)
    ]
    first, heading = parsed[0]
    if any(_number(cell) is not None for cell in heading):
        raise DataError(f"{path}, {first}: a number where a heading names the columns")
    if repeated := [name for name in heading if name and heading.count(name) > 1]:
        raise DataError(f"{path}, {first}: two columns called {repeated[0]}")
    for place, row in parsed[1:]:
        if len(row) > len(heading):
            raise DataError(f"{path}, {place}: more cells than the heading has columns")
        cells = {name: cell for name, cell in zip_longest(heading, row) if name}
        yield _codec(cells, path.stem), (place, cells)


def _json_rows(data: object, codec: str) -> Iterator[tuple[str, Row]]:
    if isinstance(data, list):
        for place, item in enumerate(data, start=1):
            if isinstance(item, dict) and _nested(item.values()):
                yield from _json_rows(item, codec)
            elif isinstance(item, dict):
                yield _codec(item, codec), (f"point {place}", item)
    elif isinstance(data, dict):
        codec = _codec(data, codec)
        lists = {name: v for name, v in data.items() if isinstance(v, list) and not _nested(v)}
        for place, cells in enumerate(zip_longest(*lists.values()), start=1):
            yield codec, (f"point {place}", dict(zip(lists, cells, strict=True)))
        for name, value in data.items():
            if isinstance(value, dict):
                yield from _json_rows(value, codec if name == "results" else name)
            elif isinstance(value, list) and _nested(value):
                yield from _json_rows(value, codec)


def _nested(values: Iterable[object]) -> bool:
    return any(isinstance(value, list | dict) for value in values)


def _codec(cells: Mapping[str, object], otherwise: str) -> str:
    plain = {plain_column(column): value for column, value in cells.items()}
    return next(
        (str(plain[name]) for name in CODECS if isinstance(plain.get(name), str)), otherwise
    )
