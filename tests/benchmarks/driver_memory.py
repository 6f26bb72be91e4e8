"""The memory of the process that plans a sweep and takes its results: a million jobs, or fewer.

    python tests/benchmarks/driver_memory.py [--jobs 10000 1000000]

Nothing is coded: an executor ends each job at once and empty, so that what grows with their number
is seen alone. Each number of jobs has a process of its own; the figure is its peak.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from figures import options_of, print_figures
from PIL import Image

from bench.store import StoreWriter
from bench.sweep.execute import execute
from bench.sweep.jobs import OriginalJob, Result
from bench.sweep.plan import prepare
from bench.sweep.request import Request, open_inputs

_IMAGES = 250
_CARD = """
title = "Nothing"
family = "pillow"
points = { unit = "q", default = [1] }
pillow = { format = "JPEG", save = { quality = 50, comment = "{point}" } }
"""


class Nothing:
    """An executor whose jobs are done at once."""

    def submit(self, run: Callable[[OriginalJob], Result], job: OriginalJob, /) -> Future[Result]:
        future = Future[Result]()
        future.set_result(Result(digest="digest", values={}))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass


def sweep(jobs: int, folder: Path) -> None:
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(_IMAGES):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(pictures / f"{number}.png")
    (folder / "nothing.toml").write_text(_CARD)
    points = ",".join(map(str, range(1, jobs // _IMAGES + 1)))
    request = Request(
        [str(folder / "nothing.toml")], data=str(pictures), points=[points], metrics=["psnr_rgb"]
    )
    with StoreWriter(folder / "results") as store:
        plan = prepare(open_inputs(request), store)
        assert len(plan.jobs) == jobs
        store.save_measures = lambda *its: None  # type: ignore[method-assign]
        outcome = execute(plan, store, Nothing())
    assert outcome.done.total() == jobs
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def peak(jobs: int) -> float:
    """In MB, in a process of its own."""
    command = [sys.executable, __file__, "--jobs", str(jobs), "--here"]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument("--here", action="store_true", help="run them in this process")
    options = options_of(parser, jobs=[250, 2500])
    if options.here:
        with tempfile.TemporaryDirectory() as folder:
            sweep(options.jobs[0], Path(folder))
        return
    peaks = {jobs: peak(jobs) for jobs in options.jobs}
    figures = {f"{jobs:,} jobs": f"{found:.0f} MB" for jobs, found in peaks.items()}
    figures["most to fewest"] = f"{peaks[max(peaks)] / peaks[min(peaks)]:.2f}"
    print_figures(figures, options)


if __name__ == "__main__":
    main()
