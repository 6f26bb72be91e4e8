"""Cards to codecs: finds, reads, checks and explains a card."""

from __future__ import annotations

import difflib
import importlib
import math
import tomllib
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from bench.codec import Card, Codec, Point
from bench.content import content_folder
from bench.errors import CardError

# Loaded only when a card asks for one; third parties add theirs by the entry point group.
_FAMILIES = {
    "ffmpeg": "bench.families.ffmpeg:FfmpegCodec",
    "external": "bench.families.external:ExternalCodec",
    "pillow": "bench.families.pillow:PillowCodec",
}
_ENTRY_POINTS = "bench.families"

_TEXT, _FLAG, _TABLE = (str, "a text"), (bool, "true or false"), (dict, "a table")
_TOP_LEVEL: dict[str, tuple[type, str]] = {
    "title": _TEXT,
    "family": _TEXT,
    "about": _TEXT,
    "counted": _TEXT,
    "source": _TEXT,
    "oracle": _FLAG,
    "detects_damage": _FLAG,
    "points": _TABLE,
}


def card_paths() -> dict[str, Path]:
    """Every shipped card by name, anchors first."""
    folders = [content_folder("anchors"), content_folder("codecs")]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def card_name(name_or_path: str) -> str:
    """What a codec is called, by whatever it is named."""
    return Path(name_or_path).stem if name_or_path.endswith(".toml") else name_or_path


def read_card(name_or_path: str) -> Card:
    """A shipped card by its name, or a user's own by its path."""
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
    else:
        shipped = card_paths()
        if name_or_path not in shipped:
            near = difflib.get_close_matches(name_or_path, shipped, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "'bench list' shows them all"
            if Path(f"{name_or_path}.toml").is_file():
                hint = f"did you mean './{name_or_path}.toml'?"
            raise CardError(f"no codec is called '{name_or_path}'; {hint}")
        path = shipped[name_or_path]
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise CardError(f"{path}: no such card") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{path}: not valid TOML: {error}") from error
    return _card(path, content)


def _card(path: Path, content: dict[str, Any]) -> Card:
    family = content.get("family")
    if not isinstance(family, str):
        raise CardError(f"{path}: 'family' is missing; it is one of {', '.join(family_names())}")
    if family not in family_names():
        raise CardError(f"{path}: {_no_family(family)}")
    check_keys(path, content, _TOP_LEVEL | {family: _TABLE}, required=("title", "points", family))
    points = dict(content["points"])
    unit, limits = points.pop("unit", None), points.pop("limits", None)
    whole = points.pop("whole", False)
    if not isinstance(unit, str):
        raise CardError(f"{path}: 'points.unit' is missing; it names what a point is, such as QP")
    if limits is not None and not (
        isinstance(limits, list)
        and len(limits) == 2
        and all(isinstance(limit, int | float) for limit in limits)
    ):
        raise CardError(f"{path}: 'points.limits' must be two numbers, lowest and highest")
    if not isinstance(whole, bool):
        raise CardError(f"{path}: 'points.whole' must be true or false")
    if "default" not in points:
        raise CardError(f"{path}: 'points.default' is missing; it lists points by rising rate")
    for key, values in points.items():
        if not isinstance(values, list) or not values:
            raise CardError(f"{path}: 'points.{key}' must be a list of {unit} values")
        if not all(isinstance(v, int | float | str) and not isinstance(v, bool) for v in values):
            raise CardError(f"{path}: 'points.{key}' must hold numbers or names")
        for value in values:
            if limits is not None and not _within(value, limits[0], limits[1]):
                raise CardError(f"{path}: 'points.{key}': {value!r} is outside 'points.limits'")
    return Card(
        name=path.stem,
        title=content["title"],
        family=family,
        unit=unit,
        limits=None if limits is None else (limits[0], limits[1]),
        whole=whole,
        points={key: tuple(values) for key, values in points.items()},
        options=content[family],
        anchor=path.parent.resolve() == content_folder("anchors").resolve(),
        oracle=content.get("oracle", False),
        detects_damage=content.get("detects_damage", True),
        about=content.get("about", ""),
        counted=content.get("counted", ""),
        source=content.get("source", ""),
        path=path,
    )


def check_keys(
    where: Path | str,
    table: dict[str, Any],
    allowed: Mapping[str, tuple[type | tuple[type, ...], str]],
    required: tuple[str, ...] = (),
    prefix: str = "",
) -> None:
    """One line for the first key that is misspelt, of a wrong type or missing."""
    for key, value in table.items():
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, n=1)
            hint = f"did you mean '{prefix}{near[0]}'?" if near else f"known: {', '.join(allowed)}"
            raise CardError(f"{where}: unknown key '{prefix}{key}'; {hint}")
        kind, words = allowed[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise CardError(f"{where}: '{prefix}{key}' must be {words}, not {value!r}")
    for key in required:
        if key not in table:
            raise CardError(f"{where}: '{prefix}{key}' is missing; it must be {allowed[key][1]}")


def _within(point: Point, lowest: float, highest: float) -> bool:
    return isinstance(point, int | float) and lowest <= point <= highest


def family_names() -> list[str]:
    """The families known here, third parties' included."""
    return [*_FAMILIES, *(entry.name for entry in entry_points(group=_ENTRY_POINTS))]


def _no_family(name: str) -> str:
    near = difflib.get_close_matches(name, family_names(), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(family_names())}"
    return f"no family is called '{name}'; {hint}"


def load_codec(name_or_path: str) -> Codec:
    """The codec that a card describes, ready to run if nothing it needs is missing."""
    card = read_card(name_or_path)
    if card.family in _FAMILIES:
        module, _, attribute = _FAMILIES[card.family].partition(":")
        family = getattr(importlib.import_module(module), attribute)
    else:
        found = [e for e in entry_points(group=_ENTRY_POINTS) if e.name == card.family]
        if len(found) > 1:
            names = " and ".join(str(e.value) for e in found)
            raise CardError(f"two packages bring a family '{card.family}': {names}; remove one")
        family = found[0].load()
    codec = family(card)
    if not isinstance(codec, Codec):
        raise CardError(f"{card.path}: the family '{card.family}' does not make a bench Codec")
    return codec


def check_point(card: Card, point: Point) -> Point:
    """The point if the codec has it; else one line with what it may be."""
    known = {str(value): value for values in card.points.values() for value in values}
    if str(point) in known:
        return known[str(point)]
    if all(isinstance(value, str) for value in known.values()):
        raise CardError(f"{card.name}: no {card.unit} '{point}'; there are {', '.join(known)}")
    if not isinstance(point, int | float) or not math.isfinite(point):
        raise CardError(f"{card.name}: {card.unit} '{point}' is not a number")
    if card.whole and point != int(point):
        raise CardError(f"{card.name}: {card.unit} {point} is not a whole number")
    if card.limits is None:
        return point
    lowest, highest = card.limits
    if not _within(point, lowest, highest):
        raise CardError(f"{card.name}: {card.unit} {point} is outside {lowest}…{highest}")
    return point
