"""A sweep against ``compressai.utils.bench``, which does the same work: wall time and memory.

    python tests/benchmarks/compressai_bench.py [--python PYTHON] [--images FOLDER] [--limit N]
        [--jobs N] [--rounds N]

Both code the same pictures with the same settings, decode them and compute PSNR of RGB, with as
many processes or threads. CompressAI needs an environment of its own (pip install compressai, for
Python 3.12 at most), whose interpreter ``--python`` names. Memory is the most that the processes of
a side had together, shared pages counted once.

- JPEG and WebP by Pillow, at each quality, with its other settings, by CompressAI's own classes.
- AV1 by libaom and HEVC by x265, both in bench's ffmpeg, with the options of the cards ``av1`` and
  ``x265``, as CompressAI's ``BinaryCodec``. Its own AV1 fails (1.2.8 gives it a path where it
  expects a picture), and x265 it knows only in BPG, whose encoder has to be built.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil
from figures import options_of, print_figures, spread

from bench.codecs.catalog import load_codec
from bench.datasets import open_dataset
from bench.images import colour
from bench.runtime import ffmpeg

_POINTS = {"jpeg": (12, 60), "webp": (15, 80), "av1": (50, 30), "x265": (37, 27)}
_BY_PILLOW = ("jpeg", "webp")
_PILLOW = """
title = "The same by Pillow"
family = "pillow"
points = {{ unit = "quality", default = {points} }}
pillow = {{ format = "{format}", save = {{ quality = "{{point}}" }} }}
"""
# Runs in CompressAI's environment.
_THEIRS = """
import sys
from compressai.utils.bench import __main__ as bench, codecs
encode, decode = (each.split("\\n") for each in sys.argv[1:3])
class Ffmpeg(codecs.BinaryCodec):
    fmt, name, description = ".bin", "ffmpeg", "ffmpeg"
    def _get_encode_cmd(self, image, quality, stream):
        return [part.format(image=image, point=quality, stream=stream) for part in encode]
    def _get_decode_cmd(self, stream, picture):
        return [part.format(stream=stream, picture=picture) for part in decode]
bench.codecs.append(Ffmpeg)
bench.main(sys.argv[3:])
"""


class Cost(NamedTuple):
    seconds: float
    megabytes: float


def cost(command: list[str]) -> Cost:
    """Of a command with all that it starts."""
    began, most = time.perf_counter(), 0
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    result: list[bytes] = []
    assert running.stderr is not None
    reader = threading.Thread(target=lambda: result.append(running.stderr.read()))
    reader.start()
    watched = psutil.Process(running.pid)
    while running.poll() is None:
        most = max(most, _memory(watched))
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    reader.join()
    if running.returncode:
        sys.exit(f"{command[0]} failed: {result[0].decode()[-2000:]}")
    return Cost(seconds, most / 2**20)


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().pss
    except psutil.Error:  # one has ended
        return 0
    return total


def ours(codec: str, images: Path, jobs: int, folder: Path) -> list[str]:
    points, named = _POINTS[codec], codec
    if codec in _BY_PILLOW:
        card = folder / f"{codec}.toml"
        card.write_text(_PILLOW.format(points=list(points), format=codec.upper()))
        named = str(card)
    command = [sys.executable, "-m", "bench", "run", "--codec", named, "--data", str(images)]
    command += ["--points", ",".join(map(str, points)), "--metric", "psnr_rgb", "--task", "none"]
    return [*command, "--jobs", str(jobs), "--results", tempfile.mkdtemp(dir=folder)]


def theirs(codec: str, images: Path, jobs: int, python: str) -> list[str]:
    encode, decode = _ffmpeg(codec)
    command = [python, "-c", _THEIRS, "\n".join(encode), "\n".join(decode)]
    command += [codec if codec in _BY_PILLOW else "ffmpeg", str(images), "-j", str(jobs)]
    return [*command, "-q", ",".join(map(str, _POINTS[codec])), "--metrics", "psnr-rgb"]


def _ffmpeg(codec: str) -> tuple[list[str], list[str]]:
    """The commands of a card, from an image file and to one."""
    if codec in _BY_PILLOW:
        return [], []
    card = load_codec(codec).card.options
    start = [str(ffmpeg.binary()), "-loglevel", "error", "-y", "-threads", "1"]
    to_ycbcr = ["-frames:v", "1", "-vf", colour.TO_YCBCR]
    encode = [*start, "-i", "{image}", *to_ycbcr, *card["encode"].split(), "{stream}"]
    to_rgb = ["-frames:v", "1", "-vf", colour.TO_RGB]
    return encode, [*start, *card["decode"].split(), "-i", "{stream}", *to_rgb, "{picture}"]


def missing(python: str | None) -> str | None:
    """What there is to install before anything can be compared."""
    if python is None:
        return "--python names no interpreter with CompressAI; pip install compressai in its own"
    found = subprocess.run([python, "-c", "import compressai.utils.bench"], capture_output=True)
    if found.returncode:
        return f"{python} has no CompressAI; pip install compressai in an environment of its own"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=os.environ.get("BENCH_COMPRESSAI_PYTHON"))
    parser.add_argument("--images", default="toyscapes", help="as bench run --data takes it")
    parser.add_argument("--limit", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--codecs", nargs="+", choices=_POINTS, default=list(_POINTS))
    options = options_of(parser, limit=1, rounds=1, codecs=["jpeg"])
    if reason := missing(options.python):
        print_figures({"left out": reason}, options)
        return
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = folder / "images"
        images.mkdir()
        for entry in open_dataset(options.images, limit=options.limit).entries:
            shutil.copy(entry.path, images)
        for codec in options.codecs:
            both = [
                (
                    cost(ours(codec, images, options.jobs, folder)),
                    cost(theirs(codec, images, options.jobs, options.python)),
                )
                for _ in range(options.rounds)
            ]
            for index, unit in enumerate(("s", "MB")):
                here, there = ([pair[side][index] for pair in both] for side in (0, 1))
                ratios = [a / b for a, b in zip(here, there, strict=True)]
                figures[f"{codec}, bench / CompressAI, {unit}"] = (
                    f"{spread(here)} / {spread(there)}: {spread(ratios)}"
                )
    print_figures(figures, options)


if __name__ == "__main__":
    main()
