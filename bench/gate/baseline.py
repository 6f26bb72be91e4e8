"""A baseline: what a gate runs and which rules it holds the results to, as a TOML file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bench.codecs.card_file import FilePoint
from bench.codecs.catalog import card_name, full_name, read_card
from bench.codecs.codec import Point
from bench.datasets import dataset_kind
from bench.errors import BenchError, CardError, DataError
from bench.gate.rules import Rule, parse_rule, parse_rules
from bench.metrics import Group
from bench.runtime.file_model import FileModel, Listed, read_model


def _card(said: str, info: ValidationInfo) -> str:
    if info.context and (data := info.data.get("data")) is not None:
        try:
            read_card(_beside(info.context["path"], said), dataset_kind(data))
        except CardError as error:
            raise ValueError(error) from error
    return said


def _rule(said: str, info: ValidationInfo) -> str:
    codecs = info.data.get("codecs")  # None where one of them is at fault
    try:
        if not (info.context and info.context["instead"]):
            parse_rule(said, None if codecs is None else list(map(card_name, codecs)))
    except BenchError as error:
        raise ValueError(error) from error
    return said


class BaselineFile(FileModel):
    """What a gate runs, and the rules that it holds the results to."""

    data: str = Field(description="a data set, or a folder of images beside the baseline")
    limit: int | None = Field(None, ge=1, description="the first so many images only")
    codecs: Listed[Annotated[str, AfterValidator(_card)]] = Field(
        description="names of codecs, or cards beside the baseline"
    )
    points: dict[str, Annotated[Listed[FilePoint], Field(min_length=1)]] = Field(
        {}, description="a list of points for a codec, instead of its card's own"
    )
    tasks: Listed[str] = Field((), description="task networks, if a rule is about wAP")
    truth: Literal["labels", "pseudo"] = Field("labels", description="what wAP is measured by")
    rules: Listed[Annotated[str, AfterValidator(_rule)]] = Field(
        description="what must not get worse, such as 'bpp of x265: within 0.2 %'"
    )

    @field_validator("codecs")
    @classmethod
    def _different(cls, codecs: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(map(card_name, codecs))) < len(codecs):
            raise ValueError("one is there twice")
        return codecs

    @field_validator("points")
    @classmethod
    def _of_codecs(cls, points: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        codecs = list(map(card_name, info.data.get("codecs", ())))
        unknown = [said for said in points if codecs and full_name(said, codecs) not in codecs]
        if unknown:
            raise ValueError(f"'{unknown[0]}' is none of the codecs, {', '.join(codecs)}")
        return points


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
    said = read_model(BaselineFile, path, "baseline", DataError, instead=instead)
    codecs = {card_name(codec): _beside(path, codec) for codec in said.codecs}
    is_folder = dataset_kind(said.data) == "folder"
    where = "--rule" if instead else f"{path}: 'rules'"
    rules = parse_rules(instead or said.rules, list(codecs), where)
    by_task = any(rule.group is Group.TASK for rule in rules)
    return Baseline(
        path,
        str(path.parent / said.data) if is_folder else said.data,
        said.limit,
        codecs,
        {full_name(codec, codecs): points for codec, points in said.points.items()},
        said.tasks if by_task else ("none",),
        said.truth,
        rules,
    )


def _beside(path: Path, codec: str) -> str:
    """A card of the user's own is found from the baseline's place."""
    is_card = codec.endswith(".toml") or ".toml:" in codec
    return str(path.parent / codec) if is_card else codec
