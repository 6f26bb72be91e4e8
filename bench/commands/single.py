"""One image to one bitstream and back, outside any sweep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from bench.codecs.catalog import recognise, runnable
from bench.codecs.codec import Point
from bench.codecs.families.padding import MAX_STREAM_BYTES
from bench.codecs.points import one_point
from bench.commands.arguments import accepts_text
from bench.errors import CardError, DataError, StreamError
from bench.images.image import Image, read_image, write_png
from bench.runtime.files import check_outputs, describe_write_errors, read_regular, replacing
from bench.runtime.programs import Cost, metered

_MASK_STEP = 16  # pixels that an element of α covers, in each direction


@dataclass(frozen=True)
class Coded:
    """The result of coding one file to another."""

    codec: str
    point: Point | None  # unknown to a decoder
    width: int
    height: int
    bytes: int
    cost: Cost
    notes: tuple[str, ...] = ()  # on how the image was read

    @property
    def bpp(self) -> float:
        """Bits per pixel."""
        return 8 * self.bytes / (self.width * self.height)


@accepts_text
def encode(
    image: Path,
    file: Path,
    codec: str,
    point: str | None = None,
    *,
    weights: Path | None = None,
    dump: Path | None = None,
    save_mask: Path | None = None,
) -> Coded:
    """Code one image; without a point, at the middle one of the card's defaults.

    ``weights`` are the user's own weights of a learned codec. Its latents are written to ``dump``,
    as NumPy's npz, and its LSMnet's mask, as a picture, to ``save_mask``.
    """
    opened_codec = runnable(codec, own=weights)
    middle = opened_codec.card.middle_point
    chosen = middle if point is None else one_point(opened_codec, point)
    assert chosen is not None  # a codec that can run has points
    check_outputs((file, dump, save_mask), (image, weights))
    pixels, notes = read_image(image)
    original = Image(image.stem, pixels)
    with metered() as cost:
        stream = opened_codec.encode(original, chosen)
    with describe_write_errors(file), replacing(file) as temporary:
        temporary.write_bytes(stream)
    if dump or save_mask:
        _write_latents(opened_codec.inspect(original, chosen), original, dump, save_mask)
    size = (original.width, original.height)
    return Coded(opened_codec.name, chosen, *size, len(stream), cost, notes)


def _write_latents(
    latents: dict[str, NDArray[Any]], image: Image, dump: Path | None, save_mask: Path | None
) -> None:
    if save_mask and "alpha" not in latents:
        raise CardError(f"{save_mask}: not written: the codec has no LSMnet, which makes a mask")
    for path in filter(None, (dump, save_mask)):
        with (
            describe_write_errors(path),
            replacing(path) as temporary,
            temporary.open("wb") as opened,
        ):
            if path is dump:
                np.savez_compressed(opened, **latents)  # type: ignore[arg-type]
            else:
                mask_picture(latents["alpha"], image).save(opened, format="PNG")


def mask_picture(alpha: NDArray[np.float32], image: Image) -> PillowImage.Image:
    """α averaged over its channels, as large as the image; white is masked completely."""
    grey = np.rint(255 * alpha[0].mean(axis=0)).astype(np.uint8)
    large = grey.repeat(_MASK_STEP, axis=0).repeat(_MASK_STEP, axis=1)
    return PillowImage.fromarray(large[: image.height, : image.width])


@accepts_text
def decode(
    file: Path, image: Path, codec: str | None = None, *, weights: Path | None = None
) -> Coded:
    """Decode one bitstream to a PNG file; the codec is read from the stream if possible."""
    if image.suffix.lower() != ".png":
        raise DataError(f"{image}: decoded pictures are written as PNG; name it {image.stem}.png")
    check_outputs([image], (file, weights))
    stream = read_regular(file, MAX_STREAM_BYTES)
    name = codec or recognise(stream, weights)
    if name is None:
        raise StreamError(f"{file}: the stream does not name its codec; use --codec")
    opened_codec = runnable(name, own=weights)
    with metered() as cost:
        pixels = opened_codec.decode(stream)
    height, width, _ = pixels.shape
    with describe_write_errors(image):
        write_png(pixels, image)
    return Coded(opened_codec.name, None, width, height, len(stream), cost)
