"""The model of a card's TOML file; each family declares that of its own table."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
)

from bench.codecs.codec import Point
from bench.codecs.weights import WeightFiles
from bench.runtime.file_model import FileModel, Listed, Number, missing, one_of_types, quoted

Limits = tuple[float, float]
FilePoint = Annotated[Point, one_of_types("a finite number or a name")]


def point_fault(point: Point, limits: Limits | None, *, whole: bool) -> str | None:
    """Why a codec does not have the point."""
    if limits is not None:
        lowest, highest = limits
        if not (isinstance(point, int | float) and lowest <= point <= highest):
            return f"is outside {lowest}…{highest}"
    fraction = whole and isinstance(point, float) and not point.is_integer()
    return "is not a whole number" if fraction else None


def _possible(point: Point, info: ValidationInfo) -> Point:
    known = info.context or {}
    if fault := point_fault(point, known.get("limits"), whole=known.get("whole", False)):
        raise ValueError(f"{quoted(point)} {fault}")
    return point


def _of_no_weights(points: tuple[Point, ...], info: ValidationInfo) -> tuple[Point, ...]:
    if info.context and info.context["weights"]:
        raise ValueError("the weights say which there are")
    return points


_Point = Annotated[FilePoint, AfterValidator(_possible)]
_Points = Annotated[Listed[_Point], Field(min_length=1), AfterValidator(_of_no_weights)]


class Points(FileModel):
    """The operating points; those of a learned codec follow from its weights."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Points]  # of a kind of data set

    unit: str = Field(description="what a point is, such as QP")
    limits: Annotated[Listed[Number], Field(min_length=2, max_length=2)] | None = Field(
        None, description="the lowest and the highest point"
    )
    whole: bool = Field(False, description="whether a point must be a whole number")
    falling: bool = Field(False, description="whether the rate falls as the weights' number rises")
    default: _Points | None = Field(
        None, description="points in order of rising rate", validate_default=True
    )

    @field_validator("limits", "whole")
    @classmethod
    def _known_to_points(cls, value: Any, info: ValidationInfo) -> Any:
        """Pass them on to the points of kinds of data sets, which are not fields."""
        if info.context is not None:
            info.context[info.field_name] = value
        return value

    @field_validator("default", mode="before")
    @classmethod
    def _there(cls, points: Any, info: ValidationInfo) -> Any:
        if points is None and not (info.context and info.context["weights"]):
            raise missing()
        return points

    def by_data(self) -> dict[str, tuple[Point, ...]]:
        """The lists of points, by kind of data set."""
        return {"default": self.default or (), **(self.__pydantic_extra__ or {})}


class CardFile(FileModel):
    """A codec: what it is, its operating points, and what its family needs to know."""

    title: str = Field(description="the codec's name, for people")
    family: str = Field(description="what kind of codec it is")
    about: str = Field("", description="what it is, in a sentence")
    counted: str = Field("", description="which bytes are counted")
    source: str = Field("", description="where it comes from")
    oracle: bool = Field(False, description="whether the encoder looks at the ground truth")
    detects_damage: bool = Field(True, description="whether the decoder can tell a damaged stream")
    points: Points
    weights: dict[str, WeightFiles] = Field({}, description="sets of weights, by data set")
    training: dict[str, Any] = Field({}, description="recipes of the sets of weights")

    @field_validator("family")
    @classmethod
    def _known(cls, family: str, info: ValidationInfo) -> str:
        if info.context and family not in info.context["families"]:
            raise ValueError(info.context["families"].unknown(family))
        return family


@cache
def card_model(family: str, options: Any) -> type[CardFile]:
    """The model of a family's cards; ``options`` is that of the table with the family's name."""
    return create_model("Card", __base__=CardFile, options=(options, Field(alias=family)))
