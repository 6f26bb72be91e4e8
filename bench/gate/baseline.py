"""A baseline: a TOML file with the data, the codecs and the rules of a gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from bench.codecs.card_file import FilePoint
from bench.codecs.catalog import card_name, full_name, read_card
from bench.datasets import DATASETS, dataset_kind
from bench.errors import BenchError, CardError, DataError
from bench.gate.rules import Rule, parse_rule
from bench.metrics import Group
from bench.runtime.file_model import FileModel, Listed, as_text, check_model
from bench.runtime.files import read_toml


def _beside(info: ValidationInfo, path: str) -> str:
    """A path as it is found from the baseline's place."""
    assert info.context is not None
    return str(info.context["folder"] / path)


def _data(named: str, info: ValidationInfo) -> str:
    kind, _, folder = named.partition(":")
    if kind not in DATASETS:
        return _beside(info, named)
    return f"{kind}:{_beside(info, folder)}" if DATASETS[kind].by_folder else named


def _card(named: str, info: ValidationInfo) -> str:
    if named.endswith(".toml") or ".toml:" in named:
        named = _beside(info, named)
    if (data := info.data.get("data")) is not None:
        try:
            read_card(named, dataset_kind(data))
        except CardError as error:
            raise ValueError(error) from error
    return named


def _rule(text: Any, info: ValidationInfo) -> Rule:
    codecs = info.data.get("codecs")  # None if one of them is invalid
    try:
        return parse_rule(as_text(text), None if codecs is None else list(map(card_name, codecs)))
    except BenchError as error:
        raise ValueError(error) from error


_Rule = Annotated[Rule, BeforeValidator(_rule), WithJsonSchema({"type": "string"})]


class Baseline(FileModel):
    """What a gate runs, and the rules by which it judges the results."""

    data: Annotated[str, AfterValidator(_data)] = Field(
        description="a data set, or a folder of images beside the baseline"
    )
    limit: int | None = Field(None, ge=1, description="the first so many images only")
    codecs: Listed[Annotated[str, AfterValidator(_card)]] = Field(
        description="names of codecs, or cards beside the baseline"
    )
    points: dict[str, Annotated[Listed[FilePoint], Field(min_length=1)]] = Field(
        {}, description="a list of points for a codec, instead of its card's own"
    )
    tasks: Listed[str] = Field((), description="task networks, if a rule is about wAP")
    truth: Literal["labels", "pseudo"] = Field("labels", description="what wAP is measured by")
    rules: Annotated[Listed[_Rule], Field(min_length=1)] = Field(
        description="what must not get worse, such as 'bpp of x265: within 0.2 %'"
    )

    @field_validator("codecs")
    @classmethod
    def _different_codecs(cls, codecs: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(map(card_name, codecs))) < len(codecs):
            raise ValueError("one is there twice")
        return codecs

    @field_validator("points")
    @classmethod
    def _of_codecs(cls, points: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        codecs = list(map(card_name, info.data.get("codecs", ())))
        full = {full_name(name, codecs): listed for name, listed in points.items()}
        if codecs and (unknown := [name for name in full if name not in codecs]):
            raise ValueError(f"'{unknown[0]}' is none of the codecs, {', '.join(codecs)}")
        return full

    @field_validator("rules")
    @classmethod
    def _different_rules(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if twice := [rule.text for rule in rules if rules.count(rule) > 1]:
            raise ValueError(f"duplicate rule '{twice[0]}'")
        return rules

    @property
    def cards(self) -> dict[str, str]:
        """What opens each codec, by the codec's name."""
        return {card_name(card): card for card in self.codecs}

    @property
    def judged(self) -> list[str]:
        """The codecs that have to be run again; an anchor's curve is the one recorded."""
        asked = {rule.codec for rule in self.rules}
        asked |= {str(rule.other) for rule in self.rules if rule.kind == "time"}
        return [name for name in self.cards if name in asked]

    @property
    def metrics(self) -> list[str]:
        """The metrics of quality that the rules are about."""
        quality = [rule.metric for rule in self.rules if rule.group is Group.QUALITY]
        return list(dict.fromkeys(quality))

    @property
    def scorers(self) -> tuple[str, ...]:
        """The task networks to run: none unless a rule is about wAP."""
        return self.tasks if any(rule.group is Group.TASK for rule in self.rules) else ("none",)

    def points_of(self, names: Sequence[str]) -> list[str]:
        """The points of some of the codecs as ``--points`` has them; a card's own are left out."""
        chosen = {name: points for name, points in self.points.items() if name in names}
        return [f"{name}={','.join(map(str, points))}" for name, points in chosen.items()]


def read_baseline(path: Path, rules: Sequence[str] = ()) -> Baseline:
    """The baseline of a file; ``rules`` of the command line replace its own."""
    if path.suffix == ".jsonl":
        raise DataError(f"{path}: is called as a recording; name the TOML file beside it")
    content = read_toml(path, "baseline", DataError)
    where = str(path)
    if rules:
        content["rules"], where = list(rules), f"{path} with --rule"
    return check_model(Baseline, content, where, DataError, folder=path.parent)
