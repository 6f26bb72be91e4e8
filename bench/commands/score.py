"""Scores predictions for Cityscapes as its own evaluation does, and with wAP."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from bench.commands.arguments import accepts_text
from bench.datasets.cityscapes import IMAGES, OF_LABELS, find_ground_truth
from bench.datasets.cityscapes_predictions import find_predictions, read_predictions
from bench.datasets.cityscapes_truth import read_ground_truth
from bench.datasets.dataset import Progress
from bench.errors import DataError
from bench.metrics.average_precision import AveragePrecision, average_precision, wap_interval
from bench.metrics.instance_matching import match
from bench.metrics.matches import Matches
from bench.metrics.resampling import FEW_IMAGES, Interval
from bench.runtime.cores import on_all_cores
from bench.runtime.files import check_outputs, write_json


@dataclass(frozen=True)
class Score:
    """The score of the predictions for a split."""

    split: str
    images: int
    predictions: int  # of evaluated classes, with a pixel at least
    precision: AveragePrecision
    interval: Interval | None  # of wAP; None for a single image

    @property
    def classes(self) -> tuple[str, ...]:
        return OF_LABELS["instances"]

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        if self.images != IMAGES[self.split]:
            notes.append(f"{self.images} of the {IMAGES[self.split]} images of {self.split}")
        if self.images < FEW_IMAGES:
            notes.append("few images: the interval is too narrow")
        return (*notes, *(self.interval.notes if self.interval else ()))

    def as_json(self) -> dict[str, Any]:
        """Fractions of 1; null if there are no instances."""
        precision = self.precision
        bounds = self.interval and self.interval.bounds
        classes = {
            name: {
                "AP": _number(precision.by_class[index]),
                "AP50": _number(precision.matrix[index, 0]),
                "instances": int(precision.instances[index]),
            }
            for index, name in enumerate(self.classes)
        }
        return {
            "images": self.images,
            "AP": _number(precision.ap),
            "AP50": _number(precision.ap50),
            "wAP": _number(precision.wap),
            "interval": list(bounds) if bounds else None,
            "classes": classes,
            "matrix": [[_number(value) for value in row] for row in precision.matrix],
        }


@accepts_text
def score(
    predictions: Path,
    *,
    root: Path | None = None,
    split: str = "val",
    json: Path | None = None,
    progress: Progress | None = None,
) -> Score:
    """Score a folder of Cityscapes' prediction files; every image of the split needs its own.

    ``json`` is a file to write all figures to.
    """
    if split == "test":
        raise DataError("the ground truth of test is not published; val and train can be scored")
    truths = find_ground_truth(root, split)
    texts = find_predictions(predictions, truths)
    if json is not None and json.exists():
        folders = {path.parent for path in truths.values()}
        labels = chain.from_iterable(folder.iterdir() for folder in folders)
        check_outputs([json], chain(labels, texts.values(), predictions.rglob("*.png")))

    def one(name: str) -> Matches:
        truth = read_ground_truth(truths[name])
        size = (truth.height, truth.width)
        return match(truth, read_predictions(texts[name], predictions, size))

    scoring = progress and partial(progress, "scoring")
    matches = list(on_all_cores(one, truths, scoring))
    scored = Score(
        split,
        len(matches),
        sum(len(found.classes) for found in matches),
        average_precision(matches),
        wap_interval(matches) if len(matches) > 1 else None,
    )
    if json is not None:
        write_json(json, scored.as_json())
    return scored


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
