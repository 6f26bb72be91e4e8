"""The contract every codec keeps: an image to bytes and bytes to an image, at operating points."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar
from uuid import uuid4

from numpy.typing import NDArray

from bench.codecs.weights import WeightSet
from bench.errors import BenchError, CardError
from bench.images.colour import Pixels
from bench.images.image import Image, SideInformation
from bench.runtime.file_model import FileModel, check_model
from bench.runtime.finding import PROGRAMS, Finding
from bench.runtime.object_digest import object_digest
from bench.runtime.sources import source_digest

Point = int | float | str
Options = TypeVar("Options", bound=FileModel)
_DIGEST = 64  # characters
# The input of a codec that cannot be known: it is never taken for what it was before.
UNREPEATABLE = "run"
_THIS_PROCESS = uuid4().hex


@dataclass(frozen=True)
class Card:
    """What a codec is, as its TOML file says; ``options`` is the table its family reads.

    Of a learned codec, a card and one of its weight sets are a codec: ``ncn-lsm:toyscapes``. Where
    none was chosen, ``weights`` is None and the codec cannot run.
    """

    name: str
    title: str
    family: str
    unit: str
    points: dict[str, tuple[Point, ...]]
    options: dict[str, Any]
    anchor: bool = False
    oracle: bool = False
    detects_damage: bool = True
    limits: tuple[float, float] | None = None
    whole: bool = False  # points must be whole numbers: the codec would round others
    about: str = ""
    counted: str = ""
    source: str = ""
    path: Path = Path("card")
    shipped: bool = True  # with bench; else it is a user's own
    sets: Mapping[str, WeightSet] = field(default_factory=dict)
    weights: WeightSet | None = None
    training: Mapping[str, Any] = field(default_factory=dict)  # a recipe for each weight set

    @property
    def reference(self) -> str:
        """What opens it from any folder: its name if it is shipped, else its path."""
        _, colon, weight_set = self.name.partition(":")
        return self.name if self.shipped else f"{self.path.resolve()}{colon}{weight_set}"

    @property
    def middle_point(self) -> Point | None:
        """The point to use if none is named; None without weights."""
        points = self.points["default"]
        return points[len(points) // 2] if points else None

    @property
    def codes_ycbcr(self) -> bool:
        """Whether its encoder gets the picture as YCbCr, by ``bench.images.colour``."""
        return bool(self.options.get("input") == "yuv420p")

    def read_options(self, model: type[Options]) -> Options:
        """The table of its family as the family declares it."""
        return check_model(model, self.options, self.path, CardError, (self.family,))

    def points_for(self, dataset: str) -> tuple[Point, ...]:
        """The default operating points on a dataset, in order of rising rate."""
        return self.points.get(dataset, self.points["default"])


class Codec(ABC):
    """A card's codec on this machine. Threads may share one."""

    # Increased when the family's code gives other bytes or pictures for the same card.
    revision: ClassVar[int] = 1
    # What its encoder looks at beside an image's pixels.
    side_information: tuple[SideInformation, ...] = ()
    # Whether its networks run on a GPU where there is one.
    neural: ClassVar[bool] = False
    # The model of the card's table of the family; None if the family checks it itself.
    Options: ClassVar[type[FileModel] | None] = None

    def __init__(self, card: Card) -> None:
        self.card = card

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def uses_gpu(self) -> bool:
        """Whether it codes on this machine's GPU."""
        return False

    def renewed(self) -> Codec:
        """The codec for a run: another one if what it is made of may have changed."""
        return self

    @abstractmethod
    def missing(self) -> str | None:
        """What this machine lacks to run the codec and how to get it, in one line; else None."""

    def remark(self) -> str | None:
        """What users should know of the codec on this machine (another version), in one line."""
        return None

    def version(self) -> str | None:
        """The version of the software that codes here; None if it is unknown."""
        return None

    @abstractmethod
    def encode(self, image: Image, point: Point) -> bytes:
        """The image's bitstream at an operating point."""

    @abstractmethod
    def decode(self, stream: bytes) -> Pixels:
        """The picture in a stream, from the stream alone; StreamError if it cannot be decoded."""

    def parts(self, stream: bytes) -> dict[str, int]:
        """The bytes of each part of a stream of its own, by name; none if it has no parts."""
        return {}

    def inspect(self, image: Image, point: Point) -> dict[str, NDArray[Any]]:
        """A learned encoder's intermediate results for an image, by name."""
        raise CardError(f"{self.name}: has no latents to inspect")

    @abstractmethod
    def commands(self, point: Point) -> tuple[str, ...]:
        """What encode and decode run, as a command line, for people to read."""

    @abstractmethod
    def depends_on(self) -> dict[str, str]:
        """What decides the bytes besides the card: binaries, weights, versions."""

    def dependencies(self) -> dict[str, str]:
        """The same, with the source of a family that is not bench's own."""
        return self.depends_on() | _source(type(self))

    @classmethod
    def recognise(cls, stream: bytes, weights: Path | None = None) -> str | None:
        """The name or path of a card that decodes the stream, if it is in a format of the family.

        With the user's own ``weights``, any card of the family will do.
        """
        return None

    @classmethod
    def findings(cls, codecs: Sequence[Self]) -> Iterable[Finding]:
        """What ``bench doctor`` reports of the family and its shipped codecs: which cannot run."""
        for codec in codecs:
            if missing := why_missing(codec):
                yield Finding(codec.name, None, "cannot run", missing, PROGRAMS)

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the bytes could: the card's options, binaries, weights, versions."""
        family = f"{self.card.family} {self.revision}"
        parts = {"family": family, "options": self.card.options, **self.dependencies()}
        return _digest(parts)

    def inputs(self) -> dict[str, str]:
        """What decides the bytes, by name."""
        return inputs_of(self.card.options, self.dependencies())


def _source(family: type[Codec]) -> dict[str, str]:
    """The source of a family that is not bench's own, by name."""
    if source := source_digest(family):
        return {"source": source}
    if family.__module__.partition(".")[0] == "bench":
        return {}
    found = object_digest(family)  # defined in a notebook
    return {"source": found.digest} | ({UNREPEATABLE: _THIS_PROCESS} if found.unknown else {})


def why_missing(codec: Codec) -> str | None:
    """What is missing, including settings that cannot be read."""
    try:
        return codec.missing()
    except BenchError as error:
        return str(error)


def inputs_of(options: Mapping[str, Any], depends_on: Mapping[str, str]) -> dict[str, str]:
    """The inputs of a codec whose card had these options."""
    return {"card": _digest(options), **depends_on}


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def title_with_version(title: str, options: Mapping[str, Any], version: str | None) -> str:
    """A card's title, with the version that ran in place of the one that the card expects."""
    expected = options.get("version")
    ran = f"{version} (card: {expected})" if version else f"{expected} (card; unknown version ran)"
    return replace_version(title, options, version, ran)


def replace_version(text: str, options: Mapping[str, Any], version: str | None, ran: str) -> str:
    """The text, with ``ran`` in place of the card's version if another one ran."""
    expected = options.get("version")
    if not isinstance(expected, str) or expected == version:
        return text
    names_it = re.compile(rf"(?<![\w.]){re.escape(expected)}(?!\.?\w)")
    return names_it.sub(lambda _: ran, text, count=1)


def what_changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which inputs of a codec have changed; of a version, both values."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    changes = (_change(name, before.get(name), now.get(name)) for name in names)
    return ", ".join(changes) or "bench itself"


def _change(name: str, before: str | None, now: str | None) -> str:
    short = before and now and len(before) < _DIGEST and len(now) < _DIGEST
    return f"{name} {before}, now {now}" if short else name
