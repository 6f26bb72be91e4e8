"""An executor on a Dask cluster: chunks of jobs go to its workers, their results come back.

A worker is the same code as on this machine, kept between chunks, so that codecs and networks are
loaded once. What it loads must have the digests of the plan; a worker that lacks something gets no
such job again. A job that fails is tried once more on another worker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import __version__
from bench.errors import BenchError
from bench.runtime.text import grouped
from bench.sweep.chunks import ANY, Answer, files_of, run_chunk, stop
from bench.sweep.jobs import Job, OriginalJob, Result
from bench.sweep.roster import ANSWER_SECONDS, GPU, Roster

if TYPE_CHECKING:
    import distributed

# The length of a chunk: long enough that scheduling costs next to nothing.
_CHUNK_SECONDS, _CHUNK_JOBS = 5.0, 32
# Chunks for each thread of a worker: one runs and one waits, so that no thread is idle.
_CHUNKS_OF_A_THREAD = 2
# How long to collect submitted jobs before they are cut into chunks.
_BURST_SECONDS = 0.1
_WAIT_SECONDS = 1.0  # for a worker or a job, before looking again
_START_SECONDS = 60.0  # for the first worker
_GRACE_SECONDS = 10.0  # for one that is fit
_MOST_LOST = 3  # times that all workers of a job may go, before it is tried by itself
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Item:
    """A job under way."""

    job: OriginalJob
    future: Future[Result] = field(default_factory=Future)
    avoid: set[str] = field(default_factory=set)  # workers that it failed on
    alone: bool = False  # since it was in a chunk whose workers died
    lost: int = 0  # how often all workers that might run it went

    @property
    def codec(self) -> str:
        return self.job.codec.name if isinstance(self.job, Job) else ANY

    @property
    def neural(self) -> bool:
        """Whether a network runs in it, on a GPU where there is one."""
        codes = isinstance(self.job, Job) and self.job.codec.neural
        return codes or bool(self.job.score_requests)


class _Chunk(NamedTuple):
    """Jobs that were sent together."""

    items: list[_Item]
    only: frozenset[str]  # the workers that may run it; empty if all may


class Cluster:
    """The workers of a Dask scheduler."""

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self._submitted = SimpleQueue[_Item | None]()
        self._running: dict[distributed.Future, _Chunk] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._roster = Roster(client)
        self._seconds: dict[str, float] = {}  # of a job, by codec
        self._broken: BenchError | None = None
        self._began = time.monotonic()
        self._send_files = False  # until a worker lacks some
        self._ended = SimpleQueue["distributed.Future | None"]()

    def start(self) -> None:
        """Wait for the first worker."""
        try:
            self._client.wait_for_workers(1, timeout=_START_SECONDS)
        except TimeoutError:
            _log.warning("no worker has come within %.0f s; waiting", _START_SECONDS)
        self._roster.wait()
        for work in (self._dispatch, self._take_all):
            threading.Thread(target=work, daemon=True).start()

    @property
    def remarks(self) -> list[str]:
        """What is worth knowing of the cluster before work starts."""
        return self._roster.remarks

    def capacity(self) -> tuple[int, int]:
        """Jobs that can run at once, and those that are to be under way beside them."""
        usual = min([*self._seconds.values()], default=_CHUNK_SECONDS)
        in_chunk = max(1, min(_CHUNK_JOBS, round(_CHUNK_SECONDS / max(usual, 1e-3))))
        threads = max(1, self._roster.threads)
        return threads, threads * (_CHUNKS_OF_A_THREAD * in_chunk - 1)

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
            running, over = dict(self._running), self._stopped
            self._stopped = over or cancel_futures or not wait
        if over:
            return
        waiting = [item for item in _drain(self._submitted) if item]
        self._submitted.put(None)
        if cancel_futures:
            for item in chain(waiting, _items(running.values())):
                item.future.cancel()
        elif wait:
            wait_for([item.future for item in _items(running.values())])
        try:
            self._client.sync(self._stop, list(running), callback_timeout=ANSWER_SECONDS)
        except TimeoutError:
            _log.warning("not all workers answer; their last jobs may still run")
        except Exception:  # the scheduler or a worker may be gone
            _log.debug("workers were not stopped", exc_info=True)
        self._ended.put(None)

    async def _stop(self, running: list[distributed.Future]) -> None:
        await self._client.cancel(running, force=True, asynchronous=True)
        await self._client.run(stop, self._client.id, on_error="ignore", asynchronous=True)

    def _dispatch(self) -> None:
        """Cut what was submitted into chunks."""
        items: list[_Item | None] = []
        try:
            while True:
                items.clear()
                self._collect(items)
                if None in items:
                    return
                groups = grouped((self._group(item), item) for item in items if item).values()
                if waiting := [group for group in groups if not self._send(group)]:
                    time.sleep(_WAIT_SECONDS)
                    self._again(chain(*waiting))
        except Exception as error:
            _log.debug("the cluster's dispatcher ended", exc_info=True)
            said = f"the scheduler is gone: {error}; what was finished is kept"
            self._broken = BenchError(f"--cluster: {said}")
            with self._lock:
                running = _items(self._running.values())
            self._fail([*running, *filter(None, [*items, *_drain(self._submitted)])], self._broken)

    def _collect(self, items: list[_Item | None]) -> None:
        """What was submitted, once there is a worker; the roster is kept up to date meanwhile."""
        while not items or (None not in items and not self._roster):
            self._roster.look()
            self._send_lost_again()
            with suppress(Empty):
                items.append(self._submitted.get(timeout=_WAIT_SECONDS))
                time.sleep(_BURST_SECONDS)
                items += _drain(self._submitted)

    def _group(self, item: _Item) -> tuple[object, ...]:
        """The same for jobs that the same workers may get."""
        return tuple(self._roster.unfit(item.codec)), tuple(item.avoid), item.neural

    def _send(self, group: Sequence[_Item]) -> bool:
        """False if no worker can get them now, but others may be on their way."""
        codec, avoid = group[0].codec, group[0].avoid
        fit = self._roster.fit(codec)
        if not fit:
            if not self._roster or time.monotonic() - self._began < _GRACE_SECONDS:
                return False
            worker, reason = next(iter(self._roster.unfit(codec).items()))
            what = codec or "any job"
            self._fail(group, BenchError(f"no worker can run {what}: {worker}: {reason}"))
            return True
        wanted = [address for address in fit if address not in avoid] or fit
        with_gpu = self._roster.with_gpu(wanted) or self._roster.with_gpu(fit)
        options: dict[str, Any] = {}
        if group[0].neural and with_gpu:
            wanted = with_gpu
            options |= {"resources": {GPU: 1}}
        if not self._roster.are_all(wanted):
            options |= {"workers": wanted}
        chunks = list(self._chunks(group))
        # All at once, as a message for each would cost the scheduler more; not so with images.
        step = 1 if self._send_files else len(chunks)
        for first in range(0, len(chunks), step):
            self._submit(chunks[first : first + step], options)
        return True

    def _submit(self, chunks: Sequence[list[_Item]], options: Mapping[str, Any]) -> None:
        try:
            files = [self._files(chunk) for chunk in chunks]
        except OSError as error:
            self._fail(chain(*chunks), BenchError(f"{error.filename}: {error.strerror}"))
            return
        jobs = [[item.job for item in chunk] for chunk in chunks]
        about = {"version": __version__, "sweep": self._client.id}
        futures = self._client.map(run_chunk, jobs, files, **about, pure=False, **options)
        only = frozenset(options.get("workers", ()))
        with self._lock:
            for future, chunk in zip(futures, chunks, strict=True):
                self._running[future] = _Chunk(chunk, only)
        for future in futures:
            future.add_done_callback(self._ended.put)

    def _send_lost_again(self) -> None:
        """Chunks for workers that are all gone are for others now."""
        with self._lock:
            lost = {
                future: chunk.items
                for future, chunk in self._running.items()
                if chunk.only and not self._roster.has_any(chunk.only)
            }
            for future in lost:
                del self._running[future]
        for future, items in lost.items():
            self._client.cancel(future)
            for item in items:
                item.lost += 1
            if max(item.lost for item in items) > _MOST_LOST:
                self._retry_alone(items, "all its workers went")
            else:
                self._again(items)

    def _chunks(self, items: Iterable[_Item]) -> Iterator[list[_Item]]:
        """Jobs together for some seconds."""
        chunk: list[_Item] = []
        seconds = 0.0
        for item in items:
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

    def _files(self, chunk: Sequence[_Item]) -> dict[Path, bytes]:
        """The images and labels of a chunk, once a worker has turned out to lack some."""
        if not self._send_files:
            return {}
        return {path: path.read_bytes() for item in chunk for path in files_of(item.job.entry)}

    def _take_all(self) -> None:
        """Take the answers of chunks that have ended, of many at a time."""
        while (first := self._ended.get()) is not None:
            futures = [first, *filter(None, _drain(self._ended))]
            with self._lock:
                if self._stopped:
                    return
                sent = {future: self._running.pop(future, None) for future in futures}
            ended = [(future, chunk.items) for future, chunk in sent.items() if chunk]
            finished = [future for future, _ in ended if future.status == "finished"]
            answers: dict[distributed.Future, Answer] = {}
            with suppress(Exception):  # a worker went before it gave its answer: one by one
                answers = dict(zip(finished, self._client.gather(finished), strict=True))
            for future, chunk in ended:
                self._take(future, chunk, answers.get(future))

    def _take(self, future: distributed.Future, chunk: list[_Item], answer: Answer | None) -> None:
        from distributed import KilledWorker

        try:
            self._deliver(chunk, answer or future.result())
        except KilledWorker as error:
            self._retry_alone(chunk, str(error))
        except Exception as error:
            gone = "the scheduler is gone"
            said = gone if future.cancelled() else f"{type(error).__name__}: {error}"
            self._fail(chunk, BenchError(f"--cluster: {said}; what was finished is kept"))

    def _deliver(self, chunk: list[_Item], answer: Answer) -> None:
        if answer.missing is not None:
            self._send_files = True
            self._again(chunk)
            return
        if answer.unfit is not None:
            self._roster.is_unfit(answer.worker, answer.codec, answer.unfit)
            self._again(chunk)
            return
        for item, result in zip(chunk, answer.results, strict=True):
            seconds = answer.seconds / len(chunk)
            before = self._seconds.get(item.codec, seconds)
            self._seconds[item.codec] = 0.8 * before + 0.2 * seconds
            others = set(self._roster.fit(item.codec)) - {answer.worker}
            if result.failure is not None and not item.avoid and others:
                item.avoid.add(answer.worker)
                self._again([item])
            else:
                _finish(item, result)

    def _retry_alone(self, chunk: list[_Item], reason: str) -> None:
        """Each job by itself, to find the one that kills its workers; that one has failed."""
        if len(chunk) == 1:
            _finish(chunk[0], Result(failure=f"its workers were killed: {reason}"))
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


def _finish(item: _Item, result: Result) -> None:
    if not item.future.cancelled():
        item.future.set_result(result)


def _items(chunks: Iterable[_Chunk]) -> list[_Item]:
    return [item for chunk in chunks for item in chunk.items]


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
