"""Images: their pixels, and the paths of their labels and depth."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as PillowImage

from bench.errors import DataError
from bench.images import colour
from bench.images.colour import Pixels
from bench.moved import renamed
from bench.runtime.files import check_regular, replacing
from bench.runtime.programs import unmetered

# The formats that are read, independent of file names. Pillow would read more, and start other
# programs for some of them, such as PostScript.
FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP")
# The largest multiple that the sides are padded to for a conventional codec.
MAX_MULTIPLE = 8
# A padded picture above this is an attack or a mistake, not a photograph: reading takes seven
# bytes a pixel.
MAX_PIXELS = 2**27
_STRIP_PIXELS = 2**20

if not TYPE_CHECKING:
    __getattr__ = partial(renamed, __name__)

# What an image's record may have for an encoder to look at, beside the pixels.
SideInformation = Literal["instances", "depth"]

# Notes about images that were read, which may surprise users.
TURNED = "turned upright by EXIF orientation"
STORED = "not turned upright: damaged EXIF data"
FIRST = "only the first of several pictures is used"
# How a picture of each EXIF orientation is brought upright.
_UPRIGHT = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Image:
    """One image and its side information; None if unknown."""

    name: str
    pixels: Pixels
    instances: Path | None = None
    depth: Path | None = None
    _converted: dict[int, bytes] = field(default_factory=dict, repr=False)
    _converting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    def ycbcr(self, multiple: int = 2) -> bytes:
        """As 8-bit 4:2:0, padded to multiples of ``multiple``, converted once for all codecs."""
        with unmetered(), self._converting:  # shared by codecs, so charged to none
            if multiple not in self._converted:
                self._converted[multiple] = colour.to_ycbcr(pad(self.pixels, multiple))
        return self._converted[multiple]


def pad(pixels: Pixels, multiple: int) -> Pixels:
    """Replicate the right and bottom edges up to multiples of ``multiple``."""
    height, width, _ = pixels.shape
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return pixels
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")


def padded_pixels(width: int, height: int, multiple: int) -> int:
    """The number of pixels of a picture with its sides padded to multiples of ``multiple``."""
    return (width + -width % multiple) * (height + -height % multiple)


def pixel_digest(pixels: Pixels) -> str:
    """A digest of an image's pixels, independent of its file."""
    digest = hashlib.sha256(f"{pixels.shape[1]}x{pixels.shape[0]} rgb8 ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


class ReadImage(NamedTuple):
    """An image file's pixels, and notes that may surprise users."""

    pixels: Pixels
    notes: tuple[str, ...]


def read_pixels(path: Path) -> Pixels:
    """An image file's pixels, as ``read_image`` reads them."""
    return read_image(path).pixels


def read_image(path: Path) -> ReadImage:
    """Read an image file as 8-bit RGB, upright; grey and palette images are converted.

    Of several pictures in a file, the first is read. 16-bit images and images with real
    transparency are refused: dropping bits or adding a background would silently change the
    experiment.
    """
    with open_image(path) as opened:
        _check_samples(opened, path)
        notes = [FIRST] if getattr(opened, "is_animated", False) else []
        is_tiff = opened.format == "TIFF"  # which Pillow turns while it loads it
        orientation = _orientation(opened) if is_tiff else None
        opened.load()
        if _is_transparent(opened):
            raise DataError(f"{path}: transparent pixels; flatten it onto a background first")
        rgb = opened if opened.mode == "RGB" else opened.convert("RGB")
        if not is_tiff:
            orientation = _orientation(opened)
            if orientation in _UPRIGHT:
                rgb = rgb.transpose(_UPRIGHT[orientation])
        if orientation is None:
            notes.append(STORED)
        elif orientation in _UPRIGHT:
            notes.append(TURNED)
        return ReadImage(to_array(rgb), tuple(notes))


@contextmanager
def open_image(path: Path) -> Iterator[PillowImage.Image]:
    """An image file, opened by Pillow; errors are raised as one line."""
    try:
        check_regular(path)
        with PillowImage.open(path, formats=FORMATS) as opened:
            if padded_pixels(opened.width, opened.height, MAX_MULTIPLE) > MAX_PIXELS:
                raise DataError(f"{path}: {opened.width}x{opened.height} are too many pixels")
            yield opened
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such image") from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path}: not a readable image; expected the content of a PNG, JPEG, BMP, PPM, "
            "TIFF or WebP"
        ) from error
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (PillowImage.DecompressionBombError, PillowImage.DecompressionBombWarning) as error:
        raise DataError(f"{path}: too many pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: damaged image ({error})") from error


def _check_samples(opened: PillowImage.Image, path: Path) -> None:
    if opened.mode.startswith(("I", "F")) or _is_deep(opened):
        raise DataError(f"{path}: more than 8 bits a sample; convert it to 8-bit RGB first")
    if opened.mode == "CMYK" or opened.mode == "LAB":
        raise DataError(f"{path}: {opened.mode} colours; convert it to 8-bit RGB first")


def _is_transparent(opened: PillowImage.Image) -> bool:
    if not opened.has_transparency_data:
        return False
    return opened.convert("RGBA").getchannel("A").getextrema()[0] != 255


def _orientation(opened: PillowImage.Image) -> int | None:
    """The EXIF orientation; 1, upright, without EXIF data, None if they are damaged."""
    try:
        exif = opened.getexif()
    except Exception:  # damaged data can make Pillow raise anything
        return None
    if opened.info.get("exif") and not exif:
        return None
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    return orientation if isinstance(orientation, int) else 1


def to_array(rgb: PillowImage.Image) -> Pixels:
    """The pixels, strip by strip: Pillow's own conversion would hold two more copies of all."""
    pixels = np.empty((rgb.height, rgb.width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // rgb.width)
    for top in range(0, rgb.height, rows):
        bottom = min(top + rows, rgb.height)
        pixels[top:bottom] = np.asarray(rgb.crop((0, top, rgb.width, bottom)))
    pixels.flags.writeable = False
    return pixels


def _is_deep(opened: PillowImage.Image) -> bool:
    """Whether Pillow would silently cut samples of more than 8 bits to 8."""
    decoder = str(getattr(opened, "tile", ""))
    largest = re.search(r"'ppm(?:_plain)?'.*, (\d+)\)\)", decoder)  # of a PPM's values
    return bool(re.search(r"(?<!BGR);16", decoder)) or bool(largest and int(largest[1]) > 255)


def write_png(pixels: Pixels, path: Path) -> None:
    """Write RGB as PNG, completely or not at all."""
    with replacing(path) as temporary:
        PillowImage.fromarray(pixels).save(temporary, format="PNG", compress_level=1)
