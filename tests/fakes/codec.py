"""A small lossless codec as a program, with the faults that real ones have, on demand.

codec.py encode INPUT STREAM RECONSTRUCTION WIDTH HEIGHT POINT [FAULT]
codec.py decode STREAM OUTPUT [FAULT]
"""

import os
import sys
import time
import zlib
from pathlib import Path


def misbehave(fault: str) -> None:
    print("fake codec: here is my last word", file=sys.stderr, flush=True)
    if fault == "crash":
        os.abort()
    if fault == "fail":
        sys.exit(3)
    if fault == "hang":
        time.sleep(1000)
    if fault == "silent":
        sys.exit(0)
    if fault == "orphan" and os.fork() == 0:  # holds the pipes open long after its parent
        time.sleep(1000)
    while fault == "babble":
        print("rubbish " * 1000, file=sys.stderr)


def encode(
    source: str,
    stream: str,
    reconstruction: str,
    width: str,
    height: str,
    point: str,
    fault: str = "",
) -> None:
    planes = Path(source).read_bytes()
    if len(planes) != int(width) * int(height) * 3 // 2:
        sys.exit(f"{len(planes)} bytes, not a picture of {width}x{height}")
    misbehave(fault)
    step = int(point)
    planes = bytes(value // step * step for value in planes)
    packed = zlib.compress(planes)
    Path(stream).write_bytes(packed[:-9] if fault == "short" else packed)
    Path(reconstruction).write_bytes(planes[::-1] if fault == "other" else planes)


def decode(stream: str, output: str, fault: str = "") -> None:
    planes = zlib.decompress(Path(stream).read_bytes())
    misbehave(fault)
    Path(output).write_bytes(planes + b"more" if fault == "larger" else planes)


match sys.argv[1:]:
    case ["--version"]:
        print("Fake Codec, version [1.2] of today")
    case ["encode", *arguments]:
        encode(*arguments)
    case ["decode", *arguments]:
        decode(*arguments)
