"""External codecs: an encoder and a decoder run by the command lines of their card.

Exit statuses are not relied on: reference software returns 0 for failures. So the stream and the
picture are checked. If the encoder can write its own reconstruction, the decoder must give the same
picture, byte for byte.
"""

from __future__ import annotations

import re
import shlex
import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

from bench.codecs.codec import Card, Codec, Point, why_missing
from bench.codecs.families import padding
from bench.codecs.families.commands import Words, fill, written
from bench.codecs.families.external_card import RAW, ExternalOptions
from bench.codecs.families.tools import Tools, find_tools, printed_version
from bench.errors import BenchError, CodecError, StreamError, UnavailableError
from bench.images import colour
from bench.images.colour import Pixels
from bench.images.image import Image, pad, read_pixels, write_png
from bench.runtime import ffmpeg
from bench.runtime.executables import Executable, look_at
from bench.runtime.finding import PROGRAMS, Finding, absent
from bench.runtime.programs import run_program, unmetered, workspace

# Width and height, before a stream whose format has no size that ffmpeg can read.
_HEADER = struct.Struct(">HH")
_DIMENSIONS = re.compile(rb"#dimensions 0: (\d+)x(\d+)")
_MIN_LIMIT = 120.0  # seconds, for the smallest picture on a busy machine
_MAX_OUTPUT = 2**24  # bytes printed; a program that prints more never stops

Size = tuple[int, int]


class ExternalCodec(Codec):
    """An encoder and a decoder that read and write files, in a temporary folder of their own."""

    Options = ExternalOptions

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self.options = card.read_options(ExternalOptions)
        raw = self.options.output in RAW
        self._files: dict[str, object] = {
            "input": "input.png" if self.options.input == "png" else "input.yuv",
            "stream": "stream.bin",
            "reconstruction": "reconstruction.yuv",
            "output": "output.yuv" if raw else f"output.{self.options.output}",
        }

    @classmethod
    def recognise(cls, stream: bytes, weights: Path | None = None) -> str | None:
        return "bpg" if stream.startswith(b"BPG\xfb") else None

    @classmethod
    def findings(cls, codecs: Sequence[Self]) -> Iterable[Finding]:
        """The programs, and whether they are those that the cards expect."""
        for codec in codecs:
            folder, expected = codec.options.folder, codec.options.version
            if missing := why_missing(codec):
                ok = absent(folder) if folder else None
                yield Finding(codec.name, ok, "not found", missing, PROGRAMS)
                continue
            found = f"{codec.version() or 'unknown version'}, {codec._find()['encoder']}"
            as_expected = expected in (None, codec.version())
            advice = None if as_expected else f"version {expected} is expected"
            yield Finding(codec.name, True, found, advice, PROGRAMS)

    def _find(self) -> Tools:
        return find_tools(self.options, self.card.path.absolute().parent)

    @cached_property
    def _tools(self) -> Tools:
        return self._find()

    @cached_property
    def _executables(self) -> dict[str, Executable]:
        """What decides the bytes, as it is when it is first asked for."""
        scripts = {
            word: Path(word)  # where the program is an interpreter, or a wrapper
            for word in (*self.options.encode, *self.options.decode)
            if Path(word).is_absolute() and Path(word).is_file()
        }
        return {name: look_at(path) for name, path in (self._tools | scripts).items()}

    @cached_property
    def _conversion(self) -> str:
        return colour.fingerprint()

    @cached_property
    def _version(self) -> str | None:
        command, pattern = self.options.version_command, self.options.version_pattern
        return printed_version(self._tools, command, pattern) if command and pattern else None

    def missing(self) -> str | None:
        try:
            self._find()
            ffmpeg.digest()
        except UnavailableError as error:
            return str(error)
        return None

    def version(self) -> str | None:
        """The version that the program prints, if it can be asked."""
        return self._version

    def remark(self) -> str | None:
        if self.options.version is None or self.missing() or self._version == self.options.version:
            return None
        found = f"version {self._version}" if self._version else "of an unknown version"
        return f"{self._tools['encoder']} is {found}, where {self.options.version} is expected"

    def depends_on(self) -> dict[str, str]:
        version = {"version": self._version or "unknown", "conversion": self._conversion}
        return {name: file.digest for name, file in self._executables.items()} | version

    def commands(self, point: Point) -> tuple[str, ...]:
        encoder, decoder = self.options.encoder[0], self.options.decoder[0]
        names = {"encoder": encoder, "decoder": decoder, "cfg": self.options.cfg}
        tools: Mapping[str, object] = names if self.missing() else self._tools
        values = {**tools, **self._files, "width": "W", "height": "H", "point": point}
        lines = (self.options.encode, self.options.decode)
        return tuple(shlex.join(fill(words, values)) for words in lines)

    def encode(self, image: Image, point: Point) -> bytes:
        size = padding.padded_size(image, self.options.multiple)
        with workspace() as folder:
            self._write_input(image, folder)
            printed = self._run(self.options.encode, folder, size, point)
            own = written(self._file(folder, "stream"))
            if not own:
                raise CodecError(f"{self._tools['encoder'].name} wrote no stream: {printed}")
            if self.options.reconstructs:
                with unmetered():  # only a requested decoding is measured
                    self._check_reconstruction(folder, size)
        if self.options.size_from == "header":
            return _HEADER.pack(image.width, image.height) + own
        return padding.mark_crop(own, image, self.options.multiple)

    def decode(self, stream: bytes) -> Pixels:
        try:
            own, size, right, below = self._unwrap(stream)
            with workspace() as folder:
                self._file(folder, "stream").write_bytes(own)
                self._decode_file(folder, size)
                with unmetered():
                    output = self._file(folder, "output")
                    if size is None:
                        pixels = read_pixels(output)
                    else:
                        pixels = colour.to_rgb(output.read_bytes(), self.options.output, *size)
        except UnavailableError:
            raise
        except BenchError as error:
            raise StreamError(f"{self.name} cannot decode the stream: {error}") from error
        return padding.cut(pixels, right, below)

    def _write_input(self, image: Image, folder: Path) -> None:
        path = self._file(folder, "input")
        if self.options.input == "png":
            with unmetered():
                write_png(pad(image.pixels, self.options.multiple), path)
        else:
            path.write_bytes(padding.planes(image, self.options.multiple))

    def _check_reconstruction(self, folder: Path, size: Size) -> None:
        self._decode_file(folder, size)
        decoded = written(self._file(folder, "output"))
        if decoded != written(self._file(folder, "reconstruction")):
            decoder, encoder = self._tools["decoder"].name, self._tools["encoder"].name
            raise CodecError(f"{decoder}'s picture differs from {encoder}'s own reconstruction")

    def _unwrap(self, stream: bytes) -> tuple[bytes, Size | None, int, int]:
        """The codec's own stream, its picture's size if a raw picture needs it, the padding."""
        if self.options.size_from == "header":
            if len(stream) <= _HEADER.size:
                raise StreamError("it is cut short")
            width, height = _HEADER.unpack_from(stream)
            right, below = -width % self.options.multiple, -height % self.options.multiple
            size = _sane(width + right, height + below)
            return stream[_HEADER.size :], size, right, below
        own, right, below = padding.take_crop(stream, self.options.multiple)
        if self.options.size_from is None:
            return own, None, right, below
        with unmetered():
            return own, _size_inside(own, self.options.size_from), right, below

    def _decode_file(self, folder: Path, size: Size | None) -> None:
        """Run the decoder; it must have written a picture, of the right size if that is known."""
        printed = self._run(self.options.decode, folder, size)
        output, decoder = self._file(folder, "output"), self._tools["decoder"].name
        written = output.stat().st_size if output.is_file() else 0
        if not written:
            raise CodecError(f"{decoder} wrote no picture: {printed}")
        if size is None:
            return
        expected = colour.ycbcr_size(*size) * RAW[self.options.output]
        if written != expected:
            of = f"{expected} bytes of {size[0]}x{size[1]}"
            raise CodecError(f"{decoder} wrote {written} bytes, not the {of}: {printed}")

    def _run(
        self, words: Words, folder: Path, size: Size | None, point: Point | None = None
    ) -> str:
        """Run a command of the card; the end of what it printed."""
        width, height = size or (0, 0)
        values = {"width": width, "height": height, "point": point}
        if replaced := [file.path for file in self._executables.values() if file.changed]:
            raise CodecError(f"{replaced[0]} was replaced since its digest was taken; run it again")
        colour.check_unchanged(self._conversion)
        command = fill(words, {**self._tools, **self._files, **values})
        pixels = width * height if size else 2e6
        limit = max(_MIN_LIMIT, pixels * self.options.seconds_per_pixel)
        finished = run_program(command, folder=folder, time_limit=limit, most_output=_MAX_OUTPUT)
        if finished.status != 0:
            name, printed = Path(command[0]).name, finished.complaint()
            raise CodecError(f"{name} failed (status {finished.status}): {printed}")
        return finished.complaint()

    def _file(self, folder: Path, which: str) -> Path:
        return folder / str(self._files[which])


def _size_inside(stream: bytes, demuxer: str) -> Size:
    """The size in the stream's own headers."""
    arguments = ["-f", demuxer, "-i", "pipe:0", "-c", "copy", "-f", "framecrc", "pipe:1"]
    found = _DIMENSIONS.search(ffmpeg.run_ffmpeg(arguments, stream).stdout)
    if found is None:
        raise StreamError("the picture's size is missing from its headers")
    return _sane(int(found[1]), int(found[2]))


def _sane(width: int, height: int) -> Size:
    if not width or not height or padding.is_too_large(width, height):
        raise StreamError(f"its header has an impossible size, {width}x{height}")
    return width, height
