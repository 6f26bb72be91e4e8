"""Scorers: task networks with the measure by which what they find is held to the ground truth.

The ground truth is the data set's labels or, without any, what the network itself finds in the
uncompressed picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.datasets import Dataset, Entry
from bench.datasets.dataset import NOUNS
from bench.errors import DataError
from bench.images.colour import Pixels
from bench.instances.pseudo_truth import Prediction, Pseudo, to_pseudo_truth
from bench.metrics.measure import MEASURES, Measure, Record
from bench.runtime.text import listed
from bench.tasks.classes import Meeting, meet
from bench.tasks.task import Task, measure_in

# Changes whenever the same detections would give another pseudo ground truth.
_PSEUDO_VERSION = "2"
PSEUDO = "pseudo"


@dataclass(frozen=True, eq=False)
class Scorer:
    """A task network, its measure, and the ground truth that it is scored against."""

    task: Task
    measure: Measure
    pseudo: float | None = None  # its own detections on the original of at least that score
    meeting: Meeting | None = None  # of its classes with those of the labels
    opened_by: str = ""  # what open_task makes the task of, and by which engine
    engine: str = "bench"
    called: str = ""  # the task's name, with the measure's unless it is the usual one

    @property
    def name(self) -> str:
        called = self.called or self.task.name
        return called if self.pseudo is None else f"{called}:{PSEUDO}"

    @property
    def title(self) -> str:
        if self.pseudo is None:
            return self.task.title
        return f"{self.task.title}; pseudo ground truth, score {self.pseudo:g} or more"

    @cached_property
    def fingerprint(self) -> str:
        truth = "labels" if self.pseudo is None else f"{PSEUDO} {_PSEUDO_VERSION} {self.pseudo!r}"
        parts = [self.task.fingerprint, truth, self.measure.version]
        if self.meeting is not None and not self.meeting.is_trivial:
            parts.append(f"classes {self.meeting.names} {self.meeting.places}")
        return hashlib.sha256(" | ".join(parts).encode()).hexdigest()

    @property
    def metric(self) -> str:
        """The name of the metric by which codecs are compared."""
        return self.measure.metric_of(self.name)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of its records: the labels', or without any the network's own."""
        return self.task.classes if self.meeting is None else self.meeting.names

    def remark(self, dataset: str) -> str | None:
        """The classes of the network or of the labels that have no partner."""
        return None if self.meeting is None else self.meeting.remark(self.name, dataset)

    def truth_of(self, entry: Entry, pixels: Pixels) -> Any:
        """The ground truth of an image with these pixels."""
        if self.pseudo is not None:
            return to_pseudo_truth(self.predict(pixels), self.pseudo)
        return entry.truth(self.measure.labels)

    def score(self, pixels: Pixels, truth: Any) -> Record:
        """Run the network on a picture, and hold what it finds to the ground truth."""
        return self.judge(self.predict(pixels), truth)

    def judge(self, found: Prediction, truth: Any) -> Record:
        """Hold what the network found to the ground truth."""
        return self.measure.match(truth, found)

    def predict(self, pixels: Pixels) -> Prediction:
        """What the network finds in a picture, in the classes of its records."""
        found = self.task.predict(pixels)
        if self.meeting is None or self.meeting.is_trivial:
            return found
        return found.in_classes(self.meeting.names, self.meeting.places)


@dataclass(frozen=True, eq=False)
class ScoreRecord:
    """What a scorer's measure keeps of one picture."""

    scorer: str  # its fingerprint
    truth: str  # names the labels
    matches: Record
    pseudo_ground_truth: Pseudo | None = None  # made here, of what the network itself found


def make_scorers(
    tasks: Mapping[str, Task],
    engine: str,
    dataset: Dataset,
    truth: str,
    score: float,
    same: Mapping[str, str],
) -> tuple[Scorer, ...]:
    """The scorers of tasks on a data set; without labels, it needs pseudo ground truth.

    ``same`` has the classes of networks that the data set calls otherwise.
    """
    pseudo = score if truth == PSEUDO else None
    made = []
    for given, task in tasks.items():
        usual = usual_measure(task, dataset)
        measure = MEASURES[measure_in(given)] if measure_in(given) else usual
        if measure is None or task.finds not in measure.finds:
            fits = [name for name in MEASURES if task.finds in MEASURES[name].finds]
            expected = f"expected {listed(fits, 'or')}" if fits else "no measure takes these"
            raise DataError(f"--task {given}: {task.name} finds {task.finds}; {expected}")
        called = task.name if measure is usual else f"{task.name}:{measure.name}"
        meeting = None
        if pseudo is None:
            _check_labels(task, measure, dataset)
            meeting = meet(task.classes, dataset.classes[measure.labels], same)
            if not meeting.any:
                raise DataError(
                    f"{dataset.name} has none of the classes of {task.name}; --class NETWORK=DATA "
                    "says which are the same"
                )
        made.append(Scorer(task, measure, pseudo, meeting, given, engine, called))
    return tuple(made)


def usual_measure(task: Task, dataset: Dataset) -> Measure | None:
    """The first of the data set's measures, or else of all, that takes what a task finds."""
    known = (MEASURES[name] for name in (*dataset.measures, *MEASURES))
    return next((measure for measure in known if task.finds in measure.finds), None)


def _check_labels(task: Task, measure: Measure, dataset: Dataset) -> None:
    """Every image needs labels of the kind that the measure takes."""
    entries, noun = dataset.entries, NOUNS[measure.labels]
    bare = [entry.name for entry in entries if entry.label(measure.labels) is None]
    if bare or measure.labels not in dataset.classes:
        which = "none of its images has" if len(bare) == len(entries) else f"{bare[0]} has no"
        raise DataError(
            f"{dataset.name}: {which} {noun} to score {task.name} against; "
            f"use --truth pseudo for what it finds in the uncompressed images instead"
        )
