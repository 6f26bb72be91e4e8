"""What the card of an external codec may say."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bench.codecs.families.commands import Command, Words, check_placeholders
from bench.codecs.families.padding import Multiple
from bench.runtime.file_model import FileModel, Listed, Number, missing

# Bytes a sample of the raw pictures that decoders write; the other outputs are image files.
RAW = {"yuv420p": 1, "yuv420p10le": 2}

_A_YEAR = 365 * 24 * 60  # minutes, which no time limit can be
_Names = Annotated[Listed[str], Field(min_length=1)]
_SIZE = ("width", "height")


class ExternalOptions(FileModel):
    """A card's ``[external]``.

    A private script has neither a version nor a place to get it from.
    """

    folder: str | None = Field(
        None, description="the variable that names the programs' folder, such as BENCH_VTM"
    )
    encoder: _Names = Field(description="names of the encoder; the first that is found is used")
    decoder: _Names = Field(description="names of the decoder; the first that is found is used")
    cfg: str | None = Field(None, description="the name of a configuration file beside them")
    get: str | None = Field(None, description="how to get the programs, in a few words")
    version: str | None = Field(None, description="the version expected")
    version_command: Command | None = Field(
        None, description="a command line that prints the version", validate_default=True
    )
    version_pattern: re.Pattern[str] | None = Field(
        None, description="a regular expression with one group, the version", validate_default=True
    )
    input: Literal["yuv420p", "png"] = Field(description="what the encoder reads")
    output: Literal["yuv420p", "yuv420p10le", "png", "ppm"] = Field(
        description="what the decoder writes"
    )
    size_from: str | None = Field(
        None,
        description="'header', or the ffmpeg demuxer that reads a stream's size",
        validate_default=True,
    )
    multiple: Multiple
    encode: Command = Field(description="the encoder's command line")
    decode: Command = Field(description="the decoder's command line")
    # VTM is done in 30 minutes.
    minutes_per_2_megapixels: Annotated[Number, Field(gt=0, lt=_A_YEAR)] = Field(
        30, description="the time limit, in minutes for 2 megapixels"
    )

    @field_validator("version_command")
    @classmethod
    def _asks(cls, words: Words | None, info: ValidationInfo) -> Words | None:
        if words is None and info.data.get("version"):
            raise missing()
        if words == ():
            raise ValueError("it is empty")
        return words and check_placeholders(words, _tools(info))

    @field_validator("version_pattern")
    @classmethod
    def _one_group(
        cls, pattern: re.Pattern[str] | None, info: ValidationInfo
    ) -> re.Pattern[str] | None:
        command = info.data.get("version_command")
        if pattern is None and (info.data.get("version") or command):
            raise missing()
        if pattern is not None and pattern.groups != 1:
            raise ValueError(f"expected one group, not {pattern.groups}")
        if pattern is not None and command is None and "version_command" in info.data:
            raise ValueError("there is no version_command that prints it")
        return pattern

    @field_validator("size_from")
    @classmethod
    def _of_raw_pictures(cls, demuxer: str | None, info: ValidationInfo) -> str | None:
        raw = info.data.get("output") in RAW
        if demuxer is None and raw:
            raise missing()
        if demuxer is not None and not raw and "output" in info.data:
            raise ValueError("expected for raw outputs only")
        return demuxer

    @field_validator("encode")
    @classmethod
    def _encodes(cls, words: Words, info: ValidationInfo) -> Words:
        needed = ["encoder", "input", "stream", "point"]
        allowed = ["input", "stream", "reconstruction", "point", *_SIZE]
        return check_placeholders(words, [*_tools(info), *allowed], needed)

    @field_validator("decode")
    @classmethod
    def _decodes(cls, words: Words, info: ValidationInfo) -> Words:
        needed = ["decoder", "stream", "output"]
        size = _SIZE if info.data.get("output") in RAW else ()
        return check_placeholders(words, [*_tools(info), "stream", "output", *size], needed)

    @property
    def reconstructs(self) -> bool:
        """Whether the encoder writes its own reconstruction, to be checked."""
        return any("{reconstruction}" in word for word in self.encode)

    @property
    def seconds_per_pixel(self) -> float:
        return self.minutes_per_2_megapixels * 60 / 2e6


def _tools(info: ValidationInfo) -> list[str]:
    """The placeholders of the programs in a command."""
    return ["encoder", "decoder", *(["cfg"] if info.data.get("cfg") else [])]
