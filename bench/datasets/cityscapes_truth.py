"""What is in Cityscapes' files of labels: instances, and a class for each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.datasets.cityscapes_labels import EVALUATED, LABELS, SEMANTIC
from bench.datasets.cityscapes_polygons import draw_instances
from bench.errors import DataError
from bench.images.image import open_image
from bench.instances.ground_truth import GroundTruth, label_runs
from bench.instances.predictions import UNLABELLED, SemanticMap

_KNOWN = [label.id for label in LABELS]
_VOID = [label.id for label in LABELS if label.void]
_PLACES = np.full(2 + max(_KNOWN), -1)  # of each label's class; the last one is label -1's
_PLACES[[label.id for label in EVALUATED]] = range(len(EVALUATED))

_SEMANTIC_PLACES = np.full(256, UNLABELLED, np.uint8)
_SEMANTIC_PLACES[[label.id for label in LABELS if not label.void]] = range(len(SEMANTIC))

_SEMANTIC_IDS = np.zeros(256, np.uint16)  # of each class; what is of none is unlabeled
_SEMANTIC_IDS[: len(SEMANTIC)] = [label.id for label in LABELS if not label.void]


@dataclass(frozen=True)
class CityscapesInstances:
    """The instances in a ``*_gtFine_instanceIds.png``, or in a ``*_gtFine_polygons.json``."""

    path: Path
    kind: ClassVar = "instances"

    def read(self) -> GroundTruth:
        return read_ground_truth(self.path)


@dataclass(frozen=True)
class CityscapesSemantic:
    """The class of each pixel in a ``*_gtFine_labelIds.png``."""

    path: Path
    kind: ClassVar = "semantic"

    def read(self) -> SemanticMap:
        with open_image(self.path) as opened:
            if opened.mode != "L":
                raise DataError(
                    f"{self.path}: {opened.mode} samples, not the 8 bits of label ids; "
                    "expected *_gtFine_labelIds.png"
                )
            return SemanticMap(_SEMANTIC_PLACES[np.asarray(opened)], SEMANTIC)


def from_instance_ids(instance_ids: NDArray[np.integer]) -> GroundTruth:
    """Of an array of instance ids; one under 1000 is a label without instances, or a group.

    A caravan's instance is not void, though a group of caravans is.
    """
    ids, labels, edges = label_runs(instance_ids)
    of_ids = np.where(ids < 1000, ids, ids // 1000)
    if len(unknown := ids[~np.isin(of_ids, _KNOWN)]):
        raise DataError(f"instance id {unknown[0]} belongs to no label of Cityscapes, 0 to 33")
    regions = _PLACES[of_ids], ids < 1000, np.isin(ids, _VOID)
    height, width = instance_ids.shape
    return GroundTruth(height, width, ids, labels, edges, *regions)


def read_ground_truth(path: Path) -> GroundTruth:
    """From a ``*_gtFine_instanceIds.png``, or from a ``*_gtFine_polygons.json``."""
    instance_ids = read_instance_ids(path)
    try:
        return from_instance_ids(instance_ids)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def read_instance_ids(path: Path) -> NDArray[np.integer]:
    """The instance id of each pixel."""
    if path.suffix == ".json":
        return draw_instances(path)
    with open_image(path) as opened:
        if not opened.mode.startswith("I"):
            raise DataError(
                f"{path}: {opened.mode} samples, not the 16 bits of instance ids; "
                "expected *_gtFine_instanceIds.png"
            )
        return np.asarray(opened)


def to_label_ids(predicted: SemanticMap) -> NDArray[np.uint16]:
    """The label id of each pixel of a map in Cityscapes' classes."""
    if predicted.names != SEMANTIC:
        raise DataError(f"a map of {len(predicted.names)} classes, not of Cityscapes' own")
    return _SEMANTIC_IDS[predicted.classes]
