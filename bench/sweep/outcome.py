"""The progress of a sweep, and callbacks to follow it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.datasets.dataset import Progress
from bench.sweep.jobs import Job
from bench.sweep.plan import Plan


@dataclass
class Outcome:
    """The finished jobs of a sweep, by codec."""

    coded: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)  # also measured and scored
    encoded: Counter[str] = field(default_factory=Counter)  # not read from the store
    originals: int = 0  # uncompressed images that were scored
    changed: Counter[str] = field(default_factory=Counter)  # decoded to another picture than before
    failures: list[tuple[Job, str]] = field(default_factory=list)
    untried: Counter[str] = field(default_factory=Counter)  # of codecs that were given up

    @property
    def failed(self) -> Counter[str]:
        return Counter(job.codec.name for job, _ in self.failures)

    @property
    def finished(self) -> int:
        return self.done.total() + len(self.failures) + self.untried.total()


@dataclass(frozen=True)
class Watcher:
    """Callbacks that follow a sweep: its preparation, its plan and its progress."""

    preparing: Progress = lambda what, done, total: None
    planned: Callable[[Plan], None] = lambda plan: None
    progressed: Callable[[Outcome], None] = lambda outcome: None
