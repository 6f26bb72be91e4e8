"""One image to one bitstream and back, outside any sweep."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from bench.codecs.catalog import recognise, runnable
from bench.codecs.codec import Codec, Point
from bench.codecs.families.padding import MAX_STREAM_BYTES
from bench.codecs.points import one_point
from bench.commands.arguments import accepts_text
from bench.errors import CardError, DataError, StreamError
from bench.images.colour import Pixels
from bench.images.image import Image, read_image, write_png
from bench.runtime.files import check_outputs, describe_write_errors, read_regular, replacing
from bench.runtime.programs import Cost, metered

Stream = bytes
_MASK_STEP = 16  # pixels that an element of α covers, in each direction


@dataclass(frozen=True)
class Coded:
    """The result of coding one picture; ``pixels`` are a decoder's."""

    codec: str
    point: Point | None  # unknown to a decoder
    width: int
    height: int
    bytes: int
    cost: Cost
    notes: tuple[str, ...] = ()  # on how the image was read
    stream: Stream = field(default=b"", repr=False)
    pixels: Pixels | None = field(default=None, repr=False, compare=False)

    @property
    def bpp(self) -> float:
        """Bits per pixel."""
        return 8 * self.bytes / (self.width * self.height)


@accepts_text
def encode(
    image: Path | Pixels,
    file: Path | None = None,
    codec: str | Codec | None = None,
    point: str | Point | None = None,
    *,
    weights: Path | None = None,
    dump: Path | None = None,
    save_mask: Path | None = None,
) -> Coded:
    """Code one image; without a point, at the middle one of the card's defaults.

    The image is a file or an array of RGB (height, width, 3) of 8 bits; the bitstream is written to
    ``file``, if one is named, and is the result's ``stream``.

    ``weights`` are the user's own weights of a learned codec. Its latents are written to ``dump``,
    as NumPy's npz, and its LSMnet's mask, as a picture, to ``save_mask``.
    """
    if codec is None:
        raise CardError("encode: codec is missing; expected the name of one, a card or an object")
    opened_codec = runnable(codec, own=weights)
    middle = opened_codec.card.middle_point
    chosen = middle if point is None else one_point(opened_codec, point)
    assert chosen is not None  # a codec that can run has points
    check_outputs((file, dump, save_mask), (image if isinstance(image, Path) else None, weights))
    original, notes = _original(image)
    with metered() as cost:
        stream = opened_codec.encode(original, chosen)
    if file is not None:
        with describe_write_errors(file), replacing(file) as temporary:
            temporary.write_bytes(stream)
    if dump or save_mask:
        _write_latents(opened_codec.inspect(original, chosen), original, dump, save_mask)
    size = (original.width, original.height)
    return Coded(opened_codec.name, chosen, *size, len(stream), cost, notes, stream)


def _original(image: Path | Pixels) -> tuple[Image, tuple[str, ...]]:
    """The image, and notes on how it was read."""
    if isinstance(image, Path):
        pixels, notes = read_image(image)
        return Image(image.stem, pixels), notes
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise DataError(
            f"encode: expected RGB (height, width, 3) of uint8, not {image.shape} of {image.dtype}"
        )
    return Image("array", np.ascontiguousarray(image)), ()


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
    file: Path | bytes,
    image: Path | None = None,
    codec: str | Codec | None = None,
    *,
    weights: Path | None = None,
) -> Coded:
    """Decode one bitstream; the codec is read from the stream if possible.

    The bitstream is a file or bytes; the picture is written to ``image``, a PNG file, if one is
    named, and is the result's ``pixels``.
    """
    if image is not None and image.suffix.lower() != ".png":
        raise DataError(f"{image}: decoded pictures are written as PNG; name it {image.stem}.png")
    check_outputs([image], (file if isinstance(file, Path) else None, weights))
    stream = read_regular(file, MAX_STREAM_BYTES) if isinstance(file, Path) else file
    given = codec or recognise(stream, weights)
    if given is None:
        named = file if isinstance(file, Path) else "decode"
        raise StreamError(f"{named}: the stream does not name its codec; use --codec")
    opened_codec = runnable(given, own=weights)
    with metered() as cost:
        pixels = opened_codec.decode(stream)
    height, width, _ = pixels.shape
    if image is not None:
        with describe_write_errors(image):
            write_png(pixels, image)
    return Coded(
        opened_codec.name, None, width, height, len(stream), cost, stream=stream, pixels=pixels
    )
