"""A report's spec: a TOML file that says which curves, tables and pictures it is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.codecs.catalog import check_keys
from bench.codecs.codec import Point
from bench.errors import DataError
from bench.metrics import METRICS, Group, Metric
from bench.metrics.between import Between, parse_between
from bench.metrics.bjontegaard import Kind
from bench.report.curve_styles import LINES, MARKERS, CurveStyle
from bench.runtime.content import content_folder
from bench.runtime.files import read_toml

KINDS = ("curves", "deltas", "transfer", "mask", "pictures")
WIDTHS = {"column": 88.9, "page": 181.0}  # millimetres, of a journal's two columns
WAP = "wap"  # by the setting's own task network
_OWN = (metric for metric in METRICS.own.values() if isinstance(metric, Metric))
QUALITIES = (*(metric.name for metric in _OWN if metric.group is Group.QUALITY), WAP)


@dataclass(frozen=True)
class Setting:
    """What a report takes of one kind of data set."""

    anchor: str
    task: str
    image: str = ""  # that is shown
    bpp: float = 0.0  # near which rate
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the first there is
    bend: tuple[Point, ...] = ()  # the anchor's points at which the quality falls with the rate


@dataclass(frozen=True)
class Column:
    """A Bjøntegaard figure of each row's codec."""

    delta: Kind
    metric: str
    against: str = ""  # the part's anchor, unless it names another
    bend: bool = False
    between: Between | None = None  # the qualities of a BD-rate

    @property
    def key(self) -> str:
        """Names it in files."""
        against = f" against {self.against}" if self.against else ""
        between = f" between {self.between}" if self.between else ""
        return f"{self.delta} {self.metric}{against}{' bend' if self.bend else ''}{between}"


@dataclass(frozen=True)
class Part:
    """A figure or table."""

    kind: str
    name: str
    caption: str
    codecs: tuple[str, ...]
    panels: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    anchor: str = ""  # the setting's, unless it names another
    width: str = "page"
    published: str = ""  # a file in results/
    between: Between | None = None  # the qualities of a transfer table's BD-rates


@dataclass(frozen=True)
class Spec:
    """A whole report."""

    path: Path
    title: str
    source: str
    settings: Mapping[str, Setting]
    styles: Mapping[str, CurveStyle]
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return self.path.stem


_TEXT, _TABLE, _TEXTS = (str, "a text"), (dict, "a table"), (list, "a list of names")
_TOP = {
    "title": _TEXT,
    "source": _TEXT,
    "data": _TABLE,
    "codecs": _TABLE,
    "part": (list, "tables, each [[part]]"),
}
_SETTING = {
    "anchor": _TEXT,
    "task": _TEXT,
    "image": _TEXT,
    "bpp": ((int, float), "a number"),
    "instead": _TABLE,
    "bend": (list, "a list of the anchor's points"),
}
_STYLE = {"label": _TEXT, "colour": _TEXT, "line": _TEXT, "marker": _TEXT}
_COLUMN = {
    "delta": _TEXT,
    "metric": _TEXT,
    "against": _TEXT,
    "bend": (bool, "true or false"),
    "between": _TEXT,
}
_PART = {
    "kind": _TEXT,
    "name": _TEXT,
    "caption": _TEXT,
    "codecs": _TEXTS,
    "panels": _TEXTS,
    "columns": (list, "a list of tables"),
    "anchor": _TEXT,
    "width": _TEXT,
    "published": _TEXT,
    "between": _TEXT,
}
_NEEDS = {"curves": "panels", "deltas": "columns"}
_PICTURED = ("mask", "pictures")  # parts that need a setting's image, near a rate


def read_spec(name_or_path: str) -> Spec:
    """A shipped spec by its name, or a user's own by its path."""
    shipped = {path.stem: path for path in content_folder("reports").glob("*.toml")}
    path = shipped.get(name_or_path, Path(name_or_path))
    if path.suffix != ".toml":
        there = ", ".join(sorted(shipped))
        raise DataError(f"no report is called '{name_or_path}'; there is {there}, or a .toml file")
    content = read_toml(path, "spec of a report", DataError)
    check_keys(path, content, _TOP, required=("title", "data", "codecs", "part"))
    styles = {name: _style_of(path, name, table) for name, table in content["codecs"].items()}
    parts = [_part(path, at, table, styles) for at, table in enumerate(content["part"], 1)]
    names = [path.stem, *(part.name for part in parts)]  # the whole page is called as the spec
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{path}: two things are called '{twice[0]}'; their files would be one")
    pictured = any(part.kind in _PICTURED for part in parts)
    needed = ("anchor", "task", *(("image", "bpp") if pictured else ()))
    settings = {
        kind: _setting(path, kind, table, styles, needed) for kind, table in content["data"].items()
    }
    return Spec(path, content["title"], content.get("source", ""), settings, styles, tuple(parts))


def _setting(
    path: Path, kind: str, table: Any, styles: Mapping[str, CurveStyle], needed: tuple[str, ...]
) -> Setting:
    where = f"data.{kind}"
    _check(path, where, table, _SETTING, needed)
    if not table.get("bpp", 1) > 0:
        raise DataError(f"{path}: '{where}.bpp' must be a rate above 0")
    _known(path, f"{where}.anchor", [table["anchor"]], styles, "codecs")
    said = table.get("instead", {})
    instead = {
        key: tuple(names) if isinstance(names, list) else (names,) for key, names in said.items()
    }
    for key, names in instead.items():
        if not names:
            raise DataError(f"{path}: '{where}.instead.{key}' must name at least one")
        _known(path, f"{where}.instead", [key, *names], styles, "codecs")
    return Setting(**{**table, "instead": instead, "bend": tuple(table.get("bend", ()))})


def _style_of(path: Path, name: str, table: Any) -> CurveStyle:
    where = f"codecs.{name}"
    _check(path, where, table, _STYLE, tuple(_STYLE))
    _known(path, f"{where}.line", [table["line"]], LINES, "lines")
    _known(path, f"{where}.marker", [table["marker"]], MARKERS, "markers")
    if not re.fullmatch("#[0-9A-Fa-f]{6}", table["colour"]):
        raise DataError(f"{path}: '{where}.colour' must be a colour such as #0072B2")
    return CurveStyle(**table)


def _part(path: Path, number: int, table: Any, styles: Mapping[str, CurveStyle]) -> Part:
    where = f"part {number}"
    _check(path, where, table, _PART, ("kind", "name", "caption", "codecs"))
    _known(path, f"{where}.kind", [table["kind"]], KINDS, "kinds")
    if (key := _NEEDS.get(table["kind"])) and key not in table:
        raise DataError(f"{path}: '{where}.{key}' is missing, which {table['kind']} need")
    if not re.fullmatch(r"\w[\w.-]*", table["name"]):
        raise DataError(f"{path}: '{where}.name' must do as a file's name, without its ending")
    for key in ("codecs", "panels"):
        if table.get(key) == []:
            raise DataError(f"{path}: '{where}.{key}' must name at least one")
    named = [table["anchor"]] if "anchor" in table else []
    _known(path, f"{where}.anchor", named, styles, "codecs")
    _known(path, f"{where}.codecs", table["codecs"], styles, "codecs")
    _known(path, f"{where}.panels", table.get("panels", ()), QUALITIES, "metrics")
    _known(path, f"{where}.width", [table.get("width", "page")], WIDTHS, "widths")
    columns = tuple(
        _column(path, f"{where}.columns", each, styles) for each in table.get("columns", ())
    )
    if "between" in table and table["kind"] != "transfer":
        raise DataError(f"{path}: '{where}.between' is for a transfer table, or of a column")
    between = _between(path, where, table, WAP)
    texts = {key: tuple(table.get(key, ())) for key in ("codecs", "panels")}
    return Part(**{**table, **texts, "columns": columns, "between": between})


def _column(path: Path, where: str, table: Any, styles: Mapping[str, CurveStyle]) -> Column:
    _check(path, where, table, _COLUMN, ("delta", "metric"))
    _known(path, f"{where}.delta", [table["delta"]], ("rate", "quality"), "deltas")
    _known(path, f"{where}.metric", [table["metric"]], QUALITIES, "metrics")
    if "against" in table:
        _known(path, f"{where}.against", [table["against"]], styles, "codecs")
    if "between" in table and table["delta"] != "rate":
        raise DataError(f"{path}: '{where}.between' is of a delta of rate")
    return Column(**{**table, "between": _between(path, where, table, table["metric"])})


def _between(path: Path, where: str, table: Any, metric: str) -> Between | None:
    if "between" not in table:
        return None
    try:
        return parse_between(table["between"], metric)
    except DataError as error:
        raise DataError(f"{path}: '{where}.between': {error}") from error


def _check(
    path: Path, where: str, table: Any, keys: Mapping[str, Any], needed: tuple[str, ...]
) -> None:
    if not isinstance(table, dict):
        raise DataError(f"{path}: '{where}' must be a table")
    check_keys(path, table, keys, required=needed, prefix=f"{where}.")


def _known(path: Path, where: str, names: Any, known: Any, what: str) -> None:
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise DataError(f"{path}: '{where}': no '{name}' among the {what} {', '.join(known)}")
