"""Cards to codecs: finds, reads, checks and explains a card."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.codecs.codec import Card, Codec, Point
from bench.codecs.weights import KEYS as WEIGHTS_KEYS
from bench.codecs.weights import WeightSet, own_weights, read_weight_set
from bench.errors import CardError, UnavailableError
from bench.runtime.content import content_folder
from bench.runtime.files import read_toml
from bench.runtime.registry import Registry
from bench.runtime.sources import source_digest
from bench.runtime.text import did_you_mean

FAMILIES: Registry[type[Codec]] = Registry(
    "family",
    {
        "compressai": "bench.codecs.families.compressai.codec:CompressAICodec",
        "ffmpeg": "bench.codecs.families.ffmpeg:FfmpegCodec",
        "external": "bench.codecs.families.external:ExternalCodec",
        "ncn": "bench.codecs.families.ncn.codec:NcnCodec",
        "pillow": "bench.codecs.families.pillow:PillowCodec",
    },
    "bench.families",
    "a subclass of bench.codecs.codec.Codec",
    lambda name, family: isinstance(family, type) and issubclass(family, Codec),
)

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
    "weights": _TABLE,
    "training": _TABLE,
}


def card_paths() -> dict[str, Path]:
    """Every shipped card by name, anchors first."""
    folders = [content_folder("anchors"), content_folder("codecs")]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def card_name(name_or_path: str) -> str:
    """What a codec is called, by whatever it is named."""
    card, its_set = _split(name_or_path)
    name = Path(card).stem if card.endswith(".toml") else card
    return f"{name}:{its_set}" if its_set else name


def full_name(said: str, known: Iterable[str]) -> str:
    """Which of some codecs is meant: by its full name or, if no other is called so, without set."""
    meant = [name for name in known if said in (name, name.partition(":")[0])]
    return meant[0] if len(meant) == 1 else said


def short_name(name: str, known: Iterable[str]) -> str:
    """A codec's name without its weight set, if no other is called so."""
    short = name.partition(":")[0]
    return short if full_name(short, known) == name else name


def _split(name_or_path: str) -> tuple[str, str]:
    """A card and the weight set behind its colon, if any."""
    card, colon, its_set = name_or_path.rpartition(":")
    in_a_path = "/" in its_set or its_set.endswith(".toml")
    return (name_or_path, "") if not colon or in_a_path else (card, its_set)


def read_card(name_or_path: str, data: str | None = None, own: Path | None = None) -> Card:
    """A shipped card by its name, or a user's own by its path.

    Which weight set it comes with is said behind a colon; else it is that of the kind of ``data``.
    ``own`` is a file of weights instead of any set.
    """
    name, its_set = _split(name_or_path)
    if name.endswith(".toml"):
        path = Path(name)
    else:
        shipped = card_paths()
        if name not in shipped:
            hint = did_you_mean(name, shipped, "'bench list' shows them all")
            if Path(f"{name}.toml").is_file():
                hint = f"did you mean './{name}.toml'?"
            raise CardError(f"no codec is called '{name}'; {hint}")
        path = shipped[name]
    content = read_toml(path, "card", CardError)
    card = _card(path, content)
    if not card.sets:
        if its_set or own:
            raise CardError(f"{path.stem}: it has no weights to choose from")
        return card
    if own is not None:
        weights, name = own_weights(own, next(iter(card.sets.values())).files), card.name
    elif its_set or data in card.sets:
        its_set = its_set or str(data)
        if its_set not in card.sets:
            there = ", ".join(card.sets)
            raise CardError(f"{card.name}: no weights '{its_set}'; there are {there}")
        weights, name = card.sets[its_set], f"{card.name}:{its_set}"
    else:
        return card
    return replace(card, name=name, weights=weights, points={"default": tuple(weights.paths)})


def _card(path: Path, content: dict[str, Any]) -> Card:
    """What a card says, before one of its weight sets is chosen."""
    family = content.get("family")
    if not isinstance(family, str):
        raise CardError(f"{path}: 'family' is missing; it is one of {', '.join(FAMILIES)}")
    if family not in FAMILIES:
        raise CardError(f"{path}: {FAMILIES.unknown(family)}")
    check_keys(path, content, _TOP_LEVEL | {family: _TABLE}, required=("title", "points", family))
    points = dict(content["points"])
    unit, limits = points.pop("unit", None), points.pop("limits", None)
    if not isinstance(unit, str):
        raise CardError(f"{path}: 'points.unit' is missing; it names what a point is, such as QP")
    if limits is not None and not (
        isinstance(limits, list)
        and len(limits) == 2
        and all(isinstance(limit, int | float) and math.isfinite(limit) for limit in limits)
    ):
        raise CardError(f"{path}: 'points.limits' must be two finite numbers, lowest and highest")
    flags = {key: points.pop(key, False) for key in ("whole", "falling")}
    for key, flag in flags.items():
        if not isinstance(flag, bool):
            raise CardError(f"{path}: 'points.{key}' must be true or false")
    shipped = card_paths().get(path.stem) == path
    training = content.get("training", {})
    named = path.stem if shipped else str(path)
    recipes = {its_set: f"{named}:{its_set}" for its_set in training}
    sets = _weight_sets(path, content.get("weights", {}), recipes, falling=flags["falling"])
    if sets and points:
        raise CardError(f"{path}: 'points.{next(iter(points))}': the weights say which there are")
    if not sets:
        _check_points(path, points, unit, limits, whole=flags["whole"])
    return Card(
        name=path.stem,
        title=content["title"],
        family=family,
        unit=unit,
        limits=None if limits is None else (limits[0], limits[1]),
        whole=flags["whole"],
        points={key: tuple(values) for key, values in points.items()} or {"default": ()},
        options=content[family],
        anchor=path.parent.resolve() == content_folder("anchors").resolve(),
        oracle=content.get("oracle", False),
        detects_damage=content.get("detects_damage", True),
        about=content.get("about", ""),
        counted=content.get("counted", ""),
        source=content.get("source", ""),
        path=path,
        shipped=shipped,
        sets=sets,
        training=training,
    )


def _check_points(
    path: Path, points: dict[str, Any], unit: str, limits: list[float] | None, *, whole: bool
) -> None:
    if "default" not in points:
        raise CardError(f"{path}: 'points.default' is missing; it lists points by rising rate")
    for key, values in points.items():
        if not isinstance(values, list) or not values:
            raise CardError(f"{path}: 'points.{key}' must be a list of {unit} values")
        if not all(isinstance(v, int | float | str) and not isinstance(v, bool) for v in values):
            raise CardError(f"{path}: 'points.{key}' must hold numbers or names")
        for value in values:
            if isinstance(value, float) and not math.isfinite(value):
                raise CardError(f"{path}: 'points.{key}': {value!r} is not a finite number")
            if limits is not None and not within(value, limits[0], limits[1]):
                raise CardError(f"{path}: 'points.{key}': {value!r} is outside 'points.limits'")
            if whole and isinstance(value, float) and not value.is_integer():
                raise CardError(f"{path}: 'points.{key}': {value!r} is no whole number")


def _weight_sets(
    path: Path, tables: dict[str, Any], recipes: Mapping[str, str], *, falling: bool
) -> dict[str, WeightSet]:
    sets = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise CardError(f"{path}: 'weights.{name}' must be a table")
        check_keys(path, table, WEIGHTS_KEYS, required=("files",), prefix=f"weights.{name}.")
        recipe = recipes.get(name, "")
        sets[name] = read_weight_set(path, name, table, falling=falling, training=recipe)
    return sets


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


def within(point: Point, lowest: float, highest: float) -> bool:
    return isinstance(point, int | float) and lowest <= point <= highest


def load_codec(name_or_path: str, data: str | None = None, own: Path | None = None) -> Codec:
    """The codec that a card describes, ready to run if nothing it needs is missing.

    ``data`` and ``own`` are as of ``read_card``.
    """
    card = read_card(name_or_path, data, own)
    family = FAMILIES[card.family]
    source_digest(family)  # as it is loaded
    with FAMILIES.called(card.family):
        return family(card)


def recognise(stream: bytes, weights: Path | None = None) -> str | None:
    """The card that decodes a stream; None if no family knows its format.

    That of a learned codec is told by the weights that coded it, unless the user brings some.
    """
    for name in FAMILIES:
        with FAMILIES.called(name):
            if card := FAMILIES[name].recognise(stream, weights):
                return card
    return None


def runnable(name: str, data: str | None = None, own: Path | None = None) -> Codec:
    """The codec of a card, as ``load_codec`` has it; an error if something that it needs lacks."""
    codec = load_codec(name, data, own)
    if missing := codec.missing():
        raise UnavailableError(f"{codec.name}: {missing}")
    return codec
