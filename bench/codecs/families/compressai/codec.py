"""CompressAI's zoo as a codec: the user's files of its weights, one for each quality."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from bench.codecs.codec import Card
from bench.codecs.families.learned import LearnedCodec
from bench.codecs.families.neural_stream import ZooStream
from bench.errors import UnavailableError
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
        self.kind = card.read_options(CompressAIOptions).model
        model = self.kind.replace("-", "_")
        self.formulas = (
            f"coded = {model}.compress(x)",
            f"x̂ = {model}.decompress(coded['strings'], coded['shape'])['x_hat']",
        )

    @classmethod
    def findings(cls, codecs: Sequence[Self]) -> Iterable[Finding]:
        yield from super().findings(codecs)
        yield installed("CompressAI", "compressai", f"only its own codecs need it: {_INSTALL}")

    def missing(self) -> str | None:
        return why_no_compressai() or super().missing()

    def version(self) -> str:
        return f"CompressAI {version('compressai')}"

    def depends_on(self) -> dict[str, str]:
        return {**super().depends_on(), "compressai": version("compressai")}

    def load(self, path: Path, digest: str) -> ZooModel:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its warnings are about other packages
                import compressai.zoo  # noqa: F401
        except (ImportError, RuntimeError) as error:
            raise UnavailableError(
                f"CompressAI cannot be imported ({str(error).splitlines()[0]}); torch and "
                "torchvision must be of one build, both for the CPU or both for CUDA"
            ) from error
        from bench.codecs.families.compressai.model import load_model

        return load_model(path, digest)

    @classmethod
    def digest(cls, path: Path) -> str:
        """The file's own, with which the name that it is published under ends, too."""
        return file_digest(path)
