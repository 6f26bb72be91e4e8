"""A report's spec: a TOML file that lists its curves, tables and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from bench.codecs.card_file import FilePoint
from bench.errors import DataError
from bench.metrics import METRICS, quality_metrics
from bench.metrics.between import Between, parse_between
from bench.metrics.bjontegaard import Kind
from bench.report.curve_styles import CurveStyle
from bench.runtime.content import content_folder
from bench.runtime.file_model import FileModel, Listed, Number, as_text, check_model, missing
from bench.runtime.files import read_toml
from bench.runtime.registry import Registry
from bench.runtime.text import did_you_mean

WIDTHS = {"column": 88.9, "page": 181.0}  # millimetres, of a journal's two columns
WAP = "wap"  # by the setting's own task network


PARTS: Registry[PartKind] = Registry(
    "kind of part",
    {
        kind: f"bench.report.paper.parts:{kind.upper()}"
        for kind in ("curves", "rates", "deltas", "transfer", "heatmap", "mask", "pictures")
    },
)


def _qualities() -> tuple[str, ...]:
    """The metrics of quality. Those of other packages all are, so they need not be imported."""
    others = (name for name in METRICS if name not in METRICS.own)
    return (*(metric.name for metric in quality_metrics(METRICS.own)), *others, WAP)


def _known(what: str) -> AfterValidator:
    """Check that a name is that of one of the report's codecs, or of a metric."""

    def check(name: str, info: ValidationInfo) -> str:
        if info.context and name not in info.context[what]:
            raise ValueError(f"unknown {what} '{name}'; {did_you_mean(name, info.context[what])}")
        return name

    return AfterValidator(check)


def _between(value: Any, info: ValidationInfo) -> Between | None:
    if value is None or isinstance(value, Between):
        return value
    try:
        return parse_between(as_text(value), info.data.get("metric", WAP))
    except DataError as error:
        raise ValueError(error) from error


def _of_parts(kind: str) -> str:
    if kind not in PARTS:
        raise ValueError(PARTS.unknown(kind))
    return kind


_Kind = Annotated[
    str, AfterValidator(_of_parts), WithJsonSchema({"type": "string", "enum": [*PARTS]})
]
_Codec = Annotated[str, _known("codec")]
_Codecs = Annotated[Listed[_Codec], Field(min_length=1)]
_Quality = Annotated[
    str, _known("metric"), WithJsonSchema({"type": "string", "enum": [*_qualities()]})
]
_Between = Annotated[Between | None, BeforeValidator(_between), WithJsonSchema({"type": "string"})]
_Instead = Annotated[
    _Codecs,
    BeforeValidator(lambda names: [names] if isinstance(names, str) else names),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]


class Setting(FileModel):
    """What a report shows of one kind of data set."""

    anchor: _Codec = Field(description="the codec that the others are compared with")
    task: str = Field(description="the task network whose wAP 'wap' is")
    image: str = Field("", description="the image that is shown", validate_default=True)
    bpp: Number = Field(0.0, description="near which rate it is shown", validate_default=True)
    instead: dict[str, _Instead] = Field(
        {}, description="what stands for a codec: the first that was run"
    )
    bend: Listed[FilePoint] = Field(
        (), description="the anchor's points at which the quality falls with the rate"
    )

    @field_validator("image")
    @classmethod
    def _shows(cls, image: str, info: ValidationInfo) -> str:
        if not image and info.context and info.context["pictured"]:
            raise missing()
        return image

    @field_validator("bpp")
    @classmethod
    def _near(cls, bpp: float, info: ValidationInfo) -> float:
        if bpp < 0 or (bpp == 0 and info.context and info.context["pictured"]):
            raise ValueError(f"expected a rate above 0, not {bpp}")
        return bpp

    @field_validator("instead")
    @classmethod
    def _of_codecs(cls, instead: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        unknown = [name for name in instead if info.context and name not in info.context["codec"]]
        if unknown:
            raise ValueError(f"unknown codec '{unknown[0]}'")
        return instead


class Column(FileModel):
    """A Bjøntegaard figure of each row's codec."""

    delta: Kind
    metric: _Quality = Field(description="a metric of 'bench list', or wap")
    against: _Codec = Field("", description="the part's anchor, unless it is another")
    bend: bool = Field(False, description="whether the anchor is taken at its 'bend' only")
    between: _Between = Field(None, description="the qualities of a BD-rate, such as '60%,95%'")

    @field_validator("between")
    @classmethod
    def _of_rate(cls, between: Between | None, info: ValidationInfo) -> Between | None:
        if between and info.data.get("delta") == "quality":
            raise ValueError("expected for a delta of rate only")
        return between

    @property
    def key(self) -> str:
        """Its name in files."""
        against = f" against {self.against}" if self.against else ""
        between = f" between {self.between}" if self.between else ""
        return f"{self.delta} {self.metric}{against}{' bend' if self.bend else ''}{between}"


class Part(FileModel):
    """A figure or table."""

    kind: _Kind
    name: str = Field(description="what its files are called, without their endings")
    caption: str = Field(description="what stands below it; {anchor} names the anchor")
    codecs: _Codecs = Field(description="which codecs it shows")
    panels: Listed[_Quality] = Field((), description="metrics, of curves", validate_default=True)
    columns: Listed[Column] = Field(
        (), description="what each column is, of deltas", validate_default=True
    )
    anchor: _Codec = Field("", description="the setting's, unless it is another")
    width: Literal["column", "page"] = Field("page", description="of a journal")
    published: str = Field("", description="a CSV file, in results/ or by its absolute path")
    between: _Between = Field(None, description="the qualities of BD-rates by each network")

    @field_validator("name")
    @classmethod
    def _a_file(cls, name: str) -> str:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ValueError(f"expected a file's name without its ending, not '{name}'")
        return name

    @field_validator("panels", "columns")
    @classmethod
    def _needed(cls, listed: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        if not listed and kind and PARTS[kind].needs == info.field_name:
            raise missing()
        return listed

    @field_validator("between")
    @classmethod
    def _of_transfer(cls, between: Between | None, info: ValidationInfo) -> Between | None:
        kind = info.data.get("kind")
        if between and kind and not PARTS[kind].by_every_task:
            raise ValueError("expected for a transfer table, a heat map, or a column")
        return between


@dataclass(frozen=True)
class WrittenPart:
    """A written part of a report, and remarks on it."""

    part: Part
    body: str  # Markdown
    remarks: tuple[str, ...] = ()
    reason: str = ""  # why it could not be made


@dataclass(frozen=True)
class PartKind:
    """What parts of a kind need in their spec, and what writes them."""

    write: Callable[[Any, Part], WrittenPart]  # from a bench.report.paper.parts.PartSource
    needs: str = ""  # a key that its spec must have
    compares: bool = False  # codecs with an anchor
    by_every_task: bool = False  # by BD-rates, over all qualities or ``between`` two
    pictured: bool = False  # it shows the setting's image, near a rate


class Spec(FileModel):
    """A whole report."""

    title: str
    source: str = Field("", description="where what it compares with was published")
    settings: dict[str, Setting] = Field(alias="data", description="by kind of data set")
    styles: dict[str, CurveStyle] = Field(alias="codecs", description="how codecs are drawn")
    published: dict[str, str] = Field(
        {}, description="files of published curves, FILE or FILE:CODEC, by codec"
    )
    parts: Listed[Part] = Field(alias="part", description="its figures and tables, in order")
    _path: Path = PrivateAttr()

    @field_validator("published")
    @classmethod
    def _of_codecs(cls, published: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        unknown = [name for name in published if info.context and name not in info.context["codec"]]
        if unknown:
            raise ValueError(f"unknown codec '{unknown[0]}'; expected one of [codecs]")
        return published

    @field_validator("parts")
    @classmethod
    def _different(cls, parts: tuple[Part, ...], info: ValidationInfo) -> tuple[Part, ...]:
        own = [info.context["path"].stem] if info.context else []  # of the whole page
        names = [*own, *(part.name for part in parts)]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two things are called '{twice[0]}'; their files would be one")
        return parts

    def model_post_init(self, context: Any) -> None:
        self._path = context["path"]

    @property
    def path(self) -> Path:
        return self._path

    @property
    def name(self) -> str:
        return self.path.stem


def _is_pictured(kind: object) -> bool:
    return isinstance(kind, str) and kind in PARTS and PARTS[kind].pictured


def read_spec(name_or_path: str) -> Spec:
    """A shipped spec by its name, or a user's own by its path."""
    shipped = {path.stem: path for path in content_folder("reports").glob("*.toml")}
    path = shipped.get(name_or_path, Path(name_or_path))
    if path.suffix != ".toml":
        there = ", ".join(sorted(shipped))
        raise DataError(f"unknown report '{name_or_path}'; known: {there}, or a .toml file")
    content = read_toml(path, "spec of a report", DataError)
    codecs, parts = content.get("codecs"), content.get("part")
    pictured = isinstance(parts, list) and any(
        isinstance(part, dict) and _is_pictured(part.get("kind")) for part in parts
    )
    known = codecs if isinstance(codecs, dict) else {}
    return check_model(
        Spec, content, path, DataError, codec=known, metric=_qualities(), pictured=pictured
    )
