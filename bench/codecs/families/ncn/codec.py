"""The NCN as a codec: weights from a card's set, one file for each λ; real bitstreams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from bench.codecs.codec import Card, Point
from bench.codecs.families.learned import LearnedCodec
from bench.codecs.families.neural_stream import NcnStream
from bench.images.image import Image
from bench.runtime.file_model import FileModel

if TYPE_CHECKING:
    from bench.codecs.families.ncn.model import NcnModel

KINDS = {
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
        lsm = card.read_options(NcnOptions).lsm
        self.kind = KINDS[lsm]
        masked = "y" if lsm == "none" else "y - α(x) · (y - μ)"
        self.formulas = (
            f"y = g_enc(x); ẑ = round(h_enc(y)); ŷ = round({masked}); code(ẑ, ŷ)",
            "ẑ, ŷ = decode(stream); x̂ = g_dec(ŷ)",
        )

    def inspect(self, image: Image, point: Point) -> dict[str, NDArray[Any]]:
        return self.encoder(point).inspect(image.pixels)

    def load(self, path: Path, digest: str) -> NcnModel:
        from bench.codecs.families.ncn.model import load_model

        return load_model(path, digest)

    @classmethod
    def digest(cls, path: Path) -> str:
        from bench.codecs.families.ncn.checkpoint import decoder_digest, load_ncn

        return decoder_digest(load_ncn(path)[0]).hex()
