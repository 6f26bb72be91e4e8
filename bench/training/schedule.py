"""How long and how fast a network learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: a warm-up, a level stretch, and a fall to nothing at the end.

    Until the fall begins a longer or a shorter training is the same one, so ``steps`` may be
    changed between two sittings.
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
