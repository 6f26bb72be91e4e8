"""Pseudo ground truth: what a network itself finds in the uncompressed image.

A semantic map and the best class are taken as they are. Instances may overlap, as detected masks
do, and nothing is void: all other detections are wrong. So the detections in the uncompressed image
are exactly right.
"""

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

from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.ground_truth import GroundTruth
from bench.instances.objects import Objects, objects_found
from bench.instances.predictions import ClassScores, ImageClass, SemanticMap
from bench.instances.run_lengths import RunLengths, encode, from_coco

# Of the classes in stores of versions up to 5, which held ids as Cityscapes' files do.
_LABELS_UNTIL_5 = (24, 25, 26, 27, 28, 31, 32, 33)


@dataclass(frozen=True, eq=False)
class PseudoTruth:
    """A class and a mask for each region; the first one, of class -1, is the background."""

    height: int
    width: int
    classes: NDArray[np.int64]
    masks: tuple[RunLengths, ...]

    @cached_property
    def crowd(self) -> NDArray[np.bool_]:
        return np.zeros(len(self.classes), np.bool_)

    @property
    def void(self) -> NDArray[np.bool_]:
        return self.crowd

    has_masks = True

    @cached_property
    def areas(self) -> NDArray[np.int64]:
        return np.array([mask.area for mask in self.masks])

    @cached_property
    def boxes(self) -> NDArray[np.int64]:
        """x0, y0, x1, y1 around each region's pixels, the ends excluded."""
        return np.array([mask.box() for mask in self.masks])

    @cached_property
    def digest(self) -> str:
        """A digest of the content."""
        return hashlib.sha256(self._content()).hexdigest()

    def mask(self, place: int) -> RunLengths:
        return self.masks[place]

    def intersections(
        self, masks: Sequence[RunLengths], wanted: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The pixels that each mask (a row) shares with each region (a column)."""
        return np.stack([layer.intersections(masks)[:, 1] for layer in self._layers], axis=1)

    @cached_property
    def _layers(self) -> list[GroundTruth]:
        """Each region alone, as a map of background and instance."""
        return [_layer(mask) for mask in self.masks]

    def to_bytes(self) -> bytes:
        return zlib.compress(self._content(), 1)

    def _content(self) -> bytes:
        masks = [mask.to_coco() for mask in self.masks]
        return json.dumps({"classes": self.classes.tolist(), "masks": masks}).encode()

    @classmethod
    def from_header(cls, header: dict[str, Any]) -> Self:
        """The inverse of ``to_bytes``, of what it has packed."""
        masks = tuple(map(from_coco, header["masks"]))
        if "classes" in header:
            classes = np.array(header["classes"], np.int64)
        else:
            labels = np.array(header["ids"]) // 1000
            classes = np.where(labels, np.searchsorted(_LABELS_UNTIL_5, labels), -1)
        return cls(masks[0].height, masks[0].width, classes, masks)


Prediction = Detections | SemanticMap | ClassScores
"""What a network finds in a picture."""
Truth = GroundTruth | PseudoTruth
"""An image's instances, from labels or from a network's own detections."""
Pseudo = PseudoTruth | Objects | SemanticMap | ImageClass
"""What a network finds in the uncompressed image, as ground truth."""


def to_pseudo_truth(found: Prediction, least_score: float) -> Pseudo:
    """What was found as ground truth; of detections, those of at least that score."""
    if isinstance(found, SemanticMap):
        return found
    if isinstance(found, ClassScores):
        return ImageClass(int(found.scores.argmax()), found.names)
    if found.masks is None:
        return objects_found(found, least_score)
    return _instances(found, least_score)


def read_pseudo_truth(data: bytes) -> Pseudo:
    """The inverse of ``to_bytes``; raises ValueError if the data are damaged."""
    try:
        head, _, rest = zlib.decompress(data).partition(b"\n")
        header = json.loads(head)
        if "size" in header:
            return SemanticMap.from_header(header, rest)
        if "index" in header:
            return ImageClass(header["index"], tuple(header["names"]))
        return (Objects if "boxes" in header else PseudoTruth).from_header(header)
    except (DataError, zlib.error, LookupError, TypeError) as error:
        raise ValueError(f"a damaged pseudo truth: {error}") from error


def is_empty(truth: Pseudo) -> bool:
    """Whether a network found nothing at all."""
    return isinstance(truth, PseudoTruth | Objects) and not (truth.classes >= 0).any()


def _instances(found: Detections, least_score: float) -> PseudoTruth:
    assert found.masks is not None
    height, width = found.size
    nothing = np.ones(found.size, np.bool_)
    classes, masks = [-1], list[RunLengths]()
    for place in np.flatnonzero(found.scores >= least_score):
        mask = found.masks[place]
        if not mask.area:
            continue
        classes.append(int(found.classes[place]))
        masks.append(mask)
        nothing &= ~mask.decode()
    return PseudoTruth(height, width, np.array(classes), (encode(nothing), *masks))


def _layer(mask: RunLengths) -> GroundTruth:
    filled = np.flatnonzero(mask.counts)
    edges = np.concatenate([[0], mask.counts[filled].cumsum()])
    labels = (filled % 2).astype(np.uint16)
    ids, nothing = np.array([0, 1], np.int32), np.zeros(2, np.bool_)
    classes = np.array([-1, 0])
    return GroundTruth(mask.height, mask.width, ids, labels, edges, classes, nothing, nothing)
