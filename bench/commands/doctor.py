"""Checks what bench needs on this machine, and how to get what is missing."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import __version__
from bench.codecs.catalog import FAMILIES, card_paths, load_codec
from bench.codecs.codec import Codec
from bench.datasets import DATASETS
from bench.errors import BenchError, CacheError
from bench.metrics import METRICS
from bench.runtime import ffmpeg
from bench.runtime.cache import cache_folder
from bench.runtime.cores import available_cores
from bench.runtime.finding import DATA, PACKAGES, Finding, installed
from bench.runtime.machine import processor
from bench.runtime.registry import Registry
from bench.runtime.settings import settings_path, user_path
from bench.tasks.task import TASKS, described_task

_GB = 10**9
_LITTLE = 2 * _GB
_DETECTRON2 = "https://github.com/facebookresearch/detectron2"
_PYARROW = "pip install '.[parquet]'"


def doctor() -> list[Finding]:
    """Check everything; no failure ends the other checks."""
    return [
        Finding("bench", True, __version__),
        Finding("Python", True, f"{platform.python_version()}, {sys.executable}"),
        Finding("machine", True, f"{platform.system()}, {available_cores()} cores, {processor()}"),
        _disk("results", Path(), "name a folder elsewhere with --results"),
        _disk("cache", cache_folder(), "name a folder elsewhere in BENCH_CACHE"),
        _disk("temporary", Path(tempfile.gettempdir()), "name a folder elsewhere in TMPDIR"),
        _settings(),
        *_ffmpeg(),
        *_families(),
        *_each(DATASETS, lambda name: DATASETS[name]().findings(), DATA),
        _torch(),
        *_each(TASKS, lambda name: described_task(name).findings(), "tasks"),
        *_each(METRICS, _metric, PACKAGES),
        installed("Detectron2", "detectron2", f"only --engine detectron2 needs it: {_DETECTRON2}"),
        installed("pyarrow", "pyarrow", f"only 'bench export' to Parquet needs it: {_PYARROW}"),
    ]


def _disk(name: str, folder: Path, elsewhere: str) -> Finding:
    """Free space and write permission of a folder that may not exist yet."""
    folder = folder.absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    found = f"{folder}, {free / _GB:.0f} GB free"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(name, False, found, f"{there} is not writable: {elsewhere}")
    return Finding(name, True, found, f"little space: {elsewhere}" if free < _LITTLE else None)


def _settings() -> Finding:
    path = settings_path()
    try:
        user_path("BENCH_ANYTHING")
    except BenchError as error:
        return Finding("settings", False, str(path), str(error))
    if path.is_file():
        return Finding("settings", True, str(path))
    advice = f"folders may be named in {path} under [paths], as in their environment variables"
    return Finding("settings", None, "no file", advice)


def _ffmpeg() -> Iterator[Finding]:
    try:
        found, filters = ffmpeg.version(), ffmpeg.filters()
        yield Finding("ffmpeg", True, f"{found}, {ffmpeg.binary()}", ffmpeg.remark())
    except CacheError as error:  # for ffmpeg's digest; ffmpeg itself may work
        yield Finding("ffmpeg", False, str(ffmpeg.binary()), str(error))
        return
    except (BenchError, IndexError):  # of another program, which prints no version
        named = os.environ.get("IMAGEIO_FFMPEG_EXE")
        found = f"{named} is not ffmpeg" if named else "none"
        yield Finding("ffmpeg", False, found, ffmpeg.ANOTHER)
        return
    ok, advice = "libvmaf" in filters, f"VMAF and the paper's SSIM need it: {ffmpeg.ANOTHER}"
    yield Finding("libvmaf", ok, "in ffmpeg" if ok else "not in ffmpeg", None if ok else advice)


def shipped_codecs() -> dict[str, Codec | str]:
    """Every shipped codec, anchors first, or the error of its card."""
    loaded: dict[str, Codec | str] = {}
    for name, path in card_paths().items():
        try:
            loaded[name] = load_codec(name)
        except BenchError as error:
            loaded[name] = str(error)
        except Exception as error:  # of a third party's family: it must not hide others
            loaded[name] = f"{path}: its family fails: {error!r}"
    return loaded


def _families() -> Iterator[Finding]:
    """Each family's findings about its shipped codecs, and the invalid cards."""
    of_family: dict[str, list[Codec]] = {}
    for name, codec in shipped_codecs().items():
        if isinstance(codec, str):
            yield Finding(name, False, "its card cannot be used", codec)
        else:
            of_family.setdefault(codec.card.family, []).append(codec)

    yield from _each(
        FAMILIES, lambda name: FAMILIES[name].findings(of_family.get(name, [])), PACKAGES
    )


def _torch() -> Finding:
    if find_spec("torch") is None:
        advice = "task networks need it: pip install torch"
        return Finding("PyTorch", False, "not installed", advice)
    if device := _cuda_device():
        return Finding("PyTorch", True, f"{version('torch')}, {device}")
    return Finding("PyTorch", True, f"{version('torch')}, on the CPU: no CUDA device")


def _cuda_device() -> str | None:
    """The CUDA device of task networks; torch, slow to import, only if there is a driver."""
    try:
        ctypes.CDLL("libcuda.so.1")  # NVIDIA's driver
    except OSError:
        return None
    torch = import_module("torch")
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _metric(name: str) -> Iterable[Finding]:
    """Nothing, if it can be loaded."""
    METRICS[name]
    return []


def _each(
    registry: Registry[Any], find: Callable[[str], Iterable[Finding]], group: str
) -> Iterator[Finding]:
    """Findings about each name of a registry and its packages; a failure does not hide others."""
    for name in registry:
        try:
            with registry.called(name):
                findings = list(find(name))
        except BenchError as error:
            yield Finding(name, False, "cannot be used", str(error), group)
            continue
        if package := registry.package(name):
            yield Finding(name, True, f"{registry.kind} of {package}", group=PACKAGES)
        yield from findings
