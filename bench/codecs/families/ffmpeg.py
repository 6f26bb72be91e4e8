"""Codecs inside ffmpeg: a raw picture in by a pipe, an elementary stream out, and back.

The stream is written to a file, not to standard output: VVenC prints warnings there, which would
become part of the stream.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, field_validator

from bench.codecs.codec import Card, Codec, Point
from bench.codecs.families import padding
from bench.codecs.families.commands import Command, Words, check_placeholders, fill, written
from bench.errors import BenchError, CodecError, StreamError
from bench.images import colour
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime import ffmpeg
from bench.runtime.file_model import FileModel
from bench.runtime.finding import Finding
from bench.runtime.programs import workspace
from bench.runtime.text import grouped

# Pictures come back as PPM: ffmpeg has them in RGB with their size, and at no cost.
_PPM_HEADER = re.compile(rb"P6\n(\d+) (\d+)\n255\n")
# Two pictures are requested, to detect a stream that holds more than one.
_TO_PPM = ("-frames:v", "2", "-vf", colour.TO_RGB, "-f", "image2pipe", "-c:v", "ppm", "pipe:1")
# The slowest preset here takes 3 minutes for 2 megapixels, on one busy core perhaps 15.
_SECONDS_PER_MEGAPIXEL = 900.0
_MIN_LIMIT = 300.0
_DECODE_LIMIT = 120.0
_STREAM = "stream.bin"
# A box of 12 bytes opens the container of every format of the JPEG committee that has one.
_BOX = b"\0\0\0\x0c%b\r\n\x87\n"
_FIRST_BYTES = {
    b"\xff\x0a": "jxl",
    _BOX % b"JXL ": "jxl",
    b"\xff\x4f\xff\x51": "jpeg2000",
    _BOX % b"jP  ": "jpeg2000",
    b"\x12\0\x0a": "av1",  # an empty temporal delimiter, then the sequence header
}
_START_CODES = (b"\0\0\0\1", b"\0\0\1")  # of Annex B
# What may open a stream: parameter sets, an access unit delimiter, a message before the picture.
_HEVC_UNITS = {32, 33, 34, 35, 39}
_VVC_UNITS = {12, 13, 14, 15, 16, 17, 20, 23}
# Shorter than any; and ffmpeg waits without end for the rest of a JPEG XL signature.
_MIN_STREAM_BYTES = 12


class FfmpegOptions(FileModel):
    """A card's ``[ffmpeg]``."""

    needs: str = Field(description="the name of an ffmpeg encoder, such as libx265")
    input: Literal["yuv420p", "rgb24"] = Field(description="what the encoder reads")
    multiple: padding.Multiple
    encode: Command = Field(description="a command line, from the encoder to the muxer")
    decode: Command = Field(description="a command line that names the demuxer")

    @field_validator("encode")
    @classmethod
    def _encodes(cls, words: Words) -> Words:
        return check_placeholders(words, ["point"], ["point"])

    @field_validator("decode")
    @classmethod
    def _decodes(cls, words: Words) -> Words:
        return check_placeholders(words, [])


class FfmpegCodec(Codec):
    """An encoder and a decoder of the ffmpeg binary, one process each, one thread each."""

    Options = FfmpegOptions

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self._options = card.read_options(FfmpegOptions)

    @classmethod
    def recognise(cls, stream: bytes, weights: Path | None = None) -> str | None:
        if stream[:4] == b"RIFF" and stream[8:12] == b"WEBP":
            return "webp"
        for first, name in _FIRST_BYTES.items():
            if stream.startswith(first):
                return name
        # Of these formats, only HEVC and VVC have pictures padded, and so a crop byte in front.
        own, _, _ = padding.take_crop(stream[:8], multiple=2)
        for start in _START_CODES:
            if own.startswith(start):
                return _video(own[len(start) : len(start) + 2])
        return None

    @classmethod
    def findings(cls, codecs: Sequence[Self]) -> Iterable[Finding]:
        """The encoders in ffmpeg, and those missing."""
        try:
            ffmpeg.version()
            encoders = ffmpeg.encoders()
        except (BenchError, IndexError):
            return  # a broken ffmpeg has a finding of its own
        needed = grouped((codec._options.needs, codec.name) for codec in codecs)
        has = ", ".join(sorted(encoders.intersection(needed)))
        lacking = [f"{name} ({', '.join(needed[name])})" for name in sorted(set(needed) - encoders)]
        advice = f"no {', '.join(lacking)}: {ffmpeg.ANOTHER}" if lacking else None
        yield Finding("encoders", not lacking, has or "none", advice)

    def missing(self) -> str | None:
        try:
            encoders = ffmpeg.encoders()
        except BenchError as error:
            return str(error)
        if self._options.needs in encoders:
            return None
        return (
            f"{ffmpeg.binary()} has no encoder {self._options.needs}; the binary of "
            "'pip install imageio-ffmpeg' has it (unset IMAGEIO_FFMPEG_EXE to use that one)"
        )

    @cached_property
    def _conversion(self) -> str:
        return colour.fingerprint()

    def version(self) -> str:
        return ffmpeg.encoder_version(self._options.needs)

    def encode(self, image: Image, point: Point) -> bytes:
        colour.check_unchanged(self._conversion)
        width, height = padding.padded_size(image, self._options.multiple)
        if self._options.input == "rgb24":
            picture = np.ascontiguousarray(image.pixels).tobytes()
        else:
            picture = padding.planes(image, self._options.multiple)
        limit = max(_MIN_LIMIT, width * height / 1e6 * _SECONDS_PER_MEGAPIXEL)
        arguments = self._encode_arguments(f"{width}x{height}", point)
        with workspace() as folder:
            ffmpeg.run_ffmpeg(arguments, picture, time_limit=limit, folder=folder)
            stream = written(folder / _STREAM)
        if not stream:
            raise CodecError("ffmpeg reported success but wrote no stream")
        return padding.mark_crop(stream, image, self._options.multiple)

    def decode(self, stream: bytes) -> Pixels:
        colour.check_unchanged(self._conversion)
        own, right, below = padding.take_crop(stream, self._options.multiple)
        if len(own) < _MIN_STREAM_BYTES:
            raise StreamError(f"{self.name}: {len(own)} bytes are too short for a stream")
        try:
            ppm = ffmpeg.run_ffmpeg(self._decode_arguments(), own, time_limit=_DECODE_LIMIT).stdout
        except CodecError as error:
            raise StreamError(f"{self.name} cannot decode the stream: {error}") from error
        header = _PPM_HEADER.match(ppm)
        if header is None:
            raise StreamError(f"{self.name}: the stream holds no picture")
        width, height = int(header[1]), int(header[2])
        if len(ppm) != header.end() + width * height * 3:
            raise StreamError(f"{self.name}: the stream holds more than one picture, or a part")
        pixels = np.frombuffer(ppm, np.uint8, offset=header.end()).reshape(height, width, 3)
        return padding.cut(pixels, right, below)

    def commands(self, point: Point) -> tuple[str, ...]:
        return (
            shlex.join(["ffmpeg", *self._encode_arguments("WxH", point)]) + " < picture",
            shlex.join(["ffmpeg", *self._decode_arguments()]) + " < stream > picture.ppm",
        )

    def depends_on(self) -> dict[str, str]:
        return {"ffmpeg": ffmpeg.digest(), "conversion": self._conversion}

    def _encode_arguments(self, size: str, point: Point) -> list[str]:
        source = colour.raw_input(self._options.input, size)
        coding = fill(self._options.encode, {"point": point})
        return [*source, "-frames:v", "1", *coding, "-y", _STREAM]

    def _decode_arguments(self) -> list[str]:
        # Without -xerror, ffmpeg waits without end for the rest of a JPEG XL stream cut short.
        careful = ["-xerror", "-threads", "1", "-max_pixels", str(padding.MAX_STREAM_PIXELS)]
        return [*careful, *self._options.decode, "-i", "pipe:0", *_TO_PPM]


def _video(header: bytes) -> str | None:
    """HEVC or VVC, by the two bytes that head a unit: each has its type where the other has 0."""
    if len(header) < 2:
        return None
    one, two = header
    if two == 1 and one & 1 == 0 and one >> 1 in _HEVC_UNITS:
        return "x265"
    if one == 0 and two & 7 == 1 and two >> 3 in _VVC_UNITS:
        return "vvenc"
    return None
