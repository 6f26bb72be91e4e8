"""What ``--cluster`` costs beside the work: jobs that sleep, on real and on simulated workers.

    python tests/benchmarks/cluster_overhead.py [--workers 1 2] [--simulated 10 100 1000]
        [--seconds 0.5 5 60]

Real workers are processes of this machine. Simulated ones share this process with the scheduler and
the sweep, so that they have one core in all. They sleep in its event loop: a thousand threads that
wake together would fight for the interpreter's lock for minutes. What a worker's own core does
elsewhere, watching its memory and profiling itself many times a second, is turned off; heartbeats
are as Dask spaces them. Jobs of 60 s sleep as long. Each worker gets as many jobs as fill
``--rounds`` chunks: by default 8, as a thousand workers get of Cityscapes' 500 images at 8 points
by 2 codecs if a chunk is one job. Overhead is the wall time beyond what the jobs slept, shared by
the workers; efficiency is what they slept as a part of the wall time of all workers. Starting the
cluster and the first chunk of each worker, when it is not known yet how long a job takes, are not
counted.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import dask
import distributed
from figures import options_of, print_figures

from bench.datasets import Entry
from bench.sweep import cluster
from bench.sweep.chunks import Answer
from bench.sweep.cluster import Cluster
from bench.sweep.jobs import CodecReference, Job, OriginalJob, Result

_STREAM = bytes(20_000)  # what comes back of a picture of two megapixels
_OF_A_WORKER = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "1h",
    "distributed.admin.tick.interval": "1h",
}


def sleep_chunk(jobs: Sequence[OriginalJob], *others: object, **more: object) -> Answer:
    """As a worker answers, but it sleeps; a job's point says how long."""
    began = time.monotonic()
    for job in jobs:
        time.sleep(float(job.point))
    return _answer(jobs, began)


async def sleep_chunk_in_loop(
    jobs: Sequence[OriginalJob], *others: object, **more: object
) -> Answer:
    """The same without a thread."""
    began = time.monotonic()
    for job in jobs:
        await asyncio.sleep(float(job.point))
    return _answer(jobs, began)


def _answer(jobs: Sequence[OriginalJob], began: float) -> Answer:
    address = distributed.get_worker().address
    return Answer(address, time.monotonic() - began, [Result(stream=_STREAM) for _ in jobs])


def a_job(seconds: float) -> Job:
    entry = Entry("image", Path("image.png"))
    return Job(entry, "digest", (), CodecReference("codec", "card", "fingerprint"), seconds, {})


def run_jobs(workers: Cluster, jobs: int, seconds: float) -> float:
    """The wall time of so many jobs, as many under way as a sweep would have."""
    began = time.monotonic()
    ended = SimpleQueue[Future[Result]]()
    under_way = 0
    while jobs or under_way:
        while jobs and under_way < sum(workers.capacity()):
            future = workers.submit(lambda job: Result(), a_job(seconds))
            future.add_done_callback(ended.put)
            jobs, under_way = jobs - 1, under_way + 1
        ended.get().result()
        under_way -= 1
    return time.monotonic() - began


def _workers(count: int, *, processes: bool) -> Any:
    if processes:
        return distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, dashboard_address=":0"
        )
    here = {"protocol": "inproc://", "dashboard_address": ":0"}
    worker = {"cls": distributed.Worker, "options": {"nthreads": 1, "memory_limit": 0, **here}}
    scheduler = {"cls": distributed.Scheduler, "options": here}
    return distributed.SpecCluster(dict.fromkeys(range(count), worker), scheduler)


def efficiency(count: int, seconds: float, rounds: int, *, processes: bool) -> float:
    """The part of the workers' time in which they slept."""
    cluster.run_chunk = sleep_chunk if processes else sleep_chunk_in_loop  # type: ignore[assignment]
    with (
        dask.config.set({} if processes else _OF_A_WORKER),
        _workers(count, processes=processes) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        client.wait_for_workers(count)
        workers = Cluster(client)
        workers.start()
        run_jobs(workers, count, min(seconds, 5.0))
        in_chunk = sum(workers.capacity()) // count // 2
        jobs = count * rounds * in_chunk
        wall = run_jobs(workers, jobs, seconds)
        workers.shutdown()
        return jobs * seconds / (wall * count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--simulated", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--seconds", type=float, nargs="*", default=[0.5, 5, 60])
    parser.add_argument("--rounds", type=int, default=8)
    options = options_of(parser, workers=[1], simulated=[4], seconds=[0.1], rounds=1)
    logging.getLogger("distributed").setLevel(logging.ERROR)
    figures = {}
    for count in options.workers:
        lost = 1 / efficiency(count, options.seconds[0], options.rounds, processes=True) - 1
        what = f"overhead, {count} real workers, jobs of {options.seconds[0]:g} s"
        figures[what] = f"{100 * lost:.1f} %"
    for count in options.simulated:
        for seconds in options.seconds:
            found = efficiency(count, seconds, options.rounds, processes=False)
            what = f"efficiency, {count} simulated workers, jobs of {seconds:g} s"
            figures[what] = f"{100 * found:.1f} %"
    print_figures(figures, options)


if __name__ == "__main__":
    main()
