"""One image to one bitstream and back, outside any sweep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.catalog import check_point, load_codec
from bench.codec import Codec, Point
from bench.errors import CardError, DataError, StreamError, UnavailableError
from bench.families.recognise import recognise
from bench.files import replacing
from bench.image import Image, read_pixels, write_png
from bench.plan import parse_points
from bench.programs import Cost, metered


@dataclass(frozen=True)
class Coded:
    """What went from one file to another."""

    codec: str
    point: Point | None  # unknown to a decoder
    width: int
    height: int
    bytes: int
    cost: Cost

    @property
    def bpp(self) -> float:
        """Bits per pixel."""
        return 8 * self.bytes / (self.width * self.height)


def encode(image: Path, file: Path, codec: str, point: str | None = None) -> Coded:
    """Code one image; without a point, at the middle one of the card's defaults."""
    its_codec = runnable(codec)
    its_point = _point(its_codec, point)
    if file.resolve() == image.resolve():
        raise DataError(f"{file}: the bitstream would replace the image; name another file")
    original = Image(image.stem, read_pixels(image))
    with metered() as cost:
        stream = its_codec.encode(original, its_point)
    try:
        with replacing(file) as temporary:
            temporary.write_bytes(stream)
    except OSError as error:
        raise DataError(f"{file}: cannot be written: {error.strerror}") from error
    return Coded(its_codec.name, its_point, original.width, original.height, len(stream), cost)


def decode(file: Path, image: Path, codec: str | None = None) -> Coded:
    """Decode one bitstream to a PNG file; the codec is told from the stream where it can be."""
    if image.suffix.lower() != ".png":
        raise DataError(f"{image}: decoded pictures are written as PNG; call it {image.stem}.png")
    try:
        stream = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error
    name = codec or recognise(stream)
    if name is None:
        raise StreamError(f"{file}: nothing in it says which codec made it; name it with --codec")
    its_codec = runnable(name)
    with metered() as cost:
        pixels = its_codec.decode(stream)
    height, width, _ = pixels.shape
    try:
        write_png(pixels, image)
    except OSError as error:
        raise DataError(f"{image}: cannot be written: {error.strerror}") from error
    return Coded(its_codec.name, None, width, height, len(stream), cost)


def runnable(name: str) -> Codec:
    """The codec of a card; an error if this machine lacks something that it needs."""
    codec = load_codec(name)
    if missing := codec.missing():
        raise UnavailableError(f"{codec.name}: {missing}")
    return codec


def _point(codec: Codec, text: str | None) -> Point:
    if text is None:
        points = codec.card.points["default"]
        return points[len(points) // 2]
    return one_point(codec, text)


def one_point(codec: Codec, text: str) -> Point:
    """A single point as the command line gives it."""
    points = parse_points(text)
    if len(points) > 1:
        raise CardError(f"--point {text}: one point, not {len(points)}")
    return check_point(codec.card, points[0])
