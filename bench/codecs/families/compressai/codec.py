"""CompressAI's zoo as a codec: the user's files of its weights, one for each quality."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from bench.codecs.codec import Card, Point
from bench.codecs.families.compressai.stream import ZooStream
from bench.codecs.families.learned import LearnedCodec
from bench.errors import DataError, StreamError, UnavailableError
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime.cache import file_digest
from bench.runtime.file_model import FileModel
from bench.runtime.finding import Finding, installed

if TYPE_CHECKING:
    from bench.codecs.families.compressai.model import ZooModel

_INSTALL = "pip install '.[compressai]', with Python 3.12 or older"


def why_no_compressai() -> str | None:
    """How to get CompressAI; None where it is installed. To import it would take seconds."""
    return None if find_spec("compressai") else f"needs CompressAI: {_INSTALL}"


class CompressAIOptions(FileModel):
    """A card's ``[compressai]``."""

    model: Literal["bmshj2018-hyperprior", "mbt2018-mean", "mbt2018", "cheng2020-attn"] = Field(
        description="what CompressAI calls the codec"
    )


class CompressAICodec(LearnedCodec["ZooModel"]):
    """One of the zoo's codecs; ``model`` is what CompressAI calls it."""

    Options = CompressAIOptions
    family = "compressai"
    stream = ZooStream

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self._wanted = card.read_options(CompressAIOptions).model

    @classmethod
    def findings(cls, codecs: Sequence[Self]) -> Iterable[Finding]:
        yield from super().findings(codecs)
        yield installed("CompressAI", "compressai", f"only its own codecs need it: {_INSTALL}")

    def missing(self) -> str | None:
        return why_no_compressai() or super().missing()

    def version(self) -> str:
        return f"CompressAI {version('compressai')}"

    def encode(self, image: Image, point: Point) -> bytes:
        self.check_size(image)
        path = self.path(point)
        model = self.model(path)
        if model.name != self._wanted:
            raise DataError(f"{path}: weights of {model.name}, not of {self._wanted}")
        latents, body = model.compress(image.pixels)
        return ZooStream(image.width, image.height, model.digest, latents, body).to_bytes()

    def decode(self, stream: bytes) -> Pixels:
        # Its checksum comes first: CompressAI's decoder would read on where a damaged one ends.
        said = ZooStream.from_bytes(stream)
        latents, pixels = self.model_of(said).decompress(said.body, said.width, said.height)
        if latents != said.latents:
            raise StreamError(
                "the stream decodes to other latents than were coded: either it is damaged, or "
                "this machine rounds otherwise than the one that coded it, on which it depends"
            )
        return pixels

    def commands(self, point: Point) -> tuple[str, ...]:
        weights = self.card.weights.paths.get(point) if self.card.weights else None
        of = f"  # {weights}" if weights else ""
        model = self._wanted.replace("-", "_")
        return (
            f"coded = {model}.compress(x){of}",
            f"x̂ = {model}.decompress(coded['strings'], coded['shape'])['x_hat']{of}",
        )

    def depends_on(self) -> dict[str, str]:
        return {**super().depends_on(), "compressai": version("compressai")}

    def load(self, path: Path, digest: str) -> ZooModel:
        _import_compressai()
        from bench.codecs.families.compressai.model import load_model

        return load_model(path, digest)

    @classmethod
    def digest(cls, path: Path) -> str:
        """The file's own, with which the name that it is published under ends, too."""
        return file_digest(path)


def _import_compressai() -> None:
    """Import the whole of it: none of its modules can be had without the others."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says of others' code is not for our users
            import compressai.zoo  # noqa: F401
    except (ImportError, RuntimeError) as error:
        raise UnavailableError(
            f"CompressAI cannot be imported ({str(error).splitlines()[0]}); torch and torchvision "
            "must be of one build, both for the CPU or both for CUDA"
        ) from error
