"""A process that renders scenes: ROOT VERSION SPLIT SCALE INDEX…, a line for each one written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.datasets.toyscapes.editions import EDITIONS
from bench.datasets.toyscapes.files import PROBLEM, write_scene


def main() -> None:
    root, version, split, scale, *indices = sys.argv[1:]
    try:
        for index in indices:
            write_scene(Path(root), EDITIONS[version], split, int(index), int(scale))
            print(index, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody waits for more
    except OSError as error:
        print(f"{PROBLEM}{root}: {error.strerror or error}", flush=True)


if __name__ == "__main__":
    main()
