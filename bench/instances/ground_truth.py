"""An image's true instances as runs of labels: all that matching needs, in a fraction of the space.

Runs go down the columns, as those of masks do, so that a prediction is compared with all instances
and with void at once without either being drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.instances.run_lengths import RunLengths, from_edges, run_extents


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """A picture's regions, each pixel in one of them: instances, groups of them, and all else.

    Run ``i`` goes from pixel ``edges[i]`` to ``edges[i + 1]`` and is of region ``labels[i]``.
    """

    height: int
    width: int
    ids: NDArray[np.int32]  # of the regions in the file, ascending
    labels: NDArray[np.uint16]
    edges: NDArray[np.int64]
    classes: NDArray[np.int64]  # of the regions, by their place in the data set's; -1 for none
    crowd: NDArray[np.bool_]  # a group, which excuses what finds it, or a region without instances
    void: NDArray[np.bool_]  # what is found there counts for nothing

    has_masks = True

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        return np.bincount(self.labels, np.diff(self.edges), len(self.ids)).astype(np.int64)

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """x0, y0, x1, y1 around each region's pixels, the ends excluded."""
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
        """The pixels of one of the regions."""
        runs = np.flatnonzero(self.labels == place)
        edges = np.stack([self.edges[runs], self.edges[runs + 1]], axis=1).ravel()
        return from_edges(edges, self.height, self.width)

    def intersections(
        self, masks: Sequence[RunLengths], wanted: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The pixels that each mask (a row) shares with each region (a column)."""
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


def label_runs(
    ids: NDArray[np.integer],
) -> tuple[NDArray[np.int32], NDArray[np.uint16], NDArray[np.int64]]:
    """The ids in an array, ascending, and its runs of them: the id of each by its place, edges."""
    flat = ids.T.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    present, labels = np.unique(flat[starts].astype(np.int32), return_inverse=True)
    return present, labels.astype(np.uint16), np.append(starts, len(flat))
