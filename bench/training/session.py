"""The options of one training session."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.datasets import Dataset, dataset_kind, open_dataset
from bench.datasets.dataset import Progress as Preparing
from bench.training.curves import draw_training
from bench.training.loop import Training, TrainingProgress, train
from bench.training.schedule import Schedule


@dataclass(frozen=True, eq=False)
class TrainingSession:
    """The output folder, the data, the limits and the watcher of one session of a training."""

    folder: Path
    data: str | None = None  # instead of the recipe's
    root: Path | None = None
    steps: int | None = None  # instead of the recipe's
    task: str | None = None  # the task network of a codec, instead of the recipe's
    ends: float = math.inf  # by time.monotonic()
    preparing: Preparing = lambda what, done, total: None
    watch: Callable[[TrainingProgress], None] = lambda progress: None

    def schedule(self, usual: Schedule) -> Schedule:
        return usual if self.steps is None else replace(usual, steps=self.steps)

    def run(self, training: Training[Any]) -> bool:
        """Train, and draw the curves; False if the time ran out."""
        seconds = self.ends - time.monotonic()
        finished = train(training, most_seconds=seconds, watch=self.watch)
        if training.processes.first:
            draw_training(training.folder)
        return finished

    def dataset(self, data: str, beside: str | None = None, limit: int | None = None) -> Dataset:
        """A data set; ``root`` is for the one ``beside`` it, if that is of another kind."""
        own_root = beside is None or dataset_kind(beside) == dataset_kind(data)
        root = self.root if own_root else None
        return open_dataset(data, root=root, limit=limit, progress=self.preparing)
