"""Executes a plan: submits its jobs to an executor and writes each result to the store.

This is one thread, and the only part of the execution that knows the store.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from bench.errors import BenchError, DataError
from bench.instances.pseudo_truth import is_empty, read_pseudo_truth
from bench.metrics import METRICS, fingerprint
from bench.runtime.leftovers import remove_leftovers
from bench.runtime.machine import this_machine
from bench.runtime.trace import span
from bench.store import StoreWriter, StreamKey
from bench.sweep.jobs import Job, OriginalJob, Result, StreamReference
from bench.sweep.outcome import Outcome, Watcher
from bench.sweep.plan import Plan
from bench.sweep.queue import JobQueue
from bench.sweep.worker import run

# Results are written this often; a kill loses at most this much work.
_FLUSH_SECONDS = 0.5
_PATIENCE_SECONDS = 0.5
# Jobs that are under way beside those that run: many pictures wait to be measured together.
_AHEAD = 64


class Executor(Protocol):
    """What runs jobs: ``ThisMachine``, or any executor of ``concurrent.futures``."""

    def submit(
        self, run: Callable[[OriginalJob], Result], job: OriginalJob, /
    ) -> Future[Result]: ...

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None: ...


def execute(
    plan: Plan, store: StoreWriter, executor: Executor, watcher: Watcher | None = None
) -> Outcome:
    """Execute the plan. Whatever stops it, finished results stay in the store.

    A codec that only fails is given up after a few failures, unless the plan keeps going. An error
    shuts the executor down.
    """
    watcher = watcher or Watcher()
    watcher.planned(plan)
    remove_leftovers(Path(tempfile.gettempdir()))
    _begin(plan, store)
    outcome = _Execution(plan, store, executor, watcher.progressed).run()
    if plan.imports and outcome.done:
        _remember_points(plan, store)
    return outcome


def _begin(plan: Plan, store: StoreWriter) -> None:
    """Record the command, the machine, the images, the codecs and the metrics."""
    command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    with store.write_transaction():
        store.begin_run(shlex.join(command), this_machine())
        store.add_dataset(plan.dataset)
        store.add_metrics(plan.metrics)
        for codec in plan.points:
            store.add_codec(codec)
        store.add_scorers(plan.scorers, plan.dataset)
    if not plan.imports:
        _remember_points(plan, store)


def _remember_points(plan: Plan, store: StoreWriter) -> None:
    """Record the points of each curve, for reports."""
    with store.write_transaction():
        for codec, points in plan.points.items():
            store.add_planned(plan.dataset, codec, points)


class _Execution:
    def __init__(
        self, plan: Plan, store: StoreWriter, executor: Executor, watch: Callable[[Outcome], None]
    ) -> None:
        self.plan, self.store, self.executor, self.watch = plan, store, executor, watch
        self.outcome = Outcome()
        self.queue = JobQueue(plan, self.outcome)
        # Of an executor whose size changes: the jobs that it runs at once, and more to be ahead.
        self.capacity = getattr(executor, "capacity", lambda: (plan.workers, _AHEAD))
        self.running: dict[Future[Any], Any] = {}  # the job of each
        self.ended = SimpleQueue[Future[Any]]()
        self.unsaved = deque[Callable[[], None]]()
        self.flushed = time.monotonic()
        self.pseudo = {  # packed: maps of all images could fill the memory
            (scorer.fingerprint, image): truth
            for scorer in plan.scorers
            if scorer.pseudo is not None
            for image, (_, truth) in store.kept_originals(scorer).items()
            if truth is not None
        }

    def run(self) -> Outcome:
        try:
            self._score_originals()
            while self.queue or self.running:
                self._submit_jobs()
                for job, result in self._results():
                    self._take(job, result)
                self.queue.give_up_or_resume({job.codec for job in self.running.values()})
                self._report_progress()
            self._flush()
        except BaseException:
            self._stop()
            raise
        return self.outcome

    def _score_originals(self) -> None:
        """Score the uncompressed images, first: without detections there is nothing to compare."""
        for original in self.plan.originals:
            self._submit(original)
        while self.running:
            for job, result in self._results():
                if result.failure is not None:
                    raise BenchError(f"{job.entry.name}, uncompressed: {result.failure}")
                for each in result.scores:
                    save = partial(self.store.save_original, job.image, result.size, each)
                    self.unsaved.append(save)
                    if each.pseudo_ground_truth is not None:
                        truth = each.pseudo_ground_truth.to_bytes()
                        self.pseudo[each.scorer, job.image] = truth
                self.outcome.originals += 1
            self._report_progress()
        self._flush()
        self._check_pseudo_truths()
        if self.plan.scorers:
            with self.store.write_transaction():
                self.store.show_scorers(self.plan.scorers)

    def _check_pseudo_truths(self) -> None:
        """A set in which nothing was found has no pseudo ground truth."""
        if self.plan.images < len(self.plan.dataset.entries):
            return
        digests = set(self.plan.dataset.digests.values())
        there = {
            scorer
            for (scorer, image), truth in self.pseudo.items()
            if image in digests and not is_empty(read_pseudo_truth(truth))
        }
        for scorer in self.plan.scorers:
            if scorer.pseudo is not None and scorer.fingerprint not in there:
                raise DataError(
                    f"{scorer.task.name} finds nothing with a score of {scorer.pseudo:g} or more "
                    "in any image, so there is no pseudo ground truth; see --truth-score"
                )

    def _submit_jobs(self) -> None:
        while job := self.queue.take(len(self.running), *self.capacity()):
            score_requests = [
                replace(each, pseudo=self.pseudo.get((each.scorer.fingerprint, job.image)))
                for each in job.score_requests
            ]
            self._submit(replace(job, score_requests=tuple(score_requests)))

    def _submit(self, job: OriginalJob) -> None:
        future: Future[Any] = self.executor.submit(run, job)
        self.running[future] = job
        future.add_done_callback(self.ended.put)

    def _results(self) -> Iterator[tuple[Any, Any]]:
        """Each job that has ended, with its result; waits a moment for the first."""
        patience = _PATIENCE_SECONDS
        with suppress(Empty):
            while True:
                future = self.ended.get(timeout=patience)
                patience = 0
                try:
                    yield self.running.pop(future), future.result()
                except BrokenExecutor as error:
                    raise BenchError(f"a worker ended before its job did: {error}") from error

    def _take(self, job: Job, result: Result) -> None:
        name = job.codec.name
        self.unsaved.append(partial(self._save, job, result))
        if result.stream is not None:
            self.outcome.encoded[name] += 1
        elif result.outdated:
            self.outcome.changed[name] += 1
        if result.outdated:
            self._measure_again(job, result)
            return
        if result.digest:
            self.outcome.coded[name] += 1
        if result.failure is None:
            self.outcome.done[name] += 1
            return
        self.outcome.failures.append((job, result.failure))
        self.queue.failed(job.codec)

    def _measure_again(self, job: Job, result: Result) -> None:
        """Measure all figures of a stream that decodes to another picture than before."""
        self._flush()
        measured = self.store.measured(_key(job)).items()
        known = {n: mark for n, mark in measured if n in METRICS and fingerprint(n) == mark}
        self.queue.put_first(
            replace(
                job,
                metrics={**self.plan.metrics, **known},
                score_requests=self.plan.score_requests_of(job.entry),
                stream=StreamReference(self.store.stream_path(result.digest), result.digest),
                decoded=None,
            )
        )

    def _save(self, job: Job, result: Result) -> None:
        key, made_of = _key(job), (result.digest, result.decoded)
        if result.stream is not None:
            if job.stream is not None and job.stream.digest != result.digest:
                self.store.forget_stream(key)
            cost = result.encode_cost
            self.store.save_stream(key, result.size, result.stream, cost, job.side, result.parts)
        if result.values is not None:
            self.store.save_measures(key, *made_of, result.decode_cost, result.values, job.metrics)
        if result.scores:
            self.store.save_scores(key, *made_of, result.scores)
        if result.failure is not None:
            self.store.save_failure(key, result.failure)

    def _report_progress(self) -> None:
        if time.monotonic() - self.flushed > _FLUSH_SECONDS:
            self._flush()
        self.watch(self.outcome)

    def _flush(self) -> None:
        """Write all unsaved results in one transaction, as other sweeps may be waiting."""
        if self.unsaved:
            with span("store"), self.store.write_transaction():
                while self.unsaved:
                    self.unsaved[0]()  # removed only when it is done: Ctrl-C may interrupt it
                    self.unsaved.popleft()
        self.flushed = time.monotonic()

    def _stop(self) -> None:
        """Save what is finished at once, as a worker may hang; then what workers still return."""
        try:
            self.executor.shutdown(wait=False, cancel_futures=True)
            self._save_the_rest()
        finally:
            self.executor.shutdown(wait=True)
            self._save_the_rest()

    def _save_the_rest(self) -> None:
        with suppress(Empty):
            while True:
                future = self.ended.get_nowait()
                job = self.running.pop(future)
                if isinstance(job, Job) and not future.cancelled() and not future.exception():
                    self.unsaved.append(partial(self._save, job, future.result()))
        self._flush()


def _key(job: Job) -> StreamKey:
    return StreamKey(job.codec.fingerprint, job.image, job.point)
