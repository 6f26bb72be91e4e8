"""The jobs that have not started yet, image by image; a codec that only fails is given up."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from bench.sweep.jobs import CodecReference, Job
from bench.sweep.outcome import Outcome
from bench.sweep.plan import Plan

# A codec that failed this often, on this many images, without a success is given up.
_HOPELESS_FAILURES, _HOPELESS_IMAGES = 5, 3


class JobQueue:
    """A plan's jobs in order; those of codecs that have only failed so far are held back."""

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self._plan, self._outcome = plan, outcome
        self._jobs = deque(plan.jobs)
        self._held: dict[CodecReference, list[Job]] = {}

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def take(self, running: int, at_once: int, ahead: int) -> Job | None:
        """The next job; None if there is none, or enough are running: at once, and ahead."""
        if not self._jobs:
            return None
        # A codec that has coded nothing yet may only fail: submit no more than can run at once.
        proven = self._plan.request.keep_going or self._outcome.coded[self._jobs[0].codec.name]
        limit = at_once + (ahead if proven else 1)
        return self._jobs.popleft() if running < limit else None

    def put_first(self, job: Job) -> None:
        self._jobs.appendleft(job)

    def failed(self, codec: CodecReference) -> None:
        """Hold back the jobs of a codec that only fails until its running ones have ended."""
        keep_going = self._plan.request.keep_going
        if codec not in self._held and not keep_going and self._only_fails(codec):
            self._held[codec] = [job for job in self._jobs if job.codec == codec]
            self._jobs = deque(job for job in self._jobs if job.codec != codec)

    def _only_fails(self, codec: CodecReference) -> bool:
        """Whether nothing could be coded, on several images."""
        if self._outcome.coded[codec.name]:
            return False
        failed = [job.entry for job, _ in self._outcome.failures if job.codec == codec]
        return len(failed) >= _HOPELESS_FAILURES and len(set(failed)) >= _HOPELESS_IMAGES

    def give_up_or_resume(self, running: Collection[CodecReference]) -> None:
        """Decide on each held codec once a job of it has succeeded, or none is running."""
        for codec, jobs in list(self._held.items()):
            if self._outcome.coded[codec.name]:
                self._jobs.extendleft(reversed(jobs))
            elif codec not in running:
                self._outcome.untried[codec.name] += len(jobs)
            else:
                continue
            del self._held[codec]
