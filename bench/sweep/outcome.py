"""How far a sweep has come, and whoever follows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.datasets.dataset import Progress
from bench.sweep.jobs import Job
from bench.sweep.plan import Plan


@dataclass
class Outcome:
    """What has come of a sweep's jobs, by codec."""

    coded: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)  # measured and looked at, too
    encoded: Counter[str] = field(default_factory=Counter)  # not taken from the store
    originals: int = 0  # uncompressed images looked at
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
    """Whoever wants to follow a sweep: told of its preparation, its plan and its progress."""

    preparing: Progress = lambda what, done, total: None
    planned: Callable[[Plan], None] = lambda plan: None
    progressed: Callable[[Outcome], None] = lambda outcome: None
