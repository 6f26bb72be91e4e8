"""What codecs of learned networks share: a file of weights for each point, told by its digest."""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from bench.codecs.catalog import card_paths, read_card
from bench.codecs.codec import Card, Codec, Point
from bench.codecs.families.neural_stream import NeuralStream, is_too_large
from bench.codecs.weights import WeightSet
from bench.errors import CardError, CodecError, StreamError
from bench.images.image import Image
from bench.runtime.cache import file_digests, remembered_digests
from bench.runtime.finding import WEIGHTS, Finding
from bench.runtime.programs import unmetered


class _Network(Protocol):
    digest: bytes  # of the weights that a decoder needs


Model = TypeVar("Model", bound=_Network)


class LearnedCodec(Codec, Generic[Model]):
    """A card with weight sets; a file is loaded when it is first needed, which is no one's cost."""

    family: ClassVar[str]
    stream: ClassVar[type[NeuralStream]]

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        if not card.sets:
            raise CardError(f"{card.path}: 'weights' is missing; it must have a table for each set")
        self._models: dict[Path, Model] = {}
        self._loading = threading.Lock()

    @property
    def uses_gpu(self) -> bool:
        from bench.codecs.families.devices import coding_device

        return coding_device().type == "cuda"

    @abstractmethod
    def load(self, path: Path, digest: str) -> Model:
        """The networks in a file, ready to code; DataError if the file has another digest."""

    @classmethod
    @abstractmethod
    def digest(cls, path: Path) -> str:
        """Names the weights that a decoder needs, in hexadecimal digits; streams have its start."""

    def missing(self) -> str | None:
        if self.card.weights is None:
            choices = " or ".join(f"{self.name}:{name}" for name in self.card.sets)
            return f"which weights? say {choices}"
        return self.card.weights.missing()

    def version(self) -> str:
        return f"torch {_torch_version()}"

    def remark(self) -> str | None:
        return self.card.weights.remark() if self.card.weights else None

    def depends_on(self) -> dict[str, str]:
        paths = self.card.weights.paths if self.card.weights else {}
        of_points = {str(point): self._files[path] for point, path in paths.items()}
        return {"weights": json.dumps(of_points), "torch": _torch_version()}

    @cached_property
    def _files(self) -> dict[Path, str]:
        """The digest of each file of weights when it was first asked for: those that are loaded."""
        paths = self.card.weights.paths if self.card.weights else {}
        return file_digests(list(paths.values()))

    def check_size(self, image: Image) -> None:
        """CodecError for a picture that no stream may hold."""
        if is_too_large(image.width, image.height):
            size = f"{image.width}x{image.height}"
            raise CodecError(f"{image.name}: {size} is too large for {self.stream.maker}")

    def path(self, point: Point) -> Path:
        """The file of a point."""
        assert self.card.weights is not None
        return self.card.weights.paths[point]

    def model(self, path: Path) -> Model:
        """The networks in a file, which all threads share."""
        with self._loading, unmetered():
            if path not in self._models:
                self._models[path] = self.load(path, self._files[path])
            return self._models[path]

    def model_of(self, said: NeuralStream) -> Model:
        """The networks that a stream was coded with."""
        assert self.card.weights is not None
        for model in list(self._models.values()):
            if model.digest.startswith(said.model):
                return model
        for path, digest in self._digests(self.card.weights).items():
            if digest.startswith(said.model.hex()):
                return self.model(path)
        for path in self._files:
            self.model(path)  # raises if a file has changed
        raise StreamError(
            f"coded with other weights (digest {said.model.hex()}) than {self.name} has here"
        )

    @classmethod
    def recognise(cls, stream: bytes, weights: Path | None = None) -> str | None:
        """The shipped codec whose weights coded a stream; any if the user brings weights."""
        if stream[:1] != bytes([cls.stream.mark]):
            return None
        cards = [card for card in map(read_card, card_paths()) if card.family == cls.family]
        if weights and cards:
            return cards[0].name
        try:
            said = cls.stream.from_bytes(stream)
        except StreamError:
            return None
        for card in cards:
            for its_set in card.sets.values():
                if any(d.startswith(said.model.hex()) for d in cls._digests(its_set).values()):
                    return f"{card.name}:{its_set.name}"
        raise StreamError(
            f"coded by {cls.stream.maker} with weights of digest {said.model.hex()}, which no "
            "codec has here; name their file with --weights"
        )

    @classmethod
    def findings(cls, codecs: Sequence[Self]) -> Iterable[Finding]:
        """The weights that are there, and those that are published and could be."""
        for card in (codec.card for codec in codecs):
            for weights in card.sets.values():
                name = f"{card.name}:{weights.name}"
                if weights.paths:
                    found = f"{card.unit} {' '.join(map(str, weights.paths))}, {weights.folder}"
                    yield Finding(name, True, found, weights.remark(), WEIGHTS)
                elif weights.published:
                    yield Finding(name, None, "not found", weights.missing(), WEIGHTS)

    @classmethod
    def _digests(cls, weights: WeightSet) -> dict[Path, str]:
        with unmetered():
            kind = f"{cls.family} decoder"
            return remembered_digests(kind, list(weights.paths.values()), cls.digest)


def _torch_version() -> str:
    return version("torch").partition("+")[0]  # without the build, for a CPU or for CUDA
