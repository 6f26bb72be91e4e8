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

    def summary(self) -> str:
        """The numbers of operations that were encoded, read from the store, and failed."""
        if not self.finished:
            return "0 encoded; the store had all of it"
        encoded, coded = self.encoded.total(), self.coded.total()
        taken = f"{encoded} encoded, {coded - encoded} bitstreams taken from the store"
        failed = failed_text(len(self.failures), self.untried.total())
        return f"{taken}, {failed}" if failed else taken


def failed_text(failed: int, untried: int) -> str:
    """How many operations failed, and how many were not tried; empty if there are none."""
    counts = [f"{failed} failed"] * bool(failed) + [f"{untried} not tried"] * bool(untried)
    return ", ".join(counts)


@dataclass(frozen=True)
class Watcher:
    """Callbacks that follow a sweep: its preparation, its plan and its progress."""

    preparing: Progress = lambda what, done, total: None
    planned: Callable[[Plan], None] = lambda plan: None
    progressed: Callable[[Outcome], None] = lambda outcome: None
