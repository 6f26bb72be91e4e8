"""Which boxes or masks find an object, by the rules of COCO's own evaluation.

The hundred best scored detections of each class in an image count. In this order, each takes the
free object of its class that it overlaps most, of equal ones the last. Where all that it overlaps
are taken, a crowd excuses it, which may excuse any number, and an object outside the range of areas
excuses one. A detection that finds nothing is wrong, unless its own area is outside the range.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.objects import Objects
from bench.instances.pseudo_truth import Truth
from bench.instances.run_lengths import mask_areas
from bench.metrics.instance_matching import check_size

OVERLAPS = np.linspace(0.5, 0.95, 10)
# All, small, medium and large: of 32 and of 96 pixels a side. Both ends belong to a range.
AREAS = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])
MAX_DETECTIONS = 100  # of a class in an image

_VERSION = 1
_HEADER = struct.Struct("<BBHI")  # version, bytes of a score, classes present, detections
_RANGES = len(AREAS)
_BITS = len(OVERLAPS)  # one for each overlap, and as many for each range
_BYTES = _RANGES * _BITS // 8
_WHOLE_RANGE = [((1 << _BITS) - 1) << _BITS * index for index in range(_RANGES)]
_EVERY_RANGE = sum(1 << _BITS * index for index in range(_RANGES))

Bits = NDArray[np.uint64]
Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Shares = tuple[Floats, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class CocoMatches:
    """One image's detections, and how many objects there are to be found.

    Of ``hits`` and ``ignored``, bit 10·r + o is of overlap o and range r.
    """

    classes: NDArray[np.int64]
    scores: Floats
    hits: Bits
    ignored: Bits
    present: NDArray[np.int64]  # the classes of objects here
    counts: NDArray[np.int64]  # of each of them (a row), by range
    packed: bytes | None = field(default=None, repr=False)  # as bytes, where it was read from them

    def to_bytes(self) -> bytes:
        """For the store."""
        if self.packed is not None:
            return self.packed
        short = self.scores.astype(np.float32)
        scores = short if (short == self.scores).all() else self.scores
        size = scores.dtype.itemsize
        header = _HEADER.pack(_VERSION, size, len(self.present), len(self.classes))
        bits = np.stack([self.hits, self.ignored]).astype("<u8")
        columns = (
            self.present.astype("<u2"),
            self.counts.astype("<u4"),
            self.classes.astype("<u2"),
            scores.astype(f"<f{size}"),
            bits.view(np.uint8).reshape(2, -1, 8)[:, :, :_BYTES],
        )
        return zlib.compress(header + b"".join(column.tobytes() for column in columns), 1)

    @classmethod
    def from_bytes(cls, packed: bytes) -> CocoMatches:
        """The inverse of ``to_bytes``."""
        try:
            data = zlib.decompress(packed)
            version, size, present, count = _HEADER.unpack_from(data)
        except (zlib.error, struct.error) as error:
            raise DataError(f"matches that are damaged: {error}") from error
        if version != _VERSION:
            raise DataError(
                f"unknown version {version} of matches, expected {_VERSION}; score the images again"
            )
        lengths = (2 * present, 4 * _RANGES * present, 2 * count, size * count, 2 * _BYTES * count)
        edges = np.cumsum([_HEADER.size, *lengths]).tolist()
        if size not in (4, 8) or len(data) != edges[-1]:
            raise DataError("matches that are damaged: not as long as they should be")
        parts = [data[start:end] for start, end in pairwise(edges)]
        bits = np.zeros((2, count, 8), np.uint8)
        bits[:, :, :_BYTES] = np.frombuffer(parts[4], np.uint8).reshape(2, count, _BYTES)
        hits, ignored = bits.reshape(2, -1).view("<u8").astype(np.uint64)
        return cls(
            np.frombuffer(parts[2], "<u2").astype(np.int64),
            np.frombuffer(parts[3], f"<f{size}").astype(np.float64),
            hits,
            ignored,
            np.frombuffer(parts[0], "<u2").astype(np.int64),
            np.frombuffer(parts[1], "<u4").astype(np.int64).reshape(present, _RANGES),
            packed,
        )


def match(truth: Truth | Objects, found: Detections, *, masks: bool) -> CocoMatches:
    """Compare the masks, or the boxes, found in one image with its objects."""
    check_size(truth, found)
    things, kept = np.flatnonzero(truth.classes >= 0), _best(found)
    true_classes, classes = truth.classes[things], found.classes[kept]
    crowd = truth.crowd[things]
    same_class = classes[:, None] == true_classes
    if masks:
        shares, areas = _mask_shares(truth, things, found, kept, same_class)
    else:
        shares, areas = _box_shares(truth.boxes[things], found.boxes[kept], crowd)
    counted = _in_ranges(truth.areas[things]) & ~crowd[:, None]
    hits, ignored = _assign(shares * same_class, counted, crowd, _in_ranges(areas))
    present = np.array(sorted(set(true_classes.tolist())), np.int64)
    counts = (present[:, None] == true_classes).astype(np.int64) @ counted
    return CocoMatches(classes, found.scores[kept], hits, ignored, present, counts)


def _best(found: Detections) -> Places:
    """The detections that count, class by class, by falling score."""
    order = np.lexsort((-found.scores, found.classes))
    classes = found.classes[order]
    return order[np.arange(len(order)) - np.searchsorted(classes, classes) < MAX_DETECTIONS]


def _in_ranges(areas: NDArray[Any]) -> NDArray[np.bool_]:
    column = areas[:, None]
    inside: NDArray[np.bool_] = (column >= AREAS[:, 0]) & (column <= AREAS[:, 1])
    return inside


def _box_shares(true: NDArray[Any], found: Floats, crowd: NDArray[np.bool_]) -> Shares:
    """The intersection over union of each pair of boxes; then the area of each box found.

    They go through widths and heights, as COCO's files do, to round as COCO's tool rounds.
    """
    sizes, true_sizes = found[:, 2:] - found[:, :2], true[:, 2:] - true[:, :2]
    ends = np.minimum((found[:, :2] + sizes)[:, None], true[:, :2] + true_sizes)
    sides = np.maximum(ends - np.maximum(found[:, None, :2], true[:, :2]), 0)
    areas, true_areas = (each[:, 0] * each[:, 1] for each in (sizes, true_sizes))
    return _shares(sides[..., 0] * sides[..., 1], areas, true_areas, crowd), areas


def _mask_shares(
    truth: Truth | Objects,
    things: Places,
    found: Detections,
    kept: Places,
    same_class: NDArray[np.bool_],
) -> Shares:
    """The intersection over union of each pair of masks that may reach an overlap; then the area
    of each mask found."""
    if found.masks is None or not truth.has_masks:
        raise DataError("detections or labels without masks; their boxes can be compared")
    masks = [found.masks[place] for place in kept.tolist()]
    areas = mask_areas(masks)
    true_areas = mask_areas([truth.mask(place) for place in things.tolist()])
    smaller = np.minimum(areas[:, None], true_areas)
    alike = smaller >= OVERLAPS[0] * np.maximum(areas[:, None], true_areas)
    crowd = truth.crowd[things]
    wanted = np.zeros((len(kept), len(truth.classes)), np.bool_)
    wanted[:, things] = same_class & (alike | crowd)
    shared = truth.intersections(masks, wanted)[:, things]
    return _shares(shared, areas, true_areas, crowd), areas


def _shares(
    shared: NDArray[Any], areas: NDArray[Any], true_areas: NDArray[Any], crowd: NDArray[np.bool_]
) -> Floats:
    """Intersection over union; over the detection alone where the other is a crowd."""
    union = np.where(crowd, areas[:, None], areas[:, None] + true_areas - shared)
    shares: Floats = np.zeros(shared.shape)
    np.divide(shared, union, out=shares, where=shared > 0)
    return shares


def _assign(
    shares: Floats, counted: NDArray[np.bool_], crowd: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> tuple[Bits, Bits]:
    """Which detections are hits and which are ignored, at every overlap and range of areas at once.

    ``counted`` are the ranges for which an object (a row) is to be found, ``inside`` those of a
    detection's own area.
    """
    detection, thing = np.nonzero(shares >= OVERLAPS[0])
    share = shares[detection, thing]
    order = np.lexsort((-thing, -share, detection))  # each detection's best first
    reached = np.searchsorted(OVERLAPS, share, side="right")
    overlaps = ((np.int64(1) << reached) - 1) * _EVERY_RANGE
    pairs = [column[order].tolist() for column in (detection, thing, overlaps)]
    wanted, is_crowd = (counted @ _WHOLE_RANGE).tolist(), crowd.tolist()
    taken, used = [0] * len(shares), [0] * len(crowd)
    for row, column, able in zip(*pairs, strict=True):
        take = able & wanted[column] & ~(taken[row] | used[column])
        taken[row] |= take
        used[column] |= take
    hits = np.array(taken, np.uint64)
    for row, column, able in zip(*pairs, strict=True):
        take = able & ~(wanted[column] | taken[row] | used[column])
        taken[row] |= take
        if not is_crowd[column]:
            used[column] |= take
    found = np.array(taken, np.uint64)
    outside = (~inside @ _WHOLE_RANGE).astype(np.uint64)
    return hits, (found & ~hits) | (outside & ~found)
