"""The ffmpeg binary that the imageio-ffmpeg wheel carries (or the one IMAGEIO_FFMPEG_EXE names)."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from bench.cache import file_digest
from bench.errors import CodecError, UnavailableError
from bench.programs import Finished, run_program

# Quiet, never asking, never reading the terminal.
_ADVICE = (
    "'pip install --force-reinstall imageio-ffmpeg' brings one, or name one in IMAGEIO_FFMPEG_EXE"
)
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
# How encoders print their libraries' versions.
_VERSIONS = {
    "libx265": r"HEVC encoder version (\S+)",
    "libvvenc": r"libvvenc version: (\S+)",
    "libaom-av1": r"libaom-av1 @ \w+\] v(\S+)",
    "libsvtav1": r"SVT-AV1 Encoder Lib v(\S+)",
}


@functools.cache
def binary() -> Path:
    """Where ffmpeg is."""
    import imageio_ffmpeg

    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise UnavailableError(f"no ffmpeg: {_ADVICE}") from error


@functools.cache
def digest() -> str:
    """The binary's digest: whatever it produces is keyed by it."""
    return file_digest(binary())


@functools.cache
def version() -> str:
    """The version it prints, such as ``n9.0.2``."""
    said = run_program([binary(), "-version"]).stdout.decode("utf-8", "replace")
    found = re.match(r"ffmpeg version (\S+)", said)
    if found is None:
        raise UnavailableError(f"{binary()} does not answer as ffmpeg does; {_ADVICE}")
    return found[1]


@functools.cache
def encoder_version(encoder: str) -> str:
    """The version of an encoder's library, if it prints one, else that of ffmpeg."""
    prints = _VERSIONS.get(encoder)
    if prints is not None:
        picture = ["-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-pix_fmt", "yuv420p"]
        command: list[str | Path] = [
            binary(),
            "-hide_banner",
            "-nostdin",
            *picture,
            "-c:v",
            encoder,
        ]
        said = run_program([*command, "-f", "null", "-"]).stderr.decode("utf-8", "replace")
        if found := re.search(prints, said):
            return f"{encoder} {found[1]}"
    return f"ffmpeg {version()}"


@functools.cache
def encoders() -> frozenset[str]:
    """The names of the encoders built in."""
    return _second_column("-encoders")


@functools.cache
def filters() -> frozenset[str]:
    """The names of the filters built in."""
    return _second_column("-filters")


def _second_column(option: str) -> frozenset[str]:
    listing = run_program([binary(), "-hide_banner", option]).stdout.decode().splitlines()
    return frozenset(line.split()[1] for line in listing if len(line.split()) > 1)


def run_ffmpeg(
    arguments: Sequence[str],
    stdin: bytes | Sequence[bytes | memoryview] = b"",
    *,
    time_limit: float = 600.0,
    folder: Path | None = None,
) -> Finished:
    """Run ffmpeg; a status other than 0 is an error with the end of what it said."""
    finished = run_program(
        [binary(), *_QUIET, *arguments],
        stdin=stdin,
        time_limit=time_limit,
        folder=folder,
        stdout_is_data="pipe:1" in arguments,
    )
    if finished.status != 0:
        raise CodecError(f"ffmpeg failed (status {finished.status}): {finished.complaint()}")
    return finished
