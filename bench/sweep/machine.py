"""The executor of this machine: a thread for each core; many pictures are measured at a time.

Threads wait for external programs, and release the interpreter's lock in their own heavy work.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue

from bench.errors import BenchError, Cancelled
from bench.runtime.text import grouped
from bench.sweep.jobs import OriginalJob, Result
from bench.sweep.plan import Plan
from bench.sweep.worker import Measurement, Steps, Worker, measure_each, resume, steps

# Decoded pictures measured by one process: enough to share its start-up, few enough for memory.
_BATCH_PIXELS = 2**23
_BATCH_MAX = 16
# A picture does not wait longer for its batch to fill, nor at all if coding it took as long.
_BATCH_SECONDS = 5.0


@dataclass(eq=False)
class _Task:
    """A running job."""

    steps: Steps
    future: Future[Result] = field(default_factory=Future)
    wanted: Measurement = field(init=False)  # what it waits for
    since: float = 0.0  # when it began to wait

    @property
    def pixels(self) -> int:
        """The size of the picture that waits to be measured."""
        return self.wanted.pair[1].size // 3

    @property
    def batch_key(self) -> tuple[object, ...]:
        """Pictures of one key can be measured together."""
        return self.wanted.pair[1].shape, *self.wanted.metrics.items()

    def advance(self, step: Callable[[], Measurement]) -> bool:
        """Run the job until it waits to be measured; False if it ended instead."""
        try:
            self.wanted = step()
        except StopIteration as ended:
            self.future.set_result(ended.value)
        except BaseException as error:
            self.future.set_exception(error)
        else:
            return True
        return False


class ThisMachine:
    """A thread for each job that may run at once; each runs one stage of one job at a time.

    What is loaded already is not loaded again.
    """

    def __init__(self, threads: int, worker: Worker) -> None:
        self.worker = worker
        self._lock = threading.Lock()
        self._cancelled = False
        self._waiting = deque[_Task]()  # not started yet
        self._coding = 0
        self._decoded: list[_Task] = []  # waiting to be measured
        self._work = SimpleQueue[Callable[[], object] | None]()  # None ends a thread
        self._threads: list[threading.Thread] = []
        with suppress(RuntimeError):  # if no more can be started, fewer will do
            while len(self._threads) < threads:
                thread = threading.Thread(target=self._serve)
                thread.start()
                self._threads.append(thread)
        if threads and not self._threads:
            raise BenchError("no thread can be started; is there any memory left?")

    @classmethod
    def for_plan(cls, plan: Plan) -> ThisMachine:
        """With the plan's codecs and networks, and no more threads than it has jobs."""
        threads = min(plan.workers, len(plan.jobs) + len(plan.originals))
        return cls(threads, Worker(plan.points, plan.scorers))

    def __enter__(self) -> ThisMachine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()

    def submit(self, run: Callable[[OriginalJob], Result], job: OriginalJob, /) -> Future[Result]:
        """Do what ``run`` would, but a stage at a time, and measure many pictures together."""
        task = _Task(steps(job))
        with self._lock:
            self._waiting.append(task)
        self._start_work()
        return task.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """If jobs are cancelled, programs are killed, and jobs end with the stages finished."""
        if cancel_futures:
            with self._lock:
                self._cancelled = True
                waiting, self._waiting = self._waiting, deque()
                decoded, self._decoded = self._decoded, []
            self.worker.programs.cancel()
            for task in waiting:
                task.future.cancel()
            for task in decoded:
                task.advance(partial(resume, task.steps, Cancelled()))
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self) -> None:
        self.worker.enter()
        while (work := self._work.get()) is not None:
            work()

    def _start_work(self) -> None:
        with self._lock:
            for batch in self._batches():
                self._work.put(partial(self._measure, batch))
            # One ahead of the threads keeps them busy; more would only hold pictures in memory.
            while self._waiting and self._coding <= len(self._threads):
                self._coding += 1
                self._work.put(partial(self._code, self._waiting.popleft()))

    def _batches(self) -> list[list[_Task]]:
        """The decoded pictures to measure now, grouped by size and by metrics."""
        groups = grouped((task.batch_key, task) for task in self._decoded)
        idle = not self._waiting and self._coding < len(self._threads)
        late_before = time.monotonic() - _BATCH_SECONDS
        held = sum(task.pixels for task in self._decoded)
        batches: list[list[_Task]] = []
        for group in groups.values():  # the oldest first
            size = max(1, min(_BATCH_MAX, _BATCH_PIXELS // group[0].pixels))
            if idle:  # share the rest among the threads
                size = min(size, math.ceil(len(group) / len(self._threads)))
            while group and (
                len(group) >= size or idle or group[0].since < late_before or held > _BATCH_PIXELS
            ):
                batches.append(group[:size])
                held -= sum(task.pixels for task in group[:size])
                group = group[size:]
        taken = {task for batch in batches for task in batch}
        self._decoded = [task for task in self._decoded if task not in taken]
        return batches

    # The following methods run in the threads.

    def _code(self, task: _Task) -> None:
        if self._cancelled:
            task.future.cancel()
            return
        began = time.monotonic()
        waits = task.advance(partial(next, task.steps))
        task.since = time.monotonic()
        with self._lock:
            self._coding -= 1
            slow = task.since - began > _BATCH_SECONDS
            if waits and not slow and not self._cancelled:
                self._decoded.append(task)
                waits = False
        if waits:
            self._measure([task])
        else:
            self._start_work()

    def _measure(self, batch: list[_Task]) -> None:
        pairs = [task.wanted.pair for task in batch]
        for task, values in zip(batch, measure_each(pairs, batch[0].wanted.metrics), strict=True):
            step = partial(task.advance, partial(resume, task.steps, values))
            with self._lock:
                if not self._cancelled:
                    self._work.put(step)
                    continue
            step()
        self._start_work()
