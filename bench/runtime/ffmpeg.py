"""The ffmpeg binary of the imageio-ffmpeg wheel (or the one named by IMAGEIO_FFMPEG_EXE)."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError, CodecError, UnavailableError
from bench.runtime.executables import LIBRARIES, Executable, look_at
from bench.runtime.programs import Finished, run_program

_ADVICE = "'pip install --force-reinstall imageio-ffmpeg' installs one, or set IMAGEIO_FFMPEG_EXE"
ANOTHER = (
    "unset IMAGEIO_FFMPEG_EXE, or 'pip install --force-reinstall imageio-ffmpeg', "
    "whose binary has all that is needed"
)
# Quiet, never asking, never reading the terminal.
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
# How encoders print their libraries' versions.
_VERSIONS = {
    "libx265": r"HEVC encoder version (\S+)",
    "libvvenc": r"libvvenc version: (\S+)",
    "libaom-av1": r"libaom-av1 @ \w+\] v(\S+)",
    "libsvtav1": r"SVT-AV1 Encoder Lib v(\S+)",
}


_looked_at: dict[Path, Executable] = {}
_looking = threading.Lock()


def binary() -> Path:
    """The path of ffmpeg."""
    import imageio_ffmpeg

    try:
        named = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise UnavailableError(f"no ffmpeg: {_ADVICE}") from error
    return Path(shutil.which(named) or named).absolute()  # it may be a name on PATH


def digest() -> str:
    """A digest of everything that determines ffmpeg's output, whose results are stored under it."""
    program = _program()
    return program.digest if _is_alone(program) else _digest_with_version(program)


def remark() -> str | None:
    """What may change in ffmpeg without a change of its digest."""
    try:
        program = _program()
    except BenchError:
        return None
    if _is_alone(program) or not program.unknown:
        return None
    return f"{program.path}: a change of {program.unknown} may go unnoticed"


def version() -> str:
    """The version it prints, such as ``n9.0.2``."""
    program = _program()
    found = re.match(r"ffmpeg version (\S+)", _printed(program, "-version"))
    if found is None:
        raise UnavailableError(f"{program.path} is not ffmpeg; {_ADVICE}")
    return found[1]


def encoder_version(encoder: str) -> str:
    """The version of an encoder's library, if it prints one, otherwise that of ffmpeg."""
    return _encoder_version(_program(), encoder)


@functools.cache
def _encoder_version(program: Executable, encoder: str) -> str:
    prints = _VERSIONS.get(encoder)
    if prints is not None:
        picture = ["-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-pix_fmt", "yuv420p"]
        coding = ["-hide_banner", "-nostdin", *picture, "-c:v", encoder, "-f", "null", "-"]
        printed = run_program([program.path, *coding]).stderr.decode("utf-8", "replace")
        if found := re.search(prints, printed):
            return f"{encoder} {found[1]}"
    return f"ffmpeg {version()}"


def encoders() -> frozenset[str]:
    """The names of the encoders built in."""
    return _built_in("-encoders")


def filters() -> frozenset[str]:
    """The names of the filters built in."""
    return _built_in("-filters")


def _program() -> Executable:
    """The present binary, inspected again whenever it or a library of it is replaced."""
    path = binary()
    with _looking:
        if path not in _looked_at or _looked_at[path].changed:
            _looked_at[path] = look_at(path)
        return _looked_at[path]


def _is_alone(program: Executable) -> bool:
    """Whether its output depends on its file alone, as with the wheel's on every system."""
    import imageio_ffmpeg

    return program.alone or (
        program.unknown == LIBRARIES
        and Path(imageio_ffmpeg.__file__).parent in program.path.parents
    )


@functools.cache
def _digest_with_version(program: Executable) -> str:
    """Its digest with its version and configuration."""
    text = f"{program.digest}\n{_printed(program, '-version')}"
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _printed(program: Executable, option: str) -> str:
    finished = run_program([program.path, "-hide_banner", option], time_limit=60)
    return finished.stdout.decode("utf-8", "replace")


def _built_in(option: str) -> frozenset[str]:
    """The names that an option lists, in the second column."""
    rows = map(str.split, _printed(_program(), option).splitlines())
    return frozenset(row[1] for row in rows if len(row) > 1)


def run_ffmpeg(
    arguments: Sequence[str],
    stdin: bytes | Sequence[bytes | memoryview] = b"",
    *,
    time_limit: float = 600.0,
    folder: Path | None = None,
) -> Finished:
    """Run ffmpeg; a status other than 0 is an error with the end of its output."""
    path = binary()
    if path in _looked_at and _looked_at[path].changed:
        raise CodecError(f"{path} was replaced since its digest was taken; run the command again")
    finished = run_program(
        [path, *_QUIET, *arguments],
        stdin=stdin,
        time_limit=time_limit,
        folder=folder,
        stdout_is_data="pipe:1" in arguments,
    )
    if finished.status != 0:
        raise CodecError(f"ffmpeg failed (status {finished.status}): {finished.complaint()}")
    return finished
