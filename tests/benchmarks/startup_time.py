"""How long ``bench --help`` takes: the median of twenty.

python tests/benchmarks/startup_time.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bench", "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(f"bench --help: {statistics.median(seconds() for _ in range(20)):.2f} s")
