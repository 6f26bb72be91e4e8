"""The jobs that have not started yet, image by image; a codec that only fails is given up."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection

from bench.sweep.jobs import CodecReference, Job
from bench.sweep.outcome import Outcome
from bench.sweep.plan import Plan

# A codec that failed this often, on this many images, without a success is given up.
_HOPELESS_FAILURES, _HOPELESS_IMAGES = 5, 3


class JobQueue:
    """A plan's jobs in order; those of codecs that have only failed so far are held back."""

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self._keep_going, self._outcome = plan.request.keep_going, outcome
        self._rest = iter(plan.jobs)
        self._left = Counter(job.codec for job in plan.jobs)  # not yet taken
        self._next = deque[Job]()  # before the rest
        self._held: dict[CodecReference, list[Job]] = {}
        self._given_up = set[CodecReference]()

    def __bool__(self) -> bool:
        return self._first() is not None

    def _first(self) -> Job | None:
        while not self._next:
            job = next(self._rest, None)
            if job is None:
                return None
            if job.codec in self._held:
                self._held[job.codec].append(job)
            elif job.codec not in self._given_up:
                self._next.append(job)
        return self._next[0]

    def take(self, running: int, at_once: int, ahead: int) -> Job | None:
        """The next job; None if there is none, or enough are running: at once, and ahead."""
        job = self._first()
        if job is None:
            return None
        # A codec that has coded nothing yet may only fail: submit no more than can run at once.
        proven = self._keep_going or self._outcome.coded[job.codec.name]
        if running >= at_once + (ahead if proven else 1):
            return None
        self._left[job.codec] -= 1
        return self._next.popleft()

    def put_first(self, job: Job) -> None:
        self._left[job.codec] += 1
        self._next.appendleft(job)

    def failed(self, codec: CodecReference) -> None:
        """Hold back the jobs of a codec that only fails until its running ones have ended."""
        if codec not in self._held and not self._keep_going and self._only_fails(codec):
            self._held[codec] = [job for job in self._next if job.codec == codec]
            self._next = deque(job for job in self._next if job.codec != codec)

    def _only_fails(self, codec: CodecReference) -> bool:
        """Whether nothing could be coded, on several images, and more than one job is left."""
        if self._outcome.coded[codec.name] or self._left[codec] <= 1:  # a last one is tried
            return False
        failed = [job.entry for job, _ in self._outcome.failures if job.codec == codec]
        return len(failed) >= _HOPELESS_FAILURES and len(set(failed)) >= _HOPELESS_IMAGES

    def give_up_or_resume(self, running: Collection[CodecReference]) -> None:
        """Decide on each held codec once a job of it has succeeded, or none is running."""
        for codec, jobs in list(self._held.items()):
            if self._outcome.coded[codec.name]:
                self._next.extendleft(reversed(jobs))
            elif codec not in running:
                self._given_up.add(codec)
                self._outcome.untried[codec.name] += self._left.pop(codec, 0)
            else:
                continue
            del self._held[codec]
