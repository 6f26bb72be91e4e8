"""Cards of ONNX networks: TOML files that say how pictures go in, and what comes out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bench.errors import DataError
from bench.instances.predictions import Finds
from bench.runtime.file_model import FileModel, Listed, Number, check_model
from bench.runtime.files import read_toml
from bench.vision.coco_classes import COCO, COCO_NUMBERS

_FINDS: dict[str, tuple[Finds, ...]] = {
    "rows": ("boxes",),
    "lists": ("boxes", "masks"),
    "map": ("semantic",),
    "scores": ("class",),
}
_Side = Annotated[int, Field(gt=0, le=2**13)]
_Three = Annotated[Listed[Number], Field(min_length=3, max_length=3)]
_Share = Annotated[Number, Field(ge=0, le=1)]


class Input(FileModel):
    """How a picture goes in."""

    size: Annotated[Listed[_Side], Field(max_length=2)] = Field(
        (), description="height and width; without them the picture keeps its own"
    )
    multiple: _Side = Field(1, description="what sides are padded to a multiple of, without 'size'")
    fit: Literal["stretch", "letterbox"] = Field("stretch", description="how it fits the size")
    colours: Literal["RGB", "BGR"] = Field("RGB", description="the order of the colours")
    layout: Literal["NCHW", "NHWC", "CHW"] = Field("NCHW", description="the order of the axes")
    mean: _Three = Field((0, 0, 0), description="of each colour from 0 to 255, subtracted")
    deviation: _Three = Field((1, 1, 1), description="of each colour, divided by after that")

    @field_validator("size")
    @classmethod
    def _both(cls, size: tuple[int, ...]) -> tuple[int, ...]:
        if len(size) == 1:
            raise ValueError("expected height and width")
        return size

    @field_validator("deviation")
    @classmethod
    def _positive(cls, deviation: tuple[float, ...]) -> tuple[float, ...]:
        if min(deviation) <= 0:
            raise ValueError(f"expected numbers above 0, not {min(deviation):g}")
        return deviation


class Output(FileModel):
    """How what comes out is read."""

    form: Literal["rows", "lists", "map", "scores"] = Field(
        description="rows of a YOLO, lists of boxes, labels and scores, a map, or scores"
    )
    names: dict[str, str] = Field({}, description="of the outputs that have other names")
    first_label: int = Field(1, description="the label of the first class, in lists")
    objectness: bool = Field(False, description="whether rows have one before the scores")
    lowest_score: _Share = Field(0.01, description="from 0 to 1; boxes below do not count")
    overlap: _Share = Field(0.7, description="from 0 to 1, above which rows suppress others")


class OnnxCard(FileModel):
    """A network in an ONNX file."""

    title: str = Field(description="what reports call it")
    file: str = Field(description="the ONNX file, beside the card")
    sha256: str = Field("", description="the file's digest")
    licence: str = Field("", description="of the weights")
    get: str = Field("", description="where to get the file")
    finds: Finds = Field(description="masks, boxes, semantic or class")
    classes: Annotated[str | Listed[str], Field(min_length=1)] = Field(
        description='their names in order, or "coco", or "coco-91" with COCO\'s own numbers'
    )
    input: Input = Field(Input(), description="a table")
    output: Output = Field(description="a table")

    @field_validator("classes")
    @classmethod
    def _known(cls, classes: str | tuple[str, ...]) -> tuple[str, ...]:
        if not isinstance(classes, str):
            if len(set(classes)) < len(classes):
                raise ValueError("a class is named twice")
            return classes
        if classes not in ("coco", "coco-91"):
            raise ValueError(f"expected names, 'coco' or 'coco-91', not '{classes}'")
        return COCO if classes == "coco" else _with_gaps()

    @field_validator("output")
    @classmethod
    def _fits(cls, output: Output, info: ValidationInfo) -> Output:
        finds = info.data.get("finds")
        if finds is not None and finds not in _FINDS[output.form]:
            raise ValueError(f"form '{output.form}' has {' or '.join(_FINDS[output.form])}")
        return output

    @property
    def names(self) -> tuple[str, ...]:
        assert not isinstance(self.classes, str)  # the names take its place
        return self.classes

    @property
    def digest(self) -> str:
        """Of what determines what is found, besides the file."""
        kept = self.model_dump(exclude={"title", "file", "sha256", "licence", "get"})
        return hashlib.sha256(repr(sorted(kept.items())).encode()).hexdigest()


def read_onnx_card(path: Path) -> OnnxCard:
    """The card at a path, with all its faults reported."""
    return check_model(OnnxCard, read_toml(path, "card of a network", DataError), path, DataError)


def _with_gaps() -> tuple[str, ...]:
    """COCO's names by their numbers from 1, with a name that nothing else has in each gap."""
    names = dict(zip(COCO_NUMBERS, COCO, strict=True))
    return tuple(names.get(n, f"(none {n})") for n in range(1, COCO_NUMBERS[-1] + 1))
