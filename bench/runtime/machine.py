"""A description of this machine: the provenance of every result made on it."""

from __future__ import annotations

import functools
import platform
from importlib.metadata import version
from pathlib import Path

from bench import __version__
from bench.runtime import ffmpeg


def processor() -> str:
    """The processor's name, as the system reports it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


@functools.cache
def this_machine() -> dict[str, str]:
    """The name, the processor, and the versions that results may depend on."""
    return {
        "name": platform.node(),
        "system": platform.platform(terse=True),
        "processor": processor(),
        "bench": __version__,
        "python": platform.python_version(),
        "ffmpeg": ffmpeg.version(),
        **{name: version(name) for name in ("numpy", "pillow")},
    }
