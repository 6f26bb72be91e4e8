"""Measures: how what a network finds in pictures is held to their labels.

A measure makes a small record of each picture, which the store keeps, and figures of a set of
records. A figure has a value for the set and for each resample of its images, so that it has an
interval and a Bjøntegaard delta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.errors import BenchError
from bench.instances.predictions import Finds, Labels
from bench.metrics.bjontegaard import FloatArray
from bench.runtime.registry import Registry


@dataclass(frozen=True)
class Figure:
    """A figure of a set of pictures, a fraction of 1 unless it has a unit."""

    name: str  # "wap", as in the metric "wap:mask-rcnn"
    title: str
    unit: str = ""
    higher_is_better: bool = True


class Record(Protocol):
    """What a measure keeps of a picture."""

    def to_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class Measure:
    """One measure; codecs are compared by the first of its figures.

    ``match`` makes the record of a picture of its labels and of what a network found, both in the
    same classes. ``score`` gives the named figures of records for each row of weights, which say
    how often a resample holds each image (``resample_weights``); the set itself is a row of ones.
    NaN is a figure that is undefined. ``version`` changes whenever the same detections would have
    another record; it begins with the measure's name, as the keys of the store hold only that.
    """

    name: str
    title: str
    figures: tuple[Figure, ...]
    finds: tuple[Finds, ...]  # what it can judge
    labels: Labels  # what it judges by
    version: str
    match: Callable[[Any, Any], Record]
    read: Callable[[bytes], Record]  # the inverse of to_bytes
    score: Callable[[Sequence[Any], FloatArray, Sequence[str]], Mapping[str, FloatArray]]

    @property
    def figure(self) -> Figure:
        """The figure by which codecs are compared."""
        return self.figures[0]

    def metric_of(self, scorer: str) -> str:
        """The name of the metric by which codecs are compared with a task network."""
        return f"{self.figure.name}:{scorer}"


MEASURES: Registry[Measure] = Registry(
    "measure",
    {
        "cityscapes-ap": "bench.metrics.average_precision:MEASURE",
        "box-ap": "bench.metrics.box_ap:MEASURE",
        "coco-masks": "bench.metrics.coco_ap:MASKS",
        "coco-boxes": "bench.metrics.coco_ap:BOXES",
        "miou": "bench.metrics.miou:MEASURE",
        "accuracy": "bench.metrics.accuracy:MEASURE",
    },
    "bench.measures",
    "a bench.metrics.measure.Measure of that name",
    lambda name, found: isinstance(found, Measure) and found.name == name,
)


def figure_called(name: str) -> Figure | None:
    """The figure of that name, which means the same in all measures that have it."""
    for measure in MEASURES:
        try:
            figures = MEASURES[measure].figures
        except BenchError:  # of another package: it must not hide others
            continue
        for figure in figures:
            if figure.name == name:
                return figure
    return None
