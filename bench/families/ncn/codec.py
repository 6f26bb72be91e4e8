"""The NCN as a codec: weights from a card's set, one file for each λ; real bitstreams."""

from __future__ import annotations

import json
import threading
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bench.cache import file_digest, remembered_digests
from bench.catalog import card_paths, check_keys, read_card
from bench.codec import Card, Codec, Point
from bench.colour import Pixels
from bench.errors import CardError, CodecError, DataError, StreamError
from bench.families.ncn.stream import MOST_PIXELS, Stream, latents_checksum
from bench.image import Image
from bench.programs import unmetered
from bench.weights import WeightSet

if TYPE_CHECKING:
    from bench.families.ncn.model import Model

_KINDS = {
    "none": "an NCN alone",
    "resnet": "an NCN with an LSMnet on a ResNet",
    "vgg": "an NCN with an LSMnet on a VGG",
}
_KEYS: dict[str, tuple[type, str]] = {
    "lsm": (str, f"what the LSMnet takes its features from, one of {', '.join(_KINDS)}"),
}


class NcnCodec(Codec):
    """An NCN, with an LSMnet or without; ``lsm`` says which."""

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        check_keys(card.path, card.options, _KEYS, required=tuple(_KEYS), prefix="ncn.")
        if card.options["lsm"] not in _KINDS:
            raise CardError(f"{card.path}: 'ncn.lsm' must be {_KEYS['lsm'][1]}")
        if not card.sets:
            raise CardError(f"{card.path}: 'weights' is missing; it must have a table for each set")
        self._models: dict[Path, Model] = {}
        self._loading = threading.Lock()

    def missing(self) -> str | None:
        if self.card.weights is None:
            choices = " or ".join(f"{self.name}:{name}" for name in self.card.sets)
            return f"which weights? say {choices}"
        return self.card.weights.missing()

    def remark(self) -> str | None:
        return self.card.weights.remark() if self.card.weights else None

    def encode(self, image: Image, point: Point) -> bytes:
        if image.width * image.height > MOST_PIXELS:
            raise CodecError(f"{image.name}: {image.width}x{image.height} is too large for an NCN")
        model = self._model(point)
        latents = model.analyse(image.pixels)
        y_hat, z_hat = latents.whole()
        body = model.encode(y_hat, z_hat)
        checksum = latents_checksum(y_hat, z_hat)
        return Stream(image.width, image.height, model.digest, checksum, body).to_bytes()

    def decode(self, stream: bytes) -> Pixels:
        said = Stream.from_bytes(stream)
        model = self._model_of(said)
        y_hat, z_hat = model.decode(said.body, said.width, said.height)
        if latents_checksum(y_hat, z_hat) != said.latents:
            raise StreamError(
                "the stream decodes to other latents than were coded: either it is damaged, or "
                "this machine computes its entropy model otherwise, which ought not to be possible"
            )
        return model.synthesise(y_hat, said.width, said.height)

    def inspect(self, image: Image, point: Point) -> dict[str, NDArray[Any]]:
        return self._model(point).inspect(image.pixels)

    def commands(self, point: Point) -> tuple[str, ...]:
        masked = "y" if self.card.options["lsm"] == "none" else "y - α(x) · (y - μ)"
        weights = self.card.weights.paths.get(point) if self.card.weights else None
        of = f"  # {weights}" if weights else ""
        return (
            f"y = g_enc(x); ẑ = round(h_enc(y)); ŷ = round({masked}); code(ẑ, ŷ){of}",
            f"ẑ, ŷ = decode(stream); x̂ = g_dec(ŷ){of}",
        )

    def depends_on(self) -> dict[str, str]:
        paths = self.card.weights.paths if self.card.weights else {}
        digests = remembered_digests("file", list(paths.values()), file_digest)
        of_points = {str(point): digests[path] for point, path in paths.items()}
        return {"weights": json.dumps(of_points), "torch": version("torch").partition("+")[0]}

    def _model(self, point: Point) -> Model:
        """The model to encode with, which must have what the card says of an LSMnet."""
        assert self.card.weights is not None
        path = self.card.weights.paths[point]
        model, wanted = self._load(path), self.card.options["lsm"]
        if model.lsm_kind != wanted:
            raise DataError(f"{path}: weights of {_KINDS[model.lsm_kind]}, not of {_KINDS[wanted]}")
        return model

    def _model_of(self, said: Stream) -> Model:
        """The model that a stream was coded with."""
        assert self.card.weights is not None
        for path, digest in _decoder_digests(self.card.weights).items():
            if digest == said.model.hex():
                return self._load(path)
        raise StreamError(
            f"coded with other weights (digest {said.model.hex()}) than {self.name} has here"
        )

    def _load(self, path: Path) -> Model:
        with self._loading, unmetered():
            if path not in self._models:
                from bench.families.ncn.model import load_model

                self._models[path] = load_model(path)
            return self._models[path]


def codec_of(stream: bytes) -> str | None:
    """The shipped codec with the weights that a stream was coded with; None if it is no NCN's."""
    try:
        said = Stream.from_bytes(stream)
    except StreamError:
        return None
    cards = [card for card in map(read_card, card_paths()) if card.family == "ncn"]
    for card in cards:
        for weights in card.sets.values():
            if said.model.hex() in _decoder_digests(weights).values():
                return f"{card.name}:{weights.name}"
    raise StreamError(
        f"coded by an NCN with weights of digest {said.model.hex()}, which no codec has here; "
        "name their file with --weights"
    )


def _decoder_digests(weights: WeightSet) -> dict[Path, str]:
    """What streams of each file's weights have in their headers."""
    with unmetered():
        return remembered_digests("ncn decoder", list(weights.paths.values()), _decoder_digest)


def _decoder_digest(path: Path) -> str:
    from bench.families.ncn.checkpoint import decoder_digest, load_ncn

    return decoder_digest(load_ncn(path)[0]).hex()
