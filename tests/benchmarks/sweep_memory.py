"""What memory a sweep takes for each job, at 2048x1024.

    python tests/benchmarks/sweep_memory.py [--images N] [--jobs N]

The sweep's own process, without the encoders and ffmpeg that it starts, against one that has only
imported what a sweep imports.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench.image import write_png

PROGRAM = (
    "import sys, resource, bench.progress, bench.report.terminal\n"
    "from bench.__main__ import status\n"
    "outcome = status(sys.argv[1:]) if sys.argv[1:] else 0\n"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    "sys.exit(outcome)\n"
)


def most_megabytes(*arguments: str) -> float:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return int(done.stderr.split()[-1]) / unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "images"
        folder.mkdir()
        rng = np.random.default_rng(1)
        for index in range(arguments.images):
            noise = rng.integers(0, 256, (64, 128, 3), dtype=np.uint8)
            write_png(noise.repeat(16, axis=0).repeat(16, axis=1), folder / f"{index}.png")
        command = ["run", "--codec", "x265", "--codec", "jpeg", "--data", str(folder)]
        command += ["--jobs", str(arguments.jobs), "--results", f"{name}/results"]
        taken, before = most_megabytes(*command), most_megabytes()
    each = (taken - before) / arguments.jobs
    print(f"{before:.0f} MB before, {taken:.0f} MB at most: {each:.0f} MB for each job")


if __name__ == "__main__":
    main()
