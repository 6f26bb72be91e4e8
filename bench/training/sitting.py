"""What is asked of a training this time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.datasets import Dataset, open_dataset
from bench.datasets.dataset import Progress as Preparing
from bench.training.loop import Progress
from bench.training.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Sitting:
    """Where it is kept, what it learns from, how far it is to come, and who follows it."""

    folder: Path
    data: str | None = None  # instead of the recipe's
    root: Path | None = None
    steps: int | None = None  # instead of the recipe's
    most_seconds: float = math.inf
    preparing: Preparing = lambda what, done, total: None
    watch: Callable[[Progress], None] = lambda progress: None

    def schedule(self, usual: Schedule) -> Schedule:
        return usual if self.steps is None else replace(usual, steps=self.steps)

    def dataset(self, data: str) -> Dataset:
        return open_dataset(data, root=self.root, progress=self.preparing)
