"""What codecs of learned networks share: a file of weights for each point, known by its digest."""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from bench.codecs.catalog import card_paths, read_card
from bench.codecs.codec import Card, Codec, Point
from bench.codecs.families.neural_stream import NeuralStream, StreamStart, is_too_large
from bench.codecs.weights import WeightSet
from bench.errors import CardError, CodecError, DataError, StreamError
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime.cache import file_digests, remembered_digests
from bench.runtime.finding import WEIGHTS, Finding
from bench.runtime.programs import unmetered


class Weights(Protocol):
    """The networks in a file of weights."""

    digest: bytes  # of the weights that a decoder needs


class LearnedModel(Weights, Protocol):
    """Networks that code a picture."""

    kind: str  # what they are, in words

    def compress(self, pixels: Pixels) -> tuple[bytes, bytes]:
        """A checksum of the picture's latents, and the latents coded."""

    def decompress(self, body: bytes, width: int, height: int) -> tuple[bytes, Pixels]:
        """A checksum of the decoded latents, and the picture."""


Loaded = TypeVar("Loaded", bound=Weights)
Model = TypeVar("Model", bound=LearnedModel)


class WeightedCodec(Codec, Generic[Loaded]):
    """A card with weight sets; a file is loaded when it is first needed, which is not measured."""

    neural = True
    family: ClassVar[str]
    stream: ClassVar[type[StreamStart]]
    formulas: tuple[str, str]  # what encoding and decoding compute, for people to read

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        if not card.sets:
            raise CardError(f"{card.path}: 'weights' is missing; it must have a table for each set")
        self._models: dict[Path, Loaded] = {}
        self._loading = threading.Lock()

    @property
    def uses_gpu(self) -> bool:
        from bench.codecs.families.inference import coding_device

        return coding_device().type == "cuda"

    @abstractmethod
    def load(self, path: Path, digest: str) -> Loaded:
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
        return f"torch {torch_version()}"

    def remark(self) -> str | None:
        return self.card.weights.remark() if self.card.weights else None

    def depends_on(self) -> dict[str, str]:
        of_points = {str(point): self._files[path] for point, path in self._paths.items()}
        return {"weights": json.dumps(of_points), "torch": torch_version()}

    @property
    def _paths(self) -> Mapping[Point, Path]:
        return self.card.weights.paths if self.card.weights else {}

    @cached_property
    def _files(self) -> dict[Path, str]:
        """The digest of each file of weights at first use; only files with it are loaded."""
        return file_digests(list(self._paths.values()))

    def commands(self, point: Point) -> tuple[str, ...]:
        weights = self._paths.get(point)
        return tuple(f"{each}  # {weights}" if weights else each for each in self.formulas)

    def check_size(self, image: Image) -> None:
        if is_too_large(image.width, image.height):
            size = f"{image.width}x{image.height}"
            raise CodecError(f"{image.name}: {size} is too large for {self.stream.maker}")

    def model(self, path: Path) -> Loaded:
        """The networks in a file, which all threads share."""
        with self._loading, unmetered():
            if path not in self._models:
                self._models[path] = self.load(path, self._files[path])
            return self._models[path]

    def model_of(self, header: StreamStart) -> Loaded:
        """The networks that a stream was coded with."""
        for model in list(self._models.values()):
            if model.digest.startswith(header.model):
                return model
        for path, digest in self._digests(self._paths).items():
            if digest.startswith(header.model.hex()):
                return self.model(path)
        for path in set(self._paths.values()):
            self.model(path)  # raises if a file has changed
        if self.card.weights:
            _check_not_retired(self.name, self.card.weights, header.model.hex())
        raise StreamError(
            f"coded with other weights (digest {header.model.hex()}) than {self.name} has here"
        )

    @classmethod
    def recognise(cls, stream: bytes, weights: Path | None = None) -> str | None:
        """The shipped codec whose weights coded a stream; any one if the user names weights."""
        if stream[:1] != bytes([cls.stream.mark]):
            return None
        cards = [card for card in map(read_card, card_paths()) if card.family == cls.family]
        if weights and cards:
            return cards[0].name
        try:  # the rest may be damaged, which its decoder can tell
            start = cls.stream.read_start(stream)[0].model.hex()
        except StreamError:
            return None
        for card in cards:
            for weight_set in card.sets.values():
                if any(each.startswith(start) for each in cls._digests(weight_set.paths).values()):
                    return f"{card.name}:{weight_set.name}"
        try:
            cls.stream.from_bytes(stream)
        except StreamError:
            return None
        for card in cards:
            for weight_set in card.sets.values():
                _check_not_retired(f"{card.name}:{weight_set.name}", weight_set, start)
        raise StreamError(
            f"coded by {cls.stream.maker} with weights of digest {start}, which no codec has here; "
            "name their file with --weights"
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
                elif weights.expected.published:
                    yield Finding(name, None, "not found", weights.missing(), WEIGHTS)

    @classmethod
    def _digests(cls, weights: Mapping[Point, Path]) -> dict[Path, str]:
        with unmetered():
            return remembered_digests(f"{cls.family} decoder", list(weights.values()), cls.digest)


def _check_not_retired(codec: str, weights: WeightSet, digest: str) -> None:
    """Refuse a stream of weights that an earlier release had."""
    if release := weights.expected.release_of(digest):
        raise StreamError(
            f"coded by {codec} with its weights of bench {release} (digest {digest}); decode it "
            "with that release, or name their file with --weights"
        )


class LearnedCodec(WeightedCodec[Model]):
    """A codec whose networks code the picture by themselves."""

    stream: ClassVar[type[NeuralStream]]
    kind: str  # of its networks, as the card says

    def encode(self, image: Image, point: Point) -> bytes:
        self.check_size(image)
        model = self.encoder(point)
        latents, body = model.compress(image.pixels)
        return self.stream(image.width, image.height, model.digest, latents, body).to_bytes()

    def decode(self, stream: bytes) -> Pixels:
        # The stream's checksum comes first: CompressAI's decoder would read past a damaged end.
        header = self.stream.from_bytes(stream)
        model = self.model_of(header)
        latents, pixels = model.decompress(header.body, header.width, header.height)
        if latents != header.latents:
            raise StreamError(
                "the stream decodes to other latents than were coded: either it is damaged, or "
                "this machine computes other probabilities than the one that coded it"
            )
        return pixels

    def encoder(self, point: Point) -> Model:
        """The networks to encode with, which must be of the kind that the card says."""
        path = self._paths[point]
        model = self.model(path)
        if model.kind != self.kind:
            raise DataError(f"{path}: weights of {model.kind}, not of {self.kind}")
        return model


def torch_version() -> str:
    return version("torch").partition("+")[0]  # without the build, for a CPU or for CUDA
