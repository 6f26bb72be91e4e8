"""All benchmarks, one after the other, as the table of figures that README and docs quote.

    python tests/benchmarks/all.py [NAME ...] [--smallest]

The table is Markdown, headed by the machine. Ratios compare two things measured in turns, so they
hold on a busy machine and, roughly, on another; seconds are of this machine alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from bench.runtime.machine import this_machine

HERE = Path(__file__).parent
NAMES = (
    "startup_time",
    "sweep_cost",
    "compressai_bench",
    "sweep_memory",
    "quality_cost",
    "average_precision_speed",
    "coco_ap_speed",
    "ncn_speed",
    "ncn_throughput",
    "ncn_limits",
    "training_step",
    "cluster_overhead",
    "driver_memory",
    "soak",
)


def figures(name: str, smallest: bool) -> dict[str, str]:
    """The figures that a benchmark prints."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--json", *["--smallest"] * smallest]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, str] = json.loads(result.splitlines()[-1])
    return found


def machine() -> str:
    result = this_machine()
    versions = [f"{name} {result[name]}" for name in ("bench", "python", "ffmpeg", "numpy")]
    cores = f"{os.cpu_count()} cores"
    day = time.strftime("%Y-%m-%d")
    return ", ".join([result["processor"], cores, *versions, f"torch {version('torch')}", day])


def rows(names: list[str], smallest: bool) -> Iterator[str]:
    yield f"On {machine()}:\n"
    yield "| benchmark | figure | value |"
    yield "| --- | --- | --- |"
    for name in names:
        for what, value in figures(name, smallest).items():
            yield f"| `{name}.py` | {what} | {value} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} [all]")
    parser.add_argument("--smallest", action="store_true", help="only to see that they run")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(NAMES)}")
    for row in rows(options.names or list(NAMES), options.smallest):
        print(row, flush=True)


if __name__ == "__main__":
    main()
