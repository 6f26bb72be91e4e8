"""What runs on a worker of a cluster: chunks of jobs, in a process that keeps what it loads."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench import __version__
from bench.errors import BenchError
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


_machines: dict[str, ThisMachine] = {}  # by sweep: several may share a worker
_lock = threading.Lock()


def introduce() -> dict[str, str]:
    """What a worker is, for the client to compare."""
    return {"bench": __version__, **this_machine()}


def run_chunk(jobs: Sequence[OriginalJob], version: str, sweep: str) -> Answer:
    """Run jobs in this process, which keeps what it loads."""
    from distributed import get_worker

    here = get_worker()
    began = time.monotonic()
    if version != __version__:
        return Answer(here.address, unfit=f"it has bench {__version__}, not {version}")
    machine = _machine_of(sweep, here.state.nthreads)
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


def _machine_of(sweep: str, threads: int) -> ThisMachine:
    with _lock:
        if sweep not in _machines:
            _machines[sweep] = ThisMachine(threads, Worker())
        return _machines[sweep]


def stop(sweep: str) -> None:
    """Stop the jobs of a sweep in this process, and their programs."""
    with _lock:
        machine = _machines.pop(sweep, None)
    if machine is not None:
        machine.shutdown(wait=False, cancel_futures=True)
