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
from figures import options_of, print_figures

from bench.images.image import write_png

PROGRAM = (
    "import sys, resource, bench.cli.progress, bench.cli.report_screen\n"
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
    parser.add_argument("--scale", type=int, default=16, help="of pictures of 128x64")
    arguments = options_of(parser, images=1, jobs=1, scale=2)
    scale = arguments.scale
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "images"
        folder.mkdir()
        rng = np.random.default_rng(1)
        for index in range(arguments.images):
            noise = rng.integers(0, 256, (64, 128, 3), dtype=np.uint8)
            write_png(noise.repeat(scale, axis=0).repeat(scale, axis=1), folder / f"{index}.png")
        command = ["run", "--codec", "x265", "--codec", "jpeg", "--data", str(folder)]
        command += ["--jobs", str(arguments.jobs), "--results", f"{name}/results"]
        taken, before = most_megabytes(*command), most_megabytes()
    each = (taken - before) / arguments.jobs
    figures = {
        "coded": f"{arguments.images} pictures of {128 * scale}x{64 * scale}",
        "for each job": f"{each:.0f} MB",
        "before": f"{before:.0f} MB",
        f"at most, with {arguments.jobs} jobs": f"{taken:.0f} MB",
    }
    print_figures(figures, arguments)


if __name__ == "__main__":
    main()
