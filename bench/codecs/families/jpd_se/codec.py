"""JPD-SE: any codec's stream, with a map of what the picture shows, refined by a generator.

The stream holds the base codec's own bytes and, unless the decoder has no map or predicts it, the
map, coded without loss. The decoder decodes both, and a generator draws the picture from them.
"""

from __future__ import annotations

import zlib
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from bench.codecs.catalog import load_codec
from bench.codecs.codec import Card, Point
from bench.codecs.families.jpd_se.maps import Ids, decode_map, encode_map
from bench.codecs.families.learned import WeightedCodec
from bench.codecs.families.neural_stream import (
    LATENTS,
    NeuralStream,
    number_to_bytes,
    read_number,
)
from bench.datasets.cityscapes_truth import read_instance_ids, to_label_ids
from bench.errors import CardError, CodecError, DataError, StreamError
from bench.images.colour import Pixels
from bench.images.image import Image, SideInformation
from bench.instances.predictions import SemanticMap
from bench.runtime.cache import file_digest
from bench.runtime.file_model import FileModel
from bench.tasks.task import Task, described_task, open_task

if TYPE_CHECKING:
    from bench.codecs.families.jpd_se.refiner import Refiner

_MAX_MAP_BYTES = 2**21 - 1  # what its length in the stream can say


class JpdSeOptions(FileModel):
    """A card's ``[jpd-se]``."""

    base: str = Field(description="a codec, or the path of its card as seen from this one")
    map: Literal["labels", "encoder", "decoder", "none"] = Field(
        description="where the map is from: the image's labels, a network at the encoder or at "
        "the decoder, or from nowhere"
    )
    network: str = Field("semantic-toy", description="a semantic task network, which predicts maps")


class JpdSeStream(NeuralStream):
    """The body holds the length of the map, the map, and the base codec's stream."""

    mark = 0xC8
    maker = "JPD-SE"


class JpdSeCodec(WeightedCodec["Refiner"]):
    """A base codec, a source of maps, and a generator."""

    Options = JpdSeOptions
    family = "jpd-se"
    stream = JpdSeStream

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        options = self._options = card.read_options(JpdSeOptions)
        is_path = options.base.endswith(".toml")
        base = str(card.path.parent / options.base) if is_path else options.base
        self.base = load_codec(base)
        if isinstance(self.base, JpdSeCodec):
            raise CardError(f"{card.path}: the base of JPD-SE cannot be JPD-SE")
        own: tuple[SideInformation, ...] = ("instances",) if options.map == "labels" else ()
        self.side_information = (*self.base.side_information, *own)
        sent = ", encode_map(ids)" if self._sends else ""
        self.formulas = (
            f"{self.base.name}.encode(picture){sent}",
            f"x̂ = generator({self.base.name}.decode(stream), ids)",
        )

    def missing(self) -> str | None:
        if missing := super().missing() or self.base.missing():
            return missing
        return described_task(self._options.network).missing() if self._predicts else None

    @property
    def _sends(self) -> bool:
        return self._options.map in ("labels", "encoder")

    @property
    def shows_map(self) -> bool:
        """Whether the generator sees a map."""
        return self._options.map != "none"

    @property
    def points(self) -> tuple[Point, ...]:
        """Those that one generator is for; none if each has its own."""
        return self.card.weights.expected.points if self.card.weights else ()

    @property
    def _predicts(self) -> bool:
        return self._options.map in ("encoder", "decoder")

    @cached_property
    def _network(self) -> Task:
        return open_task(self._options.network)

    def version(self) -> str:
        return ", ".join(filter(None, (self.base.version(), super().version())))

    def depends_on(self) -> dict[str, str]:
        network = {"network": self._network.fingerprint} if self._predicts else {}
        coder = f"constriction {version('constriction')}"
        return super().depends_on() | {"base": self.base.fingerprint, "maps": coder} | network

    def load(self, path: Path, digest: str) -> Refiner:
        from bench.codecs.families.jpd_se.refiner import load_refiner

        return load_refiner(path, digest)

    @classmethod
    def digest(cls, path: Path) -> str:
        return file_digest(path)

    def encode(self, image: Image, point: Point) -> bytes:
        self.check_size(image)
        generator = self.model(self._paths[point])
        base, ids = self.base.encode(image, point), self._sent_map(image)
        coded = b"" if ids is None else encode_map(ids)
        if len(coded) > _MAX_MAP_BYTES:
            raise CodecError(f"{image.name}: a map of {len(coded)} bytes is too large")
        body = number_to_bytes(len(coded)) + coded + base
        size = image.width, image.height
        return self.stream(*size, generator.digest, self._map_checksum(ids), body).to_bytes()

    def map_of(self, image: Image, decoded: Pixels) -> Ids | None:
        """The map that the generator sees of an image that the base codec decodes to this."""
        return self._predicted(decoded) if self._options.map == "decoder" else self._sent_map(image)

    def _sent_map(self, image: Image) -> Ids | None:
        if self._options.map == "encoder":
            return self._predicted(image.pixels)
        if self._options.map != "labels":
            return None
        if image.instances is None:
            raise CodecError(f"{self.name}: {image.name} has no instance labels")
        ids = read_instance_ids(image.instances)
        if ids.shape != (image.height, image.width):
            found = "x".join(map(str, ids.shape[::-1]))
            raise DataError(f"{image.instances}: {found}, not {image.width}x{image.height} ids")
        return ids.astype(np.uint16)

    def _predicted(self, pixels: Pixels) -> Ids:
        found = self._network.predict(pixels)
        if not isinstance(found, SemanticMap):
            raise CardError(f"{self.card.path}: {self._network.name} does not predict maps")
        return to_label_ids(found)

    def decode(self, stream: bytes) -> Pixels:
        header, coded, base = self._parsed(stream)
        generator = self.model_of(header)
        if self._options.map == "decoder" and header.latents != self._map_checksum(None):
            name = self._network.name
            raise StreamError(f"coded for maps of another network than {name}, or other weights")
        pixels = self.base.decode(base)
        if pixels.shape != (header.height, header.width, 3):
            raise StreamError("the stream is damaged: its picture has another size than it says")
        ids = self._received_map(coded, pixels)
        if coded and self._map_checksum(ids) != header.latents:
            raise StreamError("the stream is damaged: it decodes to another map than was coded")
        return generator.refine(pixels, ids)

    def _map_checksum(self, ids: Ids | None) -> bytes:
        """Of the map in the stream, or of the network that predicts it at the decoder."""
        content = b"" if ids is None else ids.astype("<u2").tobytes()
        if self._options.map == "decoder":
            content = self._network.fingerprint.encode()
        return zlib.crc32(content).to_bytes(4, "little")[:LATENTS]

    def _received_map(self, coded: bytes, pixels: Pixels) -> Ids | None:
        if self._options.map == "decoder":
            return self._predicted(pixels)
        height, width, _ = pixels.shape
        return decode_map(coded, width, height) if coded else None

    def parts(self, stream: bytes) -> dict[str, int]:
        _, coded, base = self._parsed(stream)
        header = len(stream) - len(coded) - len(base)
        return {"base": len(base), "semantic": len(coded), "header": header}

    def _parsed(self, stream: bytes) -> tuple[JpdSeStream, bytes, bytes]:
        """What the header says, the coded map, and the base codec's stream."""
        header = self.stream.from_bytes(stream)
        length, start = read_number(header.body, 0)
        end = start + length
        if end > len(header.body) or bool(length) != self._sends:
            raise StreamError("the stream is damaged, or its map is from elsewhere")
        return header, header.body[start:end], header.body[end:]
