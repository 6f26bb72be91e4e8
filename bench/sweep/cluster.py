"""An executor on a Dask cluster: chunks of jobs go to its workers, their results come back.

A worker is the same code as on this machine, kept between chunks, so that codecs and networks are
loaded once. What it loads must have the digests of the plan; a worker that lacks something gets no
such job again. A job that fails is tried once more on another worker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from bench import __version__
from bench.errors import BenchError
from bench.runtime.machine import this_machine
from bench.runtime.text import counted, grouped
from bench.sweep.chunks import ANY, Answer, files_of, introduce, run_chunk, stop
from bench.sweep.jobs import Job, OriginalJob, Result

if TYPE_CHECKING:
    import distributed

# The length of a chunk: long enough that scheduling costs next to nothing.
_CHUNK_SECONDS, _CHUNK_JOBS = 5.0, 32
# Chunks that wait at each thread of a worker, so that none is idle.
_CHUNKS_AHEAD = 2
# How long to collect submitted jobs before they are cut into chunks.
_BURST_SECONDS = 0.02
_LOOK_SECONDS = 1.0  # between two looks at which workers there are
_START_SECONDS = 60.0  # for the first worker
_GRACE_SECONDS = 10.0  # for one that is fit
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Item:
    """A job under way."""

    job: OriginalJob
    future: Future[Result] = field(default_factory=Future)
    avoid: set[str] = field(default_factory=set)  # workers that it failed on
    alone: bool = False  # since it was in a chunk whose workers died

    @property
    def codec(self) -> str:
        return self.job.codec.name if isinstance(self.job, Job) else ANY


class Cluster:
    """The workers of a Dask scheduler."""

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self._submitted = SimpleQueue[_Item | None]()
        self._running: dict[distributed.Future, list[_Item]] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._unfit: dict[str, dict[str, str]] = {}  # by codec: workers, each with its reason
        self._seconds: dict[str, float] = {}  # of a job, by codec
        self._known: dict[str, dict[str, str]] = {}  # workers, by address
        self._broken: BenchError | None = None
        self._began = time.monotonic()
        self._looked = 0.0
        self._send_files = False  # until a worker lacks some
        self._threads = 0
        self._dispatcher = threading.Thread(target=self._dispatch, daemon=True)

    def start(self) -> None:
        """Wait for the first worker."""
        try:
            self._client.wait_for_workers(1, timeout=_START_SECONDS)
        except TimeoutError:
            _log.warning("no worker has come within %.0f s; waiting", _START_SECONDS)
        self._look()
        self._dispatcher.start()

    @property
    def remarks(self) -> list[str]:
        """What is worth knowing of the cluster before work starts."""
        address = self._client.dashboard_link
        machines = {facts.get("processor", "") for facts in self._known.values()}
        machines.add(this_machine().get("processor", ""))
        size = f"{counted(len(self._known), 'worker')}, {counted(self._threads, 'thread')}"
        lines = [f"cluster: {size}; {address}"]
        if len(machines) > 1:
            lines.append(
                "the machines differ, so codecs and networks that compute in floating point may "
                f"give other figures on some: {', '.join(sorted(machines))}"
            )
        lines += [
            f"{worker} gets no jobs: {reason}"
            for worker, reason in self._unfit.get(ANY, {}).items()
        ]
        return lines

    def capacity(self) -> tuple[int, int]:
        """Jobs that can run at once, and those that are to be under way beside them."""
        usual = min([*self._seconds.values()], default=_CHUNK_SECONDS)
        in_chunk = max(1, min(_CHUNK_JOBS, round(_CHUNK_SECONDS / max(usual, 1e-3))))
        threads = max(1, self._threads)
        return threads, threads * _CHUNKS_AHEAD * in_chunk

    def submit(self, run: Callable[[OriginalJob], Result], job: OriginalJob, /) -> Future[Result]:
        item = _Item(_with_stream(job))
        if self._broken:
            item.future.set_exception(self._broken)
        else:
            self._submitted.put(item)
        return item.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop this sweep's jobs on the workers, which then drop what they loaded for it."""
        with self._lock:
            running, self._stopped = dict(self._running), cancel_futures or self._stopped
        waiting = [item for item in _drain(self._submitted) if item]
        self._submitted.put(None)
        if cancel_futures:
            for item in chain(waiting, *running.values()):
                item.future.cancel()
        elif wait and not self._stopped:
            wait_for([item.future for item in chain(*running.values())])
        with suppress(Exception):  # the scheduler or a worker may be gone
            self._client.cancel(list(running), force=True)
            self._client.run(stop, self._client.id, on_error="ignore")

    def _dispatch(self) -> None:
        """Cut what was submitted into chunks."""
        items: list[_Item | None] = []
        try:
            while True:
                items = [self._submitted.get()]
                time.sleep(_BURST_SECONDS)
                items += _drain(self._submitted)
                if None in items:
                    return
                self._look()
                for chunk in self._chunks([item for item in items if item]):
                    self._send(chunk)
        except Exception as error:
            _log.debug("the cluster's dispatcher ended", exc_info=True)
            self._broken = BenchError(f"--cluster: it cannot be reached: {error}")
            with self._lock:
                running = list(chain(*self._running.values()))
            self._fail([*running, *filter(None, [*items, *_drain(self._submitted)])], self._broken)

    def _chunks(self, items: Iterable[_Item]) -> Iterator[list[_Item]]:
        """Jobs for the same workers, together for some seconds."""
        for group in grouped((self._group(item), item) for item in items).values():
            chunk: list[_Item] = []
            seconds = 0.0
            for item in group:
                if item.alone and chunk:
                    yield chunk
                    chunk, seconds = [], 0.0
                chunk.append(item)
                seconds += self._seconds.get(item.codec, _CHUNK_SECONDS)
                if item.alone or seconds >= _CHUNK_SECONDS or len(chunk) >= _CHUNK_JOBS:
                    yield chunk
                    chunk, seconds = [], 0.0
            if chunk:
                yield chunk

    def _group(self, item: _Item) -> tuple[object, ...]:
        return tuple(self._unfit.get(item.codec, ())), tuple(item.avoid)

    def _look(self) -> None:
        """Which workers there are now; those that are new introduce themselves."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        self._threads = sum(worker["nthreads"] for worker in workers.values())
        new = [address for address in workers if address not in self._known]
        self._known = {a: facts for a, facts in self._known.items() if a in workers}
        if not new:
            return
        for address, facts in self._client.run(introduce, workers=new, on_error="return").items():
            if isinstance(facts, dict):
                self._known[address] = facts
                if (there := facts["bench"]) != __version__:
                    self._is_unfit(address, ANY, f"it has bench {there}, not {__version__}")
            else:
                self._known[address] = {}
                self._is_unfit(address, ANY, f"{type(facts).__name__}: {facts}")

    def _is_unfit(self, worker: str, codec: str, reason: str) -> None:
        if worker not in self._unfit.setdefault(codec, {}):
            what = codec or "any job"
            _log.warning("%s cannot run %s: %s", worker, what, reason)
        self._unfit[codec][worker] = reason

    def _unfit_for(self, codec: str) -> dict[str, str]:
        return self._unfit.get(ANY, {}) | self._unfit.get(codec, {})

    def _send(self, chunk: list[_Item]) -> None:
        codec, avoid = chunk[0].codec, chunk[0].avoid
        unfit = self._unfit_for(codec)
        fit = [address for address in self._known if address not in unfit]
        if self._known and not fit:
            if time.monotonic() - self._began < _GRACE_SECONDS:  # others may be on their way
                time.sleep(_LOOK_SECONDS)
                self._again(chunk)
                return
            worker, reason = next(iter(unfit.items()))
            what = codec or "any job"
            self._fail(chunk, BenchError(f"no worker can run {what}: {worker}: {reason}"))
            return
        try:
            files = self._files(chunk)
        except OSError as error:
            self._fail(chunk, BenchError(f"{error.filename}: {error.strerror}"))
            return
        wanted = [address for address in fit if address not in avoid] or fit
        everywhere = len(wanted) == len(self._known)
        future = self._client.submit(
            run_chunk,
            [item.job for item in chunk],
            __version__,
            self._client.id,
            files,
            pure=False,
            # others may take it if these are gone
            **({} if everywhere else {"workers": wanted, "allow_other_workers": True}),
        )
        with self._lock:
            self._running[future] = chunk
        future.add_done_callback(self._take)

    def _files(self, chunk: Sequence[_Item]) -> dict[Path, bytes]:
        """The images and labels of a chunk, once a worker has turned out to lack some."""
        if not self._send_files:
            return {}
        return {path: path.read_bytes() for item in chunk for path in files_of(item.job.entry)}

    def _take(self, future: distributed.Future) -> None:
        """A chunk has ended."""
        with self._lock:
            chunk = self._running.pop(future, [])
            if self._stopped:
                return
        from distributed import KilledWorker

        try:
            answer = future.result()
        except KilledWorker as error:
            self._retry_alone(chunk, error)
        except Exception as error:
            gone = "the scheduler is gone"
            said = gone if future.cancelled() else f"{type(error).__name__}: {error}"
            self._fail(chunk, BenchError(f"--cluster: {said}; what was finished is kept"))
        else:
            self._deliver(chunk, answer)

    def _deliver(self, chunk: list[_Item], answer: Answer) -> None:
        if answer.missing is not None:
            self._send_files = True
            self._again(chunk)
            return
        if answer.unfit is not None:
            self._is_unfit(answer.worker, answer.codec, answer.unfit)
            self._again(chunk)
            return
        for item, result in zip(chunk, answer.results, strict=True):
            seconds = answer.seconds / len(chunk)
            before = self._seconds.get(item.codec, seconds)
            self._seconds[item.codec] = 0.8 * before + 0.2 * seconds
            others = set(self._known) - set(self._unfit_for(item.codec)) - {answer.worker}
            if result.failure is not None and not item.avoid and others:
                item.avoid.add(answer.worker)
                self._again([item])
            elif not item.future.cancelled():
                item.future.set_result(result)

    def _retry_alone(self, chunk: list[_Item], error: Exception) -> None:
        """Each job by itself, to find the one that kills its workers; that one has failed."""
        if len(chunk) == 1:
            failed = Result(failure=f"its workers were killed: {error}")
            chunk[0].future.set_result(failed)
            return
        for item in chunk:
            item.alone = True
        self._again(chunk)

    def _again(self, items: Iterable[_Item]) -> None:
        for item in items:
            self._submitted.put(item)

    def _fail(self, items: Iterable[_Item], error: BenchError) -> None:
        for item in items:
            if not item.future.done():
                item.future.set_exception(error)


def _with_stream(job: OriginalJob) -> OriginalJob:
    """The job with its kept bitstream, which lies where workers may not read it."""
    if not isinstance(job, Job) or job.stream is None:
        return job
    with suppress(OSError):
        content = job.stream.path.read_bytes()
        return replace(job, stream=replace(job.stream, content=content))
    return job


def _drain(queue: SimpleQueue[Any]) -> list[Any]:
    items = []
    with suppress(Empty):
        while True:
            items.append(queue.get_nowait())
    return items
