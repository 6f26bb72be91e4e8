"""JPEG that spends its bits by depth: what is near is coded better than what is far.

What a task network finds may take the place of the depth. The stream is an ordinary JPEG, and any
decoder reads it. Only the encoder looks at the depth: it sorts the pixels into far, middle and near
ones. In the mode ``collage`` the picture is composed of three JPEGs of different quality, and coded
once more. In the mode ``alloc`` it is coded once, and the coefficients of blocks that are not near
are rounded to the steps of a lower quality.
"""

from __future__ import annotations

import io
import json
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import __version__ as pillow_version
from PIL import features
from pydantic import Field, model_validator

from bench.codecs.codec import Card, Codec, Point
from bench.codecs.families.padding import padded_size
from bench.codecs.families.pillow import decode_by_pillow
from bench.codecs.families.steering import Source, steering
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime.file_model import FileModel, Listed

_LIBRARY = "libjpeg_turbo"  # as Pillow calls it
_FAR, _NEAR = 0, 2  # classes of depth, the middle between them
_BLOCK, _MCU = 8, 16  # sides of a block of luma, and of what one of chroma covers
_WINDOW = 4  # pixels each way of the median that smooths the classes of a collage
_ROWS = 64  # of a picture that are smoothed at a time

Classes = NDArray[np.uint8]
_Percent = Annotated[int, Field(ge=1, le=100)]


class JpegDepthOptions(FileModel):
    """A card's ``[jpeg-depth]``."""

    mode: Literal["alloc", "collage"] = Field(description="how the depth steers the bits")
    # Qualities; those of alloc are per cent of the point.
    far: _Percent = Field(description="a quality from 1 to 100")
    middle: _Percent = Field(description="a quality from 1 to 100")
    near: _Percent = Field(description="a quality from 1 to 100")
    shares: Annotated[Listed[_Percent], Field(min_length=2, max_length=2)] = Field(
        description="two numbers: the per cent of pixels that are far, and that are not near"
    )
    map: Source = Field("data", description="where the depth is from: data, network or task")
    network: str = Field("", description="a depth network or its file, or a task network")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.map == "data") != (not self.network):
            wanted = "does not go with" if self.map == "data" else "is missing beside"
            raise ValueError(f"'network' {wanted} map = '{self.map}'")
        return self


class JpegDepthCodec(Codec):
    """A card's mode, steered by the depth that a data set has, or by a network."""

    Options = JpegDepthOptions

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        options = self._options = card.read_options(JpegDepthOptions)
        self._steering = steering(options.map, options.network, card.path.parent)
        self.side_information = self._steering.side_information

    def missing(self) -> str | None:
        if not features.check(_LIBRARY):
            return (
                "this Pillow was built without libjpeg-turbo; "
                "'pip install --force-reinstall pillow' brings a wheel that has it"
            )
        if self._options.mode == "alloc" and find_spec("jpeglib") is None:
            return "jpeglib is not installed; pip install jpeglib"
        return self._steering.missing()

    def version(self) -> str:
        return f"libjpeg-turbo {features.version(_LIBRARY)}, Pillow {pillow_version}"

    def encode(self, image: Image, point: Point) -> bytes:
        padded_size(image, 1)  # refuses what is too large
        nearness = self._steering.nearness(image)
        encode = self._allocate if self._options.mode == "alloc" else self._compose
        return encode(image.pixels, nearness, int(point))

    def _allocate(self, pixels: Pixels, nearness: NDArray[np.float32], quality: int) -> bytes:
        limits, options = _limits(nearness, self._options.shares), self._options
        per_cent = options.far, options.middle, options.near
        qualities = [max(1, round(quality * each / 100)) for each in per_cent]
        luma = _classes(_medians(nearness, _BLOCK, _MCU // _BLOCK), limits)
        chroma = _classes(_medians(nearness, _MCU, 1), limits)
        return _requantised(_jpeg(pixels, qualities[_NEAR]), luma, chroma, qualities)

    def _compose(self, pixels: Pixels, nearness: NDArray[np.float32], quality: int) -> bytes:
        options = self._options
        classes = _classes(_smooth(nearness), _limits(nearness, options.shares))
        picture = np.empty_like(pixels)
        for distance_class, class_quality in enumerate((options.far, options.middle, options.near)):
            decoded = decode_by_pillow(_jpeg(pixels, class_quality), "JPEG", self.name)
            np.copyto(picture, decoded, where=(classes == distance_class)[..., None])
        return _jpeg(picture, quality)

    def decode(self, stream: bytes) -> Pixels:
        return decode_by_pillow(stream, "JPEG", self.name)

    def commands(self, point: Point) -> tuple[str, ...]:
        options = self._options
        qualities = f"far={options.far}, middle={options.middle}, near={options.near}"
        by = {"data": "depth"}.get(options.map, options.network)
        return (
            f"jpeg_depth(pixels, {by}, mode={options.mode!r}, quality={point}, {qualities})",
            "PIL.Image.open(stream, formats=['JPEG']).convert('RGB')",
        )

    def depends_on(self) -> dict[str, str]:
        versions = {"pillow": pillow_version, _LIBRARY: features.version(_LIBRARY)}
        if self._options.mode == "alloc":
            versions["jpeglib"] = version("jpeglib") if find_spec("jpeglib") else None
        return {"pillow": json.dumps(versions), **self._steering.depends_on()}


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    """What the card ``jpeg`` makes of a picture."""
    stream = io.BytesIO()
    picture = PillowImage.fromarray(pixels)
    picture.save(stream, format="JPEG", quality=quality, optimize=True, subsampling="4:2:0")
    return stream.getvalue()


def _limits(nearness: NDArray[np.float32], shares: tuple[int, ...]) -> list[np.float32]:
    """From which nearness on a pixel is no longer far, and no longer in the middle.

    Whatever is farthest is far, however much of the picture it fills, unless all is equally near.
    """
    farthest = nearness.min()
    if farthest == nearness.max():
        return [farthest] * len(shares)
    least = np.nextafter(farthest, np.float32(np.inf))
    return [max(np.percentile(nearness, share), least) for share in shares]


def _classes(nearness: NDArray[np.float32], limits: list[np.float32]) -> Classes:
    classes: Classes = np.sum([nearness >= limit for limit in limits], axis=0, dtype=np.uint8)
    return classes


def _medians(nearness: NDArray[np.float32], side: int, multiple: int) -> NDArray[np.float32]:
    """The median of each block; there are a multiple of blocks each way."""
    below, right = (-length % (side * multiple) for length in nearness.shape)
    padded = np.pad(nearness, ((0, below), (0, right)), mode="edge")
    rows, columns = padded.shape[0] // side, padded.shape[1] // side
    blocks = padded.reshape(rows, side, columns, side).swapaxes(1, 2)
    medians: NDArray[np.float32] = np.median(blocks.reshape(rows, columns, -1), axis=-1)
    return medians


def _smooth(nearness: NDArray[np.float32]) -> NDArray[np.float32]:
    """The median of each pixel and those above it and to its left."""
    padded = np.pad(nearness, ((_WINDOW - 1, 0), (_WINDOW - 1, 0)), mode="edge")
    smooth = np.empty_like(nearness)
    for top in range(0, len(nearness), _ROWS):
        strip = padded[top : top + _ROWS + _WINDOW - 1]
        windows = sliding_window_view(strip, (_WINDOW, _WINDOW))
        smooth[top : top + _ROWS] = np.median(windows, axis=(-2, -1))
    return smooth


def _requantised(stream: bytes, luma: Classes, chroma: Classes, qualities: list[int]) -> bytes:
    """A JPEG of the near quality, its other blocks rounded to what their quality could tell."""
    import jpeglib

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder, "picture.jpg")
        path.write_bytes(stream)
        coefficients = jpeglib.read_dct(str(path))
        tables = [_tables(quality, folder) for quality in qualities]
        for component, classes, table in (("Y", luma, 0), ("Cb", chroma, 1), ("Cr", chroma, 1)):
            blocks = getattr(coefficients, component)
            rows, columns = blocks.shape[:2]
            for distance_class in range(_NEAR):
                there = classes[:rows, :columns] == distance_class
                step, coarse = tables[_NEAR][table], tables[distance_class][table]
                blocks[there] = _rounded(blocks[there], step, coarse)
        coefficients.markers = []  # else that of JFIF is written twice
        coefficients.write_dct(str(path), flags=["+OPTIMIZE_CODING"])
        return _with_usual_ids(path.read_bytes())


def _tables(quality: int, folder: str) -> NDArray[np.int32]:
    """libjpeg's steps of luma and chroma at a quality."""
    import jpeglib

    path = Path(folder, "tables.jpg")
    path.write_bytes(_jpeg(np.zeros((_MCU, _MCU, 3), np.uint8), quality))
    tables: NDArray[np.int32] = jpeglib.read_dct(str(path)).qt.astype(np.int32)
    return tables


def _rounded(
    blocks: NDArray[np.int16], step: NDArray[np.int32], coarse: NDArray[np.int32]
) -> NDArray[np.int16]:
    """Coefficients in steps, each the nearest to a multiple of the coarse step."""
    values = blocks.astype(np.int32) * step
    rounded = _nearest(_nearest(values, coarse) * coarse, step)
    return rounded.astype(np.int16)


def _nearest(values: NDArray[np.int32], step: NDArray[np.int32]) -> NDArray[np.int32]:
    """How many steps each value is, halves away from zero, as libjpeg rounds."""
    steps: NDArray[np.int32] = np.sign(values) * ((np.abs(values) + step // 2) // step)
    return steps


def _with_usual_ids(stream: bytes) -> bytes:
    """Components numbered 1, 2 and 3, as JFIF wants them; jpeglib begins at 0."""
    changed, at = bytearray(stream), 2
    while True:
        marker, length = changed[at + 1], int.from_bytes(changed[at + 2 : at + 4])
        if marker == 0xC0:  # the frame: 3 bytes for each component after 8 of header
            changed[at + 10 : at + 19 : 3] = b"\1\2\3"
        if marker == 0xDA:  # the scan: 2 bytes for each after 3
            changed[at + 5 : at + 11 : 2] = b"\1\2\3"
            return bytes(changed)
        at += 2 + length
