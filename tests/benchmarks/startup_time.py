"""How long ``bench --help`` takes: the median of twenty.

python tests/benchmarks/startup_time.py
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from figures import options_of, print_figures


def seconds() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bench", "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    options = options_of(parser, rounds=1)
    taken = statistics.median(seconds() for _ in range(options.rounds))
    print_figures({"bench --help": f"{taken:.2f} s"}, options)


if __name__ == "__main__":
    main()
