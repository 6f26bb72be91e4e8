"""Many small jobs on a cluster for a long time: what grows of memory, open files and processes.

    python tests/benchmarks/soak.py [--minutes 30] [--jobs 20000] [--each 2000]

One process runs sweep after sweep on two workers that stay. The growth is that from the end of the
first sweep, when all is loaded, to the end of the last; it goes on until both the minutes have
passed and so many jobs are done.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import dask
import distributed
import numpy as np
import psutil
from figures import options_of, print_figures
from PIL import Image

from bench import api
from bench.sweep.open_cluster import SETTINGS

_POINTS = "10,30,50,70"


class State(NamedTuple):
    """Of a process."""

    megabytes: float
    files: int
    children: int
    threads: int


def state() -> State:
    here = psutil.Process()
    megabytes, children = here.memory_info().rss / 2**20, len(here.children(recursive=True))
    return State(megabytes, here.num_fds(), children, here.num_threads())


def states(client: distributed.Client) -> dict[str, State]:
    return {"driver": state()} | client.run(state)


def growth(before: dict[str, State], after: dict[str, State]) -> dict[str, str]:
    figures = {}
    for number, (name, last) in enumerate(after.items()):
        what = name if name == "driver" else f"worker {number}"
        first = before[name]
        figures[what] = (
            f"{first.megabytes:.0f} to {last.megabytes:.0f} MB, "
            f"{first.files} to {last.files} files, {first.children} to {last.children} children, "
            f"{first.threads} to {last.threads} threads"
        )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--each", type=int, default=2000, help="jobs of one sweep")
    options = options_of(parser, minutes=0, jobs=16, each=8)
    began, done, sweeps = time.monotonic(), 0, 0
    before = None
    with (
        tempfile.TemporaryDirectory() as name,
        dask.config.set(SETTINGS),  # as ``--cluster local`` has them
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        pictures = Path(name) / "pictures"
        pictures.mkdir()
        rng = np.random.default_rng(1)
        for number in range(options.each // len(_POINTS.split(","))):
            noise = rng.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(noise).save(pictures / f"{number}.png")
        while done < options.jobs or time.monotonic() - began < 60 * options.minutes:
            made = api.run(
                "jpeg",
                data=pictures,
                points=[_POINTS],
                metrics=["psnr_rgb"],
                cluster=local.scheduler_address,
                results=Path(name) / f"results{sweeps}",
            )
            done, sweeps = done + made.outcome.done.total(), sweeps + 1
            before = before or states(client)
        after = states(client)
        left = len(list(Path(tempfile.gettempdir()).glob("bench-*")))
    minutes = (time.monotonic() - began) / 60
    figures = {"done": f"{done:,} jobs in {sweeps} sweeps, {minutes:.0f} min"}
    print_figures(figures | growth(before, after) | {"temporary files left": str(left)}, options)


if __name__ == "__main__":
    main()
