"""An image as a codec sees it: its pixels, and what the dataset knows beside them."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from bench import colour
from bench.colour import Pixels
from bench.errors import DataError
from bench.files import replacing
from bench.programs import unmetered

# Above this a picture is taken for an attack or a mistake, not for a photograph.
MOST_PIXELS = 2**28
PillowImage.MAX_IMAGE_PIXELS = MOST_PIXELS  # the limit is ours alone


@dataclass(frozen=True, eq=False)
class Image:
    """One image and its side information; what is not known is None."""

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
        """As 8-bit 4:2:0 padded to a multiple of so many pixels, converted once for all codecs."""
        with unmetered(), self._converting:  # shared by codecs, so charged to none
            if multiple not in self._converted:
                self._converted[multiple] = colour.to_ycbcr(pad(self.pixels, multiple))
        return self._converted[multiple]


def pad(pixels: Pixels, multiple: int) -> Pixels:
    """Replicate the right and bottom edges up to a multiple of so many pixels."""
    height, width, _ = pixels.shape
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return pixels
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")


def pixel_digest(pixels: Pixels) -> str:
    """Names an image by what is seen, whatever file it came in."""
    header = f"{pixels.shape[1]}x{pixels.shape[0]} rgb8 ".encode()
    return hashlib.sha256(header + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def read_pixels(path: Path) -> Pixels:
    """Read an image file as 8-bit RGB; grey and palette images are converted.

    16-bit images and images with real transparency are refused: to drop bits or to invent a
    background would change the experiment without a word.
    """
    try:
        with PillowImage.open(path) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise DataError(f"{path}: {opened.width}x{opened.height} is too large to be coded")
            return _as_rgb(opened, path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such image") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: a folder, not an image") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: not an image that can be read") from error
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (OSError, SyntaxError, ValueError, PillowImage.DecompressionBombError) as error:
        raise DataError(f"{path}: damaged image ({error})") from error


def _as_rgb(opened: PillowImage.Image, path: Path) -> Pixels:
    if opened.mode.startswith(("I", "F")) or _is_deep(opened):
        raise DataError(f"{path}: more than 8 bits a sample; convert it to 8-bit RGB first")
    if opened.mode == "CMYK" or opened.mode == "LAB":
        raise DataError(f"{path}: {opened.mode} colours; convert it to 8-bit RGB first")
    if opened.has_transparency_data:
        alpha = np.asarray(opened.convert("RGBA"))[..., 3]
        if alpha.min() < 255:
            raise DataError(f"{path}: transparent pixels; flatten it onto a background first")
    pixels = np.asarray(opened.convert("RGB"))
    pixels.flags.writeable = False
    return pixels


def _is_deep(opened: PillowImage.Image) -> bool:
    """Whether Pillow would cut samples of more than 8 bits to 8 without a word."""
    decoder = str(getattr(opened, "tile", ""))
    largest = re.search(r"'ppm(?:_plain)?'.*, (\d+)\)\)", decoder)  # of a PPM's values
    return bool(re.search(r"(?<!BGR);16", decoder)) or bool(largest and int(largest[1]) > 255)


def write_png(pixels: Pixels, path: Path) -> None:
    """Write RGB as PNG, whole or not at all."""
    with replacing(path) as temporary:
        PillowImage.fromarray(pixels).save(temporary, format="PNG", compress_level=1)
