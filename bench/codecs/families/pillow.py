"""Codecs inside Pillow, run in this process."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Literal

from PIL import Image as PillowImage
from PIL import __version__ as pillow_version
from PIL import features
from pydantic import Field, field_validator

from bench.codecs.codec import Card, Codec, Point
from bench.codecs.families.padding import is_too_large, padded_size
from bench.errors import CodecError, StreamError
from bench.images.colour import Pixels
from bench.images.image import Image, to_array
from bench.runtime.file_model import FileModel

# Pillow's name of a format, and what it calls the library that does the work.
_LIBRARIES = {"JPEG": "libjpeg_turbo", "JPEG2000": "jpg_2000", "WEBP": "webp"}
_NAMES = {"libjpeg_turbo": "libjpeg-turbo", "jpg_2000": "OpenJPEG", "webp": "libwebp"}
_POINT = "{point}"


class PillowOptions(FileModel):
    """A card's ``[pillow]``."""

    format: Literal["JPEG", "JPEG2000", "WEBP"] = Field(description="Pillow's name of the format")
    save: dict[str, Any] = Field(
        description=f"a table of options of Pillow's save, with {_POINT} in its place"
    )

    @field_validator("save")
    @classmethod
    def _has_the_point(cls, save: dict[str, Any]) -> dict[str, Any]:
        if _fill(save, 0) == save:
            raise ValueError(f"expected {_POINT} as a value")
        return save


class PillowCodec(Codec):
    """One of Pillow's image formats; ``save`` has the arguments of its ``Image.save``."""

    Options = PillowOptions

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        options = card.read_options(PillowOptions)
        self._format, self._save = options.format, options.save
        self._library = _LIBRARIES[self._format]

    @classmethod
    def recognise(cls, stream: bytes, weights: Path | None = None) -> str | None:
        return "jpeg" if stream.startswith(b"\xff\xd8\xff") else None

    def missing(self) -> str | None:
        if features.check(self._library):
            return None
        return (
            f"this Pillow was built without {self._library}; "
            "'pip install --force-reinstall pillow' brings a wheel that has it"
        )

    def version(self) -> str:
        version = features.version(self._library)
        return f"{_NAMES[self._library]} {version}, Pillow {pillow_version}"

    def encode(self, image: Image, point: Point) -> bytes:
        padded_size(image, 1)  # refuses what is too large
        stream = io.BytesIO()
        try:
            picture = PillowImage.fromarray(image.pixels)
            picture.save(stream, format=self._format, **_fill(self._save, point))
        except (OSError, ValueError, TypeError) as error:
            raise CodecError(f"Pillow could not write {self._format}: {error}") from error
        return stream.getvalue()

    def decode(self, stream: bytes) -> Pixels:
        return decode_by_pillow(stream, self._format, self.name)

    def commands(self, point: Point) -> tuple[str, ...]:
        options = ", ".join(f"{key}={value!r}" for key, value in _fill(self._save, point).items())
        return (
            f"PIL.Image.fromarray(pixels).save(stream, format={self._format!r}, {options})",
            f"PIL.Image.open(stream, formats=[{self._format!r}]).convert('RGB')",
        )

    def depends_on(self) -> dict[str, str]:
        versions = {"pillow": pillow_version, self._library: features.version(self._library)}
        return {"pillow": json.dumps(versions)}


def decode_by_pillow(stream: bytes, picture_format: str, codec: str) -> Pixels:
    """The picture in a stream of one of Pillow's formats."""
    try:
        with PillowImage.open(io.BytesIO(stream), formats=[picture_format]) as opened:
            if is_too_large(opened.width, opened.height):
                raise StreamError(f"{codec}: {opened.width}x{opened.height} is too large")
            return to_array(opened if opened.mode == "RGB" else opened.convert("RGB"))
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        PillowImage.DecompressionBombError,
        PillowImage.DecompressionBombWarning,
    ) as error:
        raise StreamError(f"{codec} cannot decode the stream: {error}") from error


def _fill(value: Any, point: Point) -> Any:
    """The options with the point in its place, whole values only."""
    if isinstance(value, dict):
        return {key: _fill(inner, point) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, point) for inner in value]
    return point if value == _POINT else value
