"""The learning-rate schedule of a training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The learning rate: a warm-up, a constant part, and a fall to zero at the end.

    A longer or a shorter training is the same until the fall begins, so ``steps`` may be changed
    between two sessions.
    """

    steps: int
    batch: int
    rate: float
    warm_up: int = 300
    fall: float = 0.25  # of the steps
    decay: float = 0.05
    largest_gradient: float = 10.0
    seed: int = 0

    def rate_at(self, step: int) -> float:
        left = (self.steps - step) / (self.fall * self.steps)
        return self.rate * min(1.0, (step + 1) / self.warm_up, left)
