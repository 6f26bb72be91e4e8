"""A dataset: named images in a fixed order, and what is known of each besides its pixels."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from bench.errors import DataError
from bench.images.image import Image, SideInformation, pixel_digest, read_image, read_pixels
from bench.instances.predictions import ImageClass, Labels
from bench.runtime.cache import file_digest, remembered_digests
from bench.runtime.finding import Described
from bench.runtime.text import grouped

NOUNS: dict[Labels, str] = {
    "instances": "instance labels",
    "semantic": "semantic labels",
    "class": "class labels",
}
Progress = Callable[[str, int, int], None]
"""Called with what is being prepared, how much of it is done, and the total."""
_FEW = 3


class LabelFile(Protocol):
    """A file with labels of an image, and how it is read; a frozen dataclass, so that it pickles.

    Files of one ``kind`` are read alike. What is read has a ``digest``.
    """

    @property
    def path(self) -> Path: ...
    @property
    def kind(self) -> str: ...
    def read(self) -> Any: ...


def digest_of(file: LabelFile) -> str:
    """The digest of what is in a file; one that knows it without reading all has it itself."""
    digest: str = file.digest if hasattr(file, "digest") else file.read().digest
    return digest


@dataclass(frozen=True)
class Entry:
    """One image of a dataset on disk, and what is known of it."""

    name: str
    path: Path
    instances: LabelFile | None = None
    depth: Path | None = None
    semantic: LabelFile | None = None
    image_class: ImageClass | None = None

    def load(self) -> Image:
        instances = self.instances.path if self.instances else None
        return Image(self.name, read_pixels(self.path), instances, self.depth)

    def side_digest(self, kinds: Iterable[SideInformation]) -> str | None:
        """The digest of what an encoder looks at beside the pixels; None if that is nothing."""
        files = ((kind, self._side_file(kind)) for kind in kinds)
        return ", ".join(f"{kind} {file_digest(file)}" for kind, file in files if file) or None

    def lacking(self, kinds: Iterable[SideInformation]) -> SideInformation | None:
        """The first kind of side information that is not known."""
        return next((kind for kind in kinds if self._side_file(kind) is None), None)

    def _side_file(self, kind: SideInformation) -> Path | None:
        if kind == "depth":
            return self.depth
        return self.instances.path if self.instances else None

    def label(self, labels: Labels) -> LabelFile | ImageClass | None:
        """The labels of a kind, or their file; None if they are unknown."""
        if labels == "class":
            return self.image_class
        return self.instances if labels == "instances" else self.semantic

    def truth(self, labels: Labels) -> Any:
        """The labels of a kind."""
        label = self.label(labels)
        if label is None:
            raise DataError(f"{self.name}: no {NOUNS[labels]}")
        return label if isinstance(label, ImageClass) else label.read()


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
    classes: Mapping[Labels, tuple[str, ...]] = field(default_factory=dict)  # of each kind of label
    measures: tuple[str, ...] = ()  # by which tasks are judged, before others

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

    def truths(self, labels: Labels) -> dict[str, str]:
        """The digest of each image's labels of a kind, by name."""
        if labels not in self._truths:
            self._truths[labels] = self._read_truths(labels)
        return self._truths[labels]

    @cached_property
    def _truths(self) -> dict[Labels, dict[str, str]]:
        return {}

    def _read_truths(self, labels: Labels) -> dict[str, str]:
        digests: dict[str, str] = {}
        files: dict[str, LabelFile] = {}
        for entry in self.entries:
            label = entry.label(labels)
            if isinstance(label, ImageClass):
                digests[entry.name] = label.digest
            elif label is not None:
                files[entry.name] = label
        by_path = {file.path: file for file in files.values()}
        if len(by_path) < len(files):  # one file has the labels of several images
            return digests | {name: digest_of(file) for name, file in files.items()}
        progress = self.progress and partial(self.progress, f"reading the labels of {self.name}")
        for kind in {file.kind for file in files.values()}:
            own = {name: file.path for name, file in files.items() if file.kind == kind}
            known = remembered_digests(
                kind, [*own.values()], lambda path: digest_of(by_path[path]), progress
            )
            digests |= {name: known[path] for name, path in own.items()}
        return digests

    @cached_property
    def digest(self) -> str:
        """Names the whole set: each image's name and pixels, in order."""
        lines = [f"{entry.name} {self.digests[entry.name]}\n" for entry in self.entries]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


class DatasetSource(Described, ABC):
    """Where ``--data NAME`` finds its images, and its description before it is opened."""

    kind: str  # whose weights, operating points and task go with it, such as "cityscapes"
    variants: tuple[str, ...] = ()  # what may follow the name, as ":train" does
    by_folder: bool = False  # whether that is a folder
    version: str | None = None  # of its images, if it has versions

    @abstractmethod
    def open(
        self, variant: str, *, root: Path | None, limit: int | None, progress: Progress | None
    ) -> Dataset:
        """What follows the name's colon, or for "" the usual; no more than ``limit`` are used."""

    def address(self, variant: str) -> str | None:
        """The ``folder`` of the data set that would be opened, if it is known by one."""
        return None


def _digest_and_notes(path: Path) -> str:
    pixels, notes = read_image(path)
    return "\n".join([pixel_digest(pixels), *notes])


def _some(names: list[str]) -> str:
    """The names of a few images; of more, how many there are."""
    if len(names) <= _FEW:
        return ", ".join(names)
    return f"{len(names)} images ({', '.join(names[:_FEW])}, …)"
