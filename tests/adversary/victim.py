"""A process that receives hostile input, one request a line, and answers with the outcome.

    {"bench": ["encode", …]}                                       a command, by its arguments
    {"decode": "jpeg", "stream": "mutated.jpg", "size": [48, 32]}  a stream, by its codec

It may crash, hang or run out of memory: the process that asks notices that from outside.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import resource
import sys
import traceback
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from bench.__main__ import status
from bench.codecs.catalog import load_codec
from bench.errors import StreamError
from bench.runtime import ffmpeg


def command(arguments: list[str]) -> dict[str, Any]:
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        number = status(arguments)
    return {"outcome": f"status {number}", "message": err.getvalue()}


codec_called = cache(load_codec)


def decode(codec: str, stream: Path, size: list[int]) -> dict[str, Any]:
    try:
        picture = codec_called(codec).decode(stream.read_bytes())
    except StreamError as error:
        return {"outcome": "StreamError", "message": f"{error}\n"}
    height, width, _ = picture.shape
    right = [width, height] == size and picture.dtype.name == "uint8"
    return {"outcome": "picture" if right else "another size", "message": ""}


@cache
def shorten_time_limit(seconds: float = 10) -> None:
    """ffmpeg and its encoders may hang where memory is short; they are stopped after minutes."""
    run = ffmpeg.run_program

    def run_briefly(*command: Any, time_limit: float, **options: Any) -> Any:
        return run(*command, time_limit=min(time_limit, seconds), **options)

    ffmpeg.run_program = run_briefly


def answer(request: dict[str, Any]) -> dict[str, Any]:
    if room := request.get("room"):  # bytes more of address space than now, from here on
        shorten_time_limit()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * os.sysconf("SC_PAGE_SIZE") + room
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    try:
        if "bench" in request:
            return command(request["bench"])
        return decode(request["decode"], Path(request["stream"]), request["size"])
    except BaseException as error:
        return {"outcome": f"raised {type(error).__name__}", "message": traceback.format_exc()}
    finally:
        if room:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)


def peak() -> float:
    """The most memory that this process or a program that it ran has had, in MB."""
    # Its own ru_maxrss would start with what the process had that started it.
    own = int(re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[0])
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module=r"PIL\.")  # as the command does
    printed = os.fdopen(os.dup(1), "w")  # a library may print, too
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)) | {"peak": peak()}), file=printed, flush=True)
