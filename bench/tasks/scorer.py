"""Scorers: task networks whose detections in a picture are matched with the ground truth.

The ground truth is the data set's labels or, without any, the network's own detections in the
uncompressed picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.datasets import Dataset
from bench.errors import DataError
from bench.images.colour import Pixels
from bench.images.image import Image
from bench.instances.detections import Detections
from bench.instances.ground_truth import read_ground_truth
from bench.instances.pseudo_truth import PseudoTruth, Truth, to_pseudo_truth
from bench.metrics.matches import Matches
from bench.tasks.task import Task

# Changes whenever the same detections would be matched differently.
_VERSION = "1"
# Changes whenever the same detections would give another pseudo ground truth.
_PSEUDO_VERSION = "2"
PSEUDO = "pseudo"


@dataclass(frozen=True, eq=False)
class Scorer:
    """A task network, and the ground truth that it is scored against."""

    task: Task
    pseudo: float | None = None  # its own detections on the original of at least that score
    opened_by: str = ""  # what open_task makes the task of, and by which engine
    engine: str = "bench"

    @property
    def name(self) -> str:
        return self.task.name if self.pseudo is None else f"{self.task.name}:{PSEUDO}"

    @property
    def title(self) -> str:
        if self.pseudo is None:
            return self.task.title
        return f"{self.task.title}; pseudo ground truth, score {self.pseudo:g} or more"

    @cached_property
    def fingerprint(self) -> str:
        truth = "labels" if self.pseudo is None else f"{PSEUDO} {_PSEUDO_VERSION} {self.pseudo!r}"
        parts = (self.task.fingerprint, truth, _VERSION)
        return hashlib.sha256(" | ".join(parts).encode()).hexdigest()

    def truth_of(self, image: Image) -> Truth:
        """The ground truth of an image."""
        if self.pseudo is not None:
            return to_pseudo_truth(self.task.detect(image.pixels), self.pseudo)
        if image.instances is None:
            raise DataError(f"{image.name}: no instance labels")
        return read_ground_truth(image.instances)

    def score(self, pixels: Pixels, truth: Truth) -> Matches:
        """Run the network on a picture, and match its detections with the ground truth."""
        return self.judge(self.task.detect(pixels), truth)

    def judge(self, found: Detections, truth: Truth) -> Matches:
        """Match detections with the ground truth."""
        if self.task.masks:
            from bench.metrics.instance_matching import match

            return match(truth, found)
        from bench.metrics.box_ap import match_boxes

        return match_boxes(truth, found)


@dataclass(frozen=True, eq=False)
class ScoreRecord:
    """How one scorer's detections in one picture match the ground truth."""

    scorer: str  # its fingerprint
    truth: str  # names the labels
    matches: Matches
    pseudo_ground_truth: PseudoTruth | None = None  # made from the network's own detections


def make_scorers(
    tasks: Mapping[str, Task], engine: str, dataset: Dataset, truth: str, score: float
) -> tuple[Scorer, ...]:
    """The scorers of tasks on a data set; without labels, it needs pseudo ground truth."""
    pseudo = score if truth == PSEUDO else None
    boxes = [task.name for task in tasks.values() if not task.masks]
    bare = [entry.name for entry in dataset.entries if entry.instances is None]
    if pseudo is not None and boxes:
        raise DataError(
            f"--truth pseudo: {boxes[0]} finds only boxes; expected a network that finds masks"
        )
    if pseudo is None and tasks and bare:
        count, first = len(dataset.entries), next(iter(tasks.values())).name
        which = "none of its images has" if len(bare) == count else f"{bare[0]} has no"
        raise DataError(
            f"{dataset.name}: {which} instance labels to score {first} against; "
            "use --truth pseudo for its detections in the uncompressed images instead"
        )
    return tuple(Scorer(task, pseudo, name, engine) for name, task in tasks.items())
