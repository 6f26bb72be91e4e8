"""A dataset: named images in a fixed order, and what is known of each besides its pixels."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from bench.errors import DataError
from bench.images.image import Image, pixel_digest, read_image, read_pixels
from bench.runtime.cache import remembered_digests
from bench.runtime.finding import Described
from bench.runtime.text import grouped

Progress = Callable[[str, int, int], None]
"""Called with what is being prepared, how much of it is done, and the total."""
_FEW = 3


@dataclass(frozen=True)
class Entry:
    """One image of a dataset on disk."""

    name: str
    path: Path
    instances: Path | None = None
    depth: Path | None = None

    def load(self) -> Image:
        return Image(self.name, read_pixels(self.path), self.instances, self.depth)


@dataclass(frozen=True)
class Dataset:
    """Images in a fixed order; ``kind`` names the weights and operating points that go with it."""

    kind: str
    name: str
    entries: tuple[Entry, ...]
    remark: str | None = None
    folder: str | None = None  # of a dataset that is known by its folder
    version: str | None = None  # of a dataset that has versions
    progress: Progress | None = None

    def limited(self, limit: int | None) -> Dataset:
        """The first images only; a slice has a name of its own, for its figures are its own."""
        if limit is None or limit >= len(self.entries):
            return self
        if limit < 1:
            raise DataError(f"--limit {limit}: at least one image is needed")
        return replace(self, name=f"{self.name}[:{limit}]", entries=self.entries[:limit])

    @cached_property
    def _read(self) -> dict[str, list[str]]:
        """The digest of each image's pixels, then the notes on it, by name."""
        known = remembered_digests(
            "upright pixels",
            [entry.path for entry in self.entries],
            _digest_and_notes,
            self.progress and partial(self.progress, f"reading {self.name}"),
        )
        return {entry.name: known[entry.path].split("\n") for entry in self.entries}

    @cached_property
    def digests(self) -> dict[str, str]:
        """The digest of each image's pixels, by name."""
        return {name: digest for name, (digest, *_) in self._read.items()}

    @property
    def remarks(self) -> list[str]:
        """What is worth knowing of the set, and of how its images were read."""
        read = self._read.items()
        by_note = grouped((note, name) for name, (_, *notes) in read for note in notes)
        remarks = [self.remark] if self.remark else []
        return remarks + [f"{_some(names)}: {note}" for note, names in by_note.items()]

    @cached_property
    def truths(self) -> dict[str, str]:
        """The digest of each labelled image's instances, by name."""
        from bench.instances.ground_truth import read_ground_truth

        labelled = {entry.name: entry.instances for entry in self.entries if entry.instances}
        known = remembered_digests(
            "instances",
            list(labelled.values()),
            lambda path: read_ground_truth(path).digest,
            self.progress and partial(self.progress, f"reading the labels of {self.name}"),
        )
        return {name: known[path] for name, path in labelled.items()}

    @cached_property
    def digest(self) -> str:
        """Names the whole set: each image's name and pixels, in order."""
        lines = [f"{entry.name} {self.digests[entry.name]}\n" for entry in self.entries]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


class DatasetSource(Described, ABC):
    """Where ``--data NAME`` finds its images, and its description before it is opened."""

    kind: str  # whose weights, operating points and task go with it, such as "cityscapes"
    variants: tuple[str, ...] = ()  # what may follow the name, as ":train" does

    @abstractmethod
    def open(
        self, variant: str, *, root: Path | None, limit: int | None, progress: Progress | None
    ) -> Dataset:
        """What follows the name's colon, or for "" the usual; no more than ``limit`` are used."""


def _digest_and_notes(path: Path) -> str:
    pixels, notes = read_image(path)
    return "\n".join([pixel_digest(pixels), *notes])


def _some(names: list[str]) -> str:
    """The names of a few images; of more, how many there are."""
    if len(names) <= _FEW:
        return ", ".join(names)
    return f"{len(names)} images ({', '.join(names[:_FEW])}, …)"
