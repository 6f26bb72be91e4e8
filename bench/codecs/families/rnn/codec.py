"""The recurrent codec: networks of one set for all points, which are numbers of iterations."""

from __future__ import annotations

import json
import re
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs.codec import Card, Point
from bench.codecs.families.learned import WeightedCodec
from bench.codecs.families.neural_stream import MAX_PARTS, RnnStream
from bench.errors import CardError
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.runtime.cache import file_digests
from bench.runtime.file_model import FileModel

if TYPE_CHECKING:
    from bench.codecs.families.rnn.model import RnnModel

# As the published files are called: encoder_epoch_00000066.pth.
NETWORKS = "encoder", "binarizer", "decoder"
_PUBLISHED = re.compile(rf"({'|'.join(NETWORKS)})(?=[_.])")


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that hold a codec's networks: one of ours, or the published one of each."""
    named = _PUBLISHED.match(path.name)
    if named is None:
        return (path,)
    rest = path.name[named.end() :]
    return tuple(path.with_name(network + rest) for network in NETWORKS)


class RnnOptions(FileModel):
    """A card's ``[rnn]``, which is empty: a file of weights says by its shapes what it is."""


class RnnCodec(WeightedCodec["RnnModel"]):
    """Each iteration codes what is missing; all of them make one progressive stream."""

    Options = RnnOptions
    family = "rnn"
    stream = RnnStream
    formulas = (
        "b₁, b₂ … = binarise(encoder(x - x̂)), x̂ = 0.5 + decoder(b₁) + decoder(b₂) …; code(b)",
        "b = decode(stream); x̂ = 0.5 + decoder(b₁) + decoder(b₂) …",
    )

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        for name, weights in card.sets.items():
            points = weights.expected.points
            if not points or any(point not in range(1, MAX_PARTS + 1) for point in points):
                raise CardError(
                    f"{card.path}: 'weights.{name}.points': expected numbers of iterations, from "
                    f"1 to {MAX_PARTS}"
                )

    def missing(self) -> str | None:
        if missing := super().missing():
            return missing
        files = (file for path in self._paths.values() for file in files_of(path))
        lacking = next((file for file in files if not file.is_file()), None)
        return f"there is no {lacking}, which goes with the others" if lacking else None

    def depends_on(self) -> dict[str, str]:
        found = {path.name: digest for path, digest in self._files.items()}
        coder = f"constriction {version('constriction')}"
        return super().depends_on() | {"weights": json.dumps(found), "bits": coder}

    @cached_property
    def _files(self) -> dict[Path, str]:
        paths = dict.fromkeys(file for path in self._paths.values() for file in files_of(path))
        return file_digests(list(paths))

    def load(self, path: Path, digest: str) -> RnnModel:
        from bench.codecs.families.rnn.model import load_model

        return load_model(path, {file: self._files[file] for file in files_of(path)})

    @classmethod
    def digest(cls, path: Path) -> str:
        from bench.codecs.families.inference import weights_digest
        from bench.codecs.families.rnn.checkpoint import load_rnn

        return weights_digest(load_rnn(path).decoder).hex()

    def encode(self, image: Image, point: Point) -> bytes:
        self.check_size(image)
        model = self.model(self._paths[point])
        parts = model.compress(image.pixels, int(point))
        return self.stream(image.width, image.height, model.digest, tuple(parts)).to_bytes()

    def decode(self, stream: bytes) -> Pixels:
        header = self.stream.from_bytes(stream)
        return self.model_of(header).decompress(header.parts, header.width, header.height)
