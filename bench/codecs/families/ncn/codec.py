"""The NCN as a codec: weights from a card's set, one file for each λ; real bitstreams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from bench.codecs.codec import Card, Point
from bench.codecs.families.learned import LearnedCodec
from bench.codecs.families.ncn.stream import NcnStream, latents_checksum
from bench.errors import DataError, StreamError
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime.file_model import FileModel

if TYPE_CHECKING:
    from bench.codecs.families.ncn.model import NcnModel

_KINDS = {
    "none": "an NCN alone",
    "resnet": "an NCN with an LSMnet on a ResNet",
    "vgg": "an NCN with an LSMnet on a VGG",
}


class NcnOptions(FileModel):
    """A card's ``[ncn]``."""

    lsm: Literal["none", "resnet", "vgg"] = Field(
        description="what the LSMnet takes its features from"
    )


class NcnCodec(LearnedCodec["NcnModel"]):
    """An NCN, with an LSMnet or without; ``lsm`` says which."""

    Options = NcnOptions
    family = "ncn"
    stream = NcnStream

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self._lsm = card.read_options(NcnOptions).lsm

    def encode(self, image: Image, point: Point) -> bytes:
        self.check_size(image)
        model = self._encoder(point)
        latents = model.analyse(image.pixels)
        y_hat, z_hat = latents.whole()
        body = model.encode(y_hat, z_hat)
        checksum = latents_checksum(y_hat, z_hat)
        return NcnStream(image.width, image.height, model.digest, checksum, body).to_bytes()

    def decode(self, stream: bytes) -> Pixels:
        said = NcnStream.from_bytes(stream)
        model = self.model_of(said)
        y_hat, z_hat = model.decode(said.body, said.width, said.height)
        if latents_checksum(y_hat, z_hat) != said.latents:
            raise StreamError(
                "the stream decodes to other latents than were coded: either it is damaged, or "
                "this machine computes its entropy model otherwise, which ought not to be possible"
            )
        return model.synthesise(y_hat, said.width, said.height)

    def inspect(self, image: Image, point: Point) -> dict[str, NDArray[Any]]:
        return self._encoder(point).inspect(image.pixels)

    def commands(self, point: Point) -> tuple[str, ...]:
        masked = "y" if self._lsm == "none" else "y - α(x) · (y - μ)"
        weights = self.card.weights.paths.get(point) if self.card.weights else None
        of = f"  # {weights}" if weights else ""
        return (
            f"y = g_enc(x); ẑ = round(h_enc(y)); ŷ = round({masked}); code(ẑ, ŷ){of}",
            f"ẑ, ŷ = decode(stream); x̂ = g_dec(ŷ){of}",
        )

    def load(self, path: Path, digest: str) -> NcnModel:
        from bench.codecs.families.ncn.model import load_model

        return load_model(path, digest)

    @classmethod
    def digest(cls, path: Path) -> str:
        from bench.codecs.families.ncn.checkpoint import decoder_digest, load_ncn

        return decoder_digest(load_ncn(path)[0]).hex()

    def _encoder(self, point: Point) -> NcnModel:
        """The model to encode with, which must have what the card says of an LSMnet."""
        path, wanted = self.path(point), self._lsm
        model = self.model(path)
        if model.lsm_kind != wanted:
            raise DataError(f"{path}: weights of {_KINDS[model.lsm_kind]}, not of {_KINDS[wanted]}")
        return model
