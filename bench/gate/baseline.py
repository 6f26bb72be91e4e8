"""A baseline: what a gate runs and which rules it holds the results to, as a TOML file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.codecs.catalog import card_name, check_keys, full_name, read_card
from bench.codecs.codec import Point
from bench.datasets import dataset_kind
from bench.errors import CardError, DataError
from bench.gate.rules import Rule, parse_rules
from bench.metrics import Group
from bench.runtime.files import read_toml

_TEXT, _LIST = (str, "a text"), (list, "a list of texts")
_KEYS: dict[str, tuple[type, str]] = {
    "data": _TEXT,
    "limit": (int, "a number of images"),
    "codecs": _LIST,
    "points": (dict, "a table of codecs, each with a list of points"),
    "tasks": _LIST,
    "truth": _TEXT,
    "rules": (list, "a list of rules"),
}


@dataclass(frozen=True)
class Baseline:
    """A file's content; cards and folders that it names lie beside it."""

    path: Path
    data: str
    limit: int | None
    codecs: Mapping[str, str]  # as they are named to be run, by name
    points: Mapping[str, Sequence[Point]]
    tasks: tuple[str, ...]  # none where no rule is about any
    truth: str
    rules: tuple[Rule, ...]

    @property
    def recording(self) -> Path:
        """Where what is to be held against is written down."""
        return self.path.with_suffix(".jsonl")

    @property
    def judged(self) -> list[str]:
        """The codecs that have to be run again; an anchor's curve is the one recorded."""
        asked = {rule.codec for rule in self.rules}
        asked |= {str(rule.other) for rule in self.rules if rule.kind == "time"}
        return [name for name in self.codecs if name in asked]

    @property
    def metrics(self) -> list[str]:
        """Those that the rules are about."""
        quality = [rule.metric for rule in self.rules if rule.group is Group.QUALITY]
        return list(dict.fromkeys(quality))

    def points_of(self, names: Sequence[str]) -> list[str]:
        """The points of some of the codecs, where they are not the card's, as ``--points`` has."""
        chosen = {name: points for name, points in self.points.items() if name in names}
        return [f"{name}={','.join(map(str, points))}" for name, points in chosen.items()]


def read_baseline(path: Path, instead: Sequence[str] = ()) -> Baseline:
    """The baseline of a file; with rules ``instead`` of its own."""
    if path.suffix == ".jsonl":
        raise DataError(f"{path}: is called as a recording; name the TOML file beside it")
    content = read_toml(path, "baseline", DataError)
    check_keys(path, content, _KEYS, required=("data", "codecs", "rules"))
    for key in ("codecs", "tasks", "rules"):
        if not all(isinstance(entry, str) for entry in content.get(key, [])):
            raise DataError(f"{path}: '{key}' must be a list of texts")
    if content.get("limit", 1) < 1:
        raise DataError(f"{path}: 'limit' must be at least 1")
    if content.get("truth", "labels") not in ("labels", "pseudo"):
        raise DataError(f"{path}: 'truth' must be labels or pseudo, not {content['truth']!r}")
    codecs = {card_name(said): _beside(path, said) for said in content["codecs"]}
    if len(codecs) < len(content["codecs"]):
        raise DataError(f"{path}: 'codecs': one is there twice")
    data = content["data"]
    kind = dataset_kind(data)
    if kind == "folder":
        data = str(path.parent / data)
    for codec in codecs.values():
        try:
            read_card(codec, kind)
        except CardError as error:
            raise DataError(f"{path}: 'codecs': {error}") from error
    said, where = (instead, "--rule") if instead else (content["rules"], f"{path}: 'rules'")
    rules = parse_rules(said, list(codecs), where)
    by_task = any(rule.group is Group.TASK for rule in rules)
    return Baseline(
        path,
        data,
        content.get("limit"),
        codecs,
        _points(path, content.get("points", {}), list(codecs)),
        tuple(content.get("tasks", ())) if by_task else ("none",),
        content.get("truth", "labels"),
        rules,
    )


def _beside(path: Path, codec: str) -> str:
    """A card of the user's own is found from the baseline's place."""
    is_card = codec.endswith(".toml") or ".toml:" in codec
    return str(path.parent / codec) if is_card else codec


def _points(path: Path, table: dict[str, Any], codecs: list[str]) -> dict[str, Sequence[Point]]:
    points: dict[str, Sequence[Point]] = {}
    for said, values in table.items():
        name = full_name(said, codecs)
        if name not in codecs:
            raise DataError(f"{path}: 'points.{said}' is none of the codecs, {', '.join(codecs)}")
        if not isinstance(values, list) or not values:
            raise DataError(f"{path}: 'points.{said}' must be a list of points")
        points[name] = values
    return points
