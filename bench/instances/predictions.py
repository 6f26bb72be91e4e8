"""What is said of a whole picture: a class for each pixel, or one for the picture.

The same types serve as labels and as what a network finds; instances have their own
(``detections.py``, ``ground_truth.py``).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Finds = Literal["masks", "boxes", "semantic", "class"]
"""What a network finds: instances by their masks or boxes, a semantic map, or the image's class."""
Labels = Literal["instances", "semantic", "class"]
"""A kind of label."""
UNLABELLED = 255
"""In labels, a pixel that does not count; in what a network finds, one of no class."""


@dataclass(frozen=True, eq=False)
class SemanticMap:
    """The class of each pixel; the order of the names is that of the classes."""

    classes: NDArray[np.uint8]  # (height, width), indices into the names or UNLABELLED
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.classes.ndim != 2 or self.classes.dtype != np.uint8:
            raise ValueError(
                f"a semantic map has two dimensions and 8 bits, not {self.classes.ndim} of "
                f"{self.classes.dtype}"
            )
        known = (self.classes < len(self.names)) | (self.classes == UNLABELLED)
        if not known.all():
            raise ValueError(f"a class that is not in 0 to {len(self.names) - 1}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.classes.shape
        return height, width

    @cached_property
    def digest(self) -> str:
        """A digest of the content."""
        header = f"{self.classes.shape} {self.names}".encode()
        return hashlib.sha256(header + np.ascontiguousarray(self.classes).tobytes()).hexdigest()

    def to_bytes(self) -> bytes:
        header = json.dumps({"size": self.size, "names": self.names}).encode()
        return zlib.compress(header + b"\n" + np.ascontiguousarray(self.classes).tobytes(), 1)

    @classmethod
    def from_header(cls, header: dict[str, Any], pixels: bytes) -> Self:
        """The inverse of ``to_bytes``, of what it has packed."""
        classes = np.frombuffer(pixels, np.uint8).reshape(header["size"])
        return cls(classes, tuple(header["names"]))

    def in_classes(self, names: tuple[str, ...], places: Sequence[int]) -> SemanticMap:
        """The map by other names, given the place of each class among them, or -1."""
        table = np.full(256, UNLABELLED, np.uint8)
        for own, place in enumerate(places):
            if place >= 0:
                table[own] = place
        return SemanticMap(table[self.classes], names)


@dataclass(frozen=True, eq=False)
class ClassScores:
    """A score for each class that a picture may be of; the highest is the likeliest."""

    scores: NDArray[np.float64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.names),):
            raise ValueError(f"{len(self.names)} classes, scores of shape {self.scores.shape}")
        if np.isnan(self.scores).any():
            raise ValueError("a score that is not a number")

    def in_classes(self, names: tuple[str, ...], places: Sequence[int]) -> ClassScores:
        """The scores by other names, given the place of each class among them, or -1."""
        scores = np.full(len(names), -np.inf)
        for own, place in enumerate(places):
            if place >= 0:
                scores[place] = max(scores[place], self.scores[own])
        return ClassScores(scores, names)


@dataclass(frozen=True)
class ImageClass:
    """The class that a picture is of."""

    index: int  # into the names
    names: tuple[str, ...]

    @property
    def digest(self) -> str:
        """A digest of the content."""
        return hashlib.sha256(f"{self.index} {self.names}".encode()).hexdigest()

    def to_bytes(self) -> bytes:
        return zlib.compress(json.dumps({"index": self.index, "names": self.names}).encode())
