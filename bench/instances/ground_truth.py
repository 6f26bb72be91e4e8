"""An image's true instances as runs of labels: all that matching needs, in a fraction of the space.

Runs go down the columns, as those of masks do, so that a prediction is compared with all instances
and with void at once without either being drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.images.image import open_image
from bench.instances.labels import LABELS
from bench.instances.polygons import draw_instances
from bench.instances.run_lengths import RunLengths, from_edges, run_extents

_KNOWN = [label.id for label in LABELS]
_VOID = [label.id for label in LABELS if label.void]


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What an instance-id image holds. An id under 1000 is a label without instances, or a group.

    Run ``i`` goes from pixel ``edges[i]`` to ``edges[i + 1]`` and is of ``ids[labels[i]]``.
    """

    height: int
    width: int
    ids: NDArray[np.int32]  # those present, ascending
    labels: NDArray[np.uint16]
    edges: NDArray[np.int64]

    @cached_property
    def label_ids(self) -> NDArray[np.int32]:
        """The Cityscapes label of each id."""
        return np.where(self.ids < 1000, self.ids, self.ids // 1000)

    @cached_property
    def void(self) -> NDArray[np.bool_]:
        """Which ids are void; a caravan's instance is not, though a group of caravans is."""
        return np.isin(self.ids, _VOID)

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        return np.bincount(self.labels, np.diff(self.edges), len(self.ids)).astype(np.int64)

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """x0, y0, x1, y1 around each id's pixels, the ends excluded."""
        boxes = np.zeros((len(self.ids), 4), np.int64)
        boxes[:, :2] = max(self.height, self.width)
        extents = run_extents(self.edges[:-1], self.edges[1:], self.height)
        for side, extent in enumerate(extents):
            (np.minimum if side < 2 else np.maximum).at(boxes[:, side], self.labels, extent)
        return boxes

    @cached_property
    def digest(self) -> str:
        """A digest of the content."""
        columns = (self.ids.astype("<i4"), self.labels.astype("<u2"), self.edges.astype("<i8"))
        header = f"{self.height} {self.width} {len(self.ids)} ".encode()
        return hashlib.sha256(header + b"".join(map(np.ndarray.tobytes, columns))).hexdigest()

    def mask(self, place: int) -> RunLengths:
        """The pixels of one of the ids."""
        runs = np.flatnonzero(self.labels == place)
        edges = np.stack([self.edges[runs], self.edges[runs + 1]], axis=1).ravel()
        return from_edges(edges, self.height, self.width)

    def intersections(self, masks: Sequence[RunLengths]) -> NDArray[np.int64]:
        """The pixels that each mask (a row) shares with each id (a column)."""
        runs = [mask.runs() for mask in masks]
        owners = np.repeat(np.arange(len(masks)), [len(starts) for starts, _ in runs])
        if not len(owners):
            return np.zeros((len(masks), len(self.ids)), np.int64)
        starts, ends = (np.concatenate(sides) for sides in zip(*runs, strict=True))
        # Each run of a mask is cut into pieces where the label under it changes.
        first = np.searchsorted(self.edges, starts, "right") - 1
        pieces = np.searchsorted(self.edges, ends, "left") - first
        pieces[ends == starts] = 0
        offset = pieces.cumsum() - pieces
        run = np.repeat(np.arange(len(starts)), pieces)
        under = np.arange(len(run)) - offset[run] + first[run]
        last = np.minimum(ends[run], self.edges[under + 1])
        length = last - np.maximum(starts[run], self.edges[under])
        cell = owners[run] * len(self.ids) + self.labels[under]
        shared = np.bincount(cell, length, len(masks) * len(self.ids))
        return shared.astype(np.int64).reshape(len(masks), len(self.ids))


def from_instance_ids(instance_ids: NDArray[np.integer]) -> GroundTruth:
    """Of an array of Cityscapes' instance ids."""
    height, width = instance_ids.shape
    flat = instance_ids.T.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    ids, labels = np.unique(flat[starts].astype(np.int32), return_inverse=True)
    unknown = ids[~np.isin(np.where(ids < 1000, ids, ids // 1000), _KNOWN)]
    if len(unknown):
        raise DataError(f"instance id {unknown[0]} belongs to no label of Cityscapes, 0 to 33")
    edges = np.append(starts, len(flat))
    return GroundTruth(height, width, ids, labels.astype(np.uint16), edges)


def read_ground_truth(path: Path) -> GroundTruth:
    """From a ``*_gtFine_instanceIds.png``, or from a ``*_gtFine_polygons.json``."""
    instance_ids = read_instance_ids(path)
    try:
        return from_instance_ids(instance_ids)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def read_instance_ids(path: Path) -> NDArray[np.integer]:
    """The instance id of each pixel, as in Cityscapes."""
    if path.suffix == ".json":
        return draw_instances(path)
    with open_image(path) as opened:
        if not opened.mode.startswith("I"):
            raise DataError(
                f"{path}: {opened.mode} samples, not the 16 bits of instance ids; "
                "expected *_gtFine_instanceIds.png"
            )
        return np.asarray(opened)
