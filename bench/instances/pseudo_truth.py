"""Pseudo ground truth: a network's own detections in the uncompressed image.

Instances may overlap, as detected masks do, and nothing is void: all other detections are wrong. So
the detections in the uncompressed image are exactly right.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.ground_truth import GroundTruth
from bench.instances.labels import EVALUATED
from bench.instances.run_lengths import RunLengths, encode, from_coco


@dataclass(frozen=True, eq=False)
class PseudoTruth:
    """A mask for each id; the first one, 0, is the background."""

    height: int
    width: int
    ids: NDArray[np.int32]
    masks: tuple[RunLengths, ...]

    @cached_property
    def label_ids(self) -> NDArray[np.int32]:
        """The Cityscapes label of each id."""
        return self.ids // 1000

    @cached_property
    def void(self) -> NDArray[np.bool_]:
        return np.zeros(len(self.ids), np.bool_)

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        return np.array([mask.area for mask in self.masks])

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """x0, y0, x1, y1 around each id's pixels, the ends excluded."""
        return np.array([mask.box() for mask in self.masks])

    @cached_property
    def digest(self) -> str:
        """A digest of the content."""
        return hashlib.sha256(self._content()).hexdigest()

    def mask(self, place: int) -> RunLengths:
        return self.masks[place]

    def intersections(self, masks: Sequence[RunLengths]) -> NDArray[np.int64]:
        """The pixels that each mask (a row) shares with each id (a column)."""
        return np.stack([layer.intersections(masks)[:, 1] for layer in self._layers], axis=1)

    @cached_property
    def _layers(self) -> list[GroundTruth]:
        """Each id alone, as a map of background and instance."""
        return [_layer(mask) for mask in self.masks]

    def to_bytes(self) -> bytes:
        return zlib.compress(self._content(), 1)

    def _content(self) -> bytes:
        masks = [mask.to_coco() for mask in self.masks]
        return json.dumps({"ids": self.ids.tolist(), "masks": masks}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> PseudoTruth:
        """The inverse of ``to_bytes``; raises ValueError if the data are damaged."""
        try:
            content = json.loads(zlib.decompress(data))
            masks = tuple(map(from_coco, content["masks"]))
            ids = np.array(content["ids"], np.int32)
            return cls(masks[0].height, masks[0].width, ids, masks)
        except (DataError, zlib.error, LookupError, TypeError) as error:
            raise ValueError(f"a damaged pseudo truth: {error}") from error


Truth = GroundTruth | PseudoTruth
"""An image's instances, from labels or from a network's own detections."""


def to_pseudo_truth(found: Detections, least_score: float) -> PseudoTruth:
    """The detections with at least that score as ground truth."""
    assert found.masks is not None
    height, width = found.size
    nothing = np.ones(found.size, np.bool_)
    ids, masks = [0], list[RunLengths]()
    counts = dict.fromkeys((label.id for label in EVALUATED), 0)
    for place in np.flatnonzero(found.scores >= least_score):
        mask = found.masks[place]
        if not mask.area:
            continue
        label = EVALUATED[found.classes[place]].id
        ids.append(1000 * label + counts[label])
        counts[label] += 1
        masks.append(mask)
        nothing &= ~mask.decode()
    return PseudoTruth(height, width, np.array(ids, np.int32), (encode(nothing), *masks))


def _layer(mask: RunLengths) -> GroundTruth:
    filled = np.flatnonzero(mask.counts)
    edges = np.concatenate([[0], mask.counts[filled].cumsum()])
    labels = (filled % 2).astype(np.uint16)
    return GroundTruth(mask.height, mask.width, np.array([0, 1], np.int32), labels, edges)
