"""What runs on a worker of a cluster: chunks of jobs, in a process that keeps what it loads."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import __version__
from bench.datasets import Entry
from bench.datasets.dataset import LabelFile
from bench.errors import BenchError
from bench.runtime.files import replacing
from bench.runtime.machine import this_machine
from bench.sweep.jobs import Job, OriginalJob, Result
from bench.sweep.machine import ThisMachine
from bench.sweep.worker import Worker, run

ANY = ""
"""Stands for every codec."""


@dataclass(frozen=True)
class Answer:
    """What a worker made of a chunk: the results, or why it can run no such job."""

    worker: str
    seconds: float = 0.0
    results: Sequence[Result] = ()
    unfit: str | None = None
    codec: str = ANY  # that it cannot run
    missing: Path | None = None  # a file that has to be sent


# A sweep that sends nothing for so long is over, or its process was killed.
_IDLE_SECONDS = 60.0


class _Held:
    """What this process keeps for a sweep."""

    def __init__(self, sweep: str, threads: int) -> None:
        self.machine = ThisMachine(threads, Worker())
        self.chunks = 0  # that run
        self.used = time.monotonic()
        self._sweep = sweep
        self._watch()

    def _watch(self) -> None:
        later = threading.Timer(_IDLE_SECONDS, self._drop_if_idle)
        later.daemon = True
        later.start()

    def _drop_if_idle(self) -> None:
        with _lock:
            if _held.get(self._sweep) is not self:
                return  # it was stopped
            idle = not self.chunks and time.monotonic() - self.used >= _IDLE_SECONDS
            if idle:
                del _held[self._sweep]
        if idle:
            self.machine.shutdown(wait=False)
        else:
            self._watch()


_held: dict[str, _Held] = {}  # by sweep: several may share a worker
_ended = set[str]()  # sweeps of which no chunk is to begin any more
_lock = threading.Lock()


def introduce() -> dict[str, str]:
    """What a worker is, for the client to compare."""
    return {"bench": __version__, **this_machine()}


def run_chunk(
    jobs: Sequence[OriginalJob], files: Mapping[Path, bytes], version: str, sweep: str
) -> Answer:
    """Run jobs in this process, which keeps what it loads; ``files`` are those that were sent."""
    from distributed import get_worker

    here = get_worker()
    began = time.monotonic()
    if version != __version__:
        return Answer(here.address, unfit=f"it has bench {__version__}, not {version}")
    try:
        return _run(jobs, sweep, files, here, began)
    except OSError as error:  # such as a full disk
        return Answer(here.address, unfit=f"{error.filename}: {error.strerror}")


def _run(
    jobs: Sequence[OriginalJob], sweep: str, files: Mapping[Path, bytes], here: Any, began: float
) -> Answer:
    folder = Path(here.local_directory)
    jobs = [replace(job, entry=_with_files(job.entry, files, folder)) for job in jobs]
    for job in jobs:
        if missing := [path for path in files_of(job.entry) if not path.is_file()]:
            return Answer(here.address, missing=missing[0])
    with _machine_of(sweep, here.state.nthreads) as machine:
        for job in jobs:
            name = job.codec.name if isinstance(job, Job) else ANY
            try:
                machine.worker.check(job)
            except Exception as error:
                return Answer(here.address, unfit=str(error), codec=name)
        futures = [machine.submit(run, job) for job in jobs]
        try:
            results = [future.result() for future in futures]
        except BenchError as error:  # such as a full disk
            return Answer(here.address, unfit=str(error))
    return Answer(here.address, time.monotonic() - began, results)


def files_of(entry: Entry) -> list[Path]:
    labels = [label.path for label in (entry.instances, entry.semantic) if label]
    return list(dict.fromkeys([entry.path, *labels, *filter(None, [entry.depth])]))


def _with_files(entry: Entry, files: Mapping[Path, bytes], folder: Path) -> Entry:
    """The entry with its files where they are written here, if they were sent."""
    written = {
        path: _written(path, files[path], folder) for path in files_of(entry) if path in files
    }
    return replace(
        entry,
        path=written.get(entry.path, entry.path),
        instances=_label_at(entry.instances, written),
        semantic=_label_at(entry.semantic, written),
        depth=entry.depth and written.get(entry.depth, entry.depth),
    )


def _label_at(label: LabelFile | None, written: Mapping[Path, Path]) -> LabelFile | None:
    if label is None or label.path not in written:
        return label
    there: LabelFile = replace(label, path=written[label.path])  # type: ignore[type-var]
    return there


def _written(path: Path, content: bytes, folder: Path) -> Path:
    file = folder / "bench" / hashlib.sha256(content).hexdigest() / path.name
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            temporary.write_bytes(content)
    return file


@contextmanager
def _machine_of(sweep: str, threads: int) -> Iterator[ThisMachine]:
    """What is loaded for a sweep; it is dropped once nothing has used it for a while."""
    with _lock:
        if sweep in _ended:
            raise BenchError("the sweep has ended")
        if sweep not in _held:
            _held[sweep] = _Held(sweep, threads)
        held = _held[sweep]
        held.chunks += 1
    try:
        yield held.machine
    finally:
        with _lock:
            held.chunks -= 1
            held.used = time.monotonic()


def stop(sweep: str) -> None:
    """Stop the jobs of a sweep in this process, and their programs."""
    with _lock:
        _ended.add(sweep)
        held = _held.pop(sweep, None)
    if held is not None:
        held.machine.shutdown(wait=False, cancel_futures=True)
