"""Labelled objects that may overlap, each with its own box and perhaps its own mask."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.instances.detections import Detections
from bench.instances.run_lengths import RunLengths, mask_areas, shared_pixels


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects in one picture, one a row; a crowd is a region of many."""

    height: int
    width: int
    classes: NDArray[np.int64]  # their places among the data set's classes
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]  # in pixels, as labelled: of the outline rather than the box
    boxes: NDArray[np.float64]  # x0, y0, x1, y1, the ends excluded
    masks: tuple[RunLengths, ...] | None = None
    known_digest: str | None = None  # of the labels that they were read from

    def __post_init__(self) -> None:
        count = len(self.classes)
        shapes = (self.crowd.shape, self.areas.shape, self.boxes.shape)
        if shapes != ((count,), (count,), (count, 4)):
            raise ValueError(f"{count} classes, crowds, areas and boxes of shapes {shapes}")
        if self.masks is not None and len(self.masks) != count:
            raise ValueError(f"{count} classes, {len(self.masks)} masks")

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def has_masks(self) -> bool:
        return self.masks is not None

    @cached_property
    def void(self) -> NDArray[np.bool_]:
        return np.zeros(len(self), np.bool_)

    def mask(self, place: int) -> RunLengths:
        """The pixels of one of the objects."""
        return self._drawn[place]

    def intersections(
        self, masks: Sequence[RunLengths], wanted: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The pixels that each mask (a row) shares with each object (a column), or of those pairs
        that are ``wanted``."""
        if wanted is None:
            wanted = np.ones((len(masks), len(self)), np.bool_)
        return shared_pixels(masks, self._drawn, wanted)

    @property
    def _drawn(self) -> tuple[RunLengths, ...]:
        if self.masks is None:
            raise ValueError("objects without masks")
        return self.masks

    @cached_property
    def digest(self) -> str:
        """A digest of the content."""
        if self.known_digest is not None:
            return self.known_digest
        content = hashlib.sha256(f"{self.height} {self.width} {len(self)}".encode())
        columns = (
            (self.classes, "<i8"),
            (self.crowd, "u1"),
            (self.areas, "<f8"),
            (self.boxes, "<f8"),
        )
        for column, kind in columns:
            content.update(column.astype(kind).tobytes())
        for mask in self.masks or ():
            content.update(mask.counts.astype("<i8").tobytes() + b"|")
        return content.hexdigest()

    def to_bytes(self) -> bytes:
        """As pseudo ground truth: boxes alone."""
        sides = {"height": self.height, "width": self.width}
        found = {"classes": self.classes.tolist(), "boxes": self.boxes.tolist()}
        return zlib.compress(json.dumps(sides | found).encode(), 1)

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> Self:
        """The inverse of ``to_bytes``, of what it has packed."""
        boxes = np.array(header["boxes"], np.float64).reshape(-1, 4)
        areas, nothing = _box_areas(boxes), np.zeros(len(boxes), np.bool_)
        classes = np.array(header["classes"], np.int64)
        return cls(header["height"], header["width"], classes, nothing, areas, boxes)


def objects_found(found: Detections, least_score: float) -> Objects:
    """A network's own detections of at least that score, as pseudo ground truth."""
    wanted = (found.scores >= least_score) & (_box_areas(found.boxes) > 0)
    kept = np.flatnonzero(wanted)
    boxes, masks = found.boxes[kept], found.masks
    areas = _box_areas(boxes)
    if masks is not None:
        masks = tuple(masks[place] for place in kept)
        areas = mask_areas(masks).astype(np.float64)
    nothing = np.zeros(len(kept), np.bool_)
    return Objects(*found.size, found.classes[kept], nothing, areas, boxes, masks)


def _box_areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return areas
