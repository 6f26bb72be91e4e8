"""Programs as files: which files determine a program's behaviour, and whether they changed.

A statically linked program depends on its file, one that loads libraries also on these, and a
script on the files that it names. The C and C++ runtime belongs to the machine, not the program:
each security update replaces it, and the results of its functions depend on the processor anyway.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, UnavailableError
from bench.runtime.cache import file_digests
from bench.runtime.programs import run_program

# What may also determine the behaviour, but cannot be checked.
SCRIPT, LIBRARIES = "what the script starts", "its libraries"

_State = tuple[int, int, int, int]
_ELF_HEADER = 64  # bytes
_INTERPRETER = 3  # the type of an ELF segment that only programs with libraries have
_LIBRARY = re.compile(r"^\s*(?:(\S+) => )?(/\S+|not found)", re.MULTILINE)
_RUNTIME = re.compile(
    r"(ld-linux|ld-musl|ld64|lib(c|m|mvec|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+|gomp))\b.*"
)
_PATH = re.compile(r"(?<![\w.$/}])/[^\s'\"`;|&<>()$=:]+")
_MAX_SCRIPT_BYTES = 2**20  # bytes that are searched for names of files


@dataclass(frozen=True)
class Executable:
    """The state of a program when it was checked."""

    path: Path
    digest: str  # of all files, or of the file alone
    alone: bool  # whether its behaviour depends on its file alone
    unknown: str  # what may change unnoticed: SCRIPT, LIBRARIES or nothing
    _states: tuple[tuple[Path, _State | None], ...]

    @property
    def changed(self) -> bool:
        """Whether it, or a file that it is known to load, has been replaced."""
        return any(_state(path) != state for path, state in self._states)


def look_at(path: Path) -> Executable:
    """The state of a program, or of a file that a program reads."""
    try:
        with path.open("rb") as file:
            head = file.read(_ELF_HEADER)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error.strerror}") from error
    others: Iterable[Path] = ()
    unknown = ""
    if head[:2] == b"#!":
        others, unknown = _named_in(path), SCRIPT
    elif head[:4] == b"\x7fELF":
        if _loads_libraries(path, head):
            libraries = _libraries(path)
            others, unknown = libraries or (), LIBRARIES if libraries is None else ""
    else:  # of another system, whose libraries cannot be listed
        unknown = LIBRARIES
    files = [path, *sorted(set(others) - {path})]
    states = tuple((each, _state(each)) for each in files)
    digests = file_digests(files)
    digest = digests[path]
    if len(files) > 1:
        lines = [digest, *(f"{each.name} {digests[each]}" for each in files[1:])]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return Executable(path, digest, len(files) == 1 and not unknown, unknown, states)


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _named_in(script: Path) -> list[Path]:
    """The files that a script names by their absolute paths, without its interpreter."""
    with script.open("rb") as file:
        file.readline()
        text = file.read(_MAX_SCRIPT_BYTES).decode("utf-8", "replace")
    return [path for name in _PATH.findall(text) if (path := Path(name)).is_file()]


def _loads_libraries(path: Path, head: bytes) -> bool:
    """Whether an ELF file names a loader; a damaged one does not."""
    if len(head) < _ELF_HEADER:
        return False
    order = "<" if head[5] == 1 else ">"
    is_wide = head[4] == 2  # of 64 bits
    (offset,) = struct.unpack_from(f"{order}{'Q' if is_wide else 'I'}", head, 32 if is_wide else 28)
    size, count = struct.unpack_from(f"{order}HH", head, 54 if is_wide else 42)
    if offset + size * count > path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(offset)
        table = file.read(size * count)
    kind = struct.Struct(f"{order}I")
    places = range(0, len(table) - kind.size + 1, size or kind.size)
    return _INTERPRETER in (kind.unpack_from(table, at)[0] for at in places)


def _libraries(program: Path) -> list[Path] | None:
    """The libraries that its loader loads, without the runtime; None if unknown."""
    try:
        finished = run_program(["ldd", program], time_limit=20)
    except BenchError:
        return None
    listed = _LIBRARY.findall(finished.stdout.decode("utf-8", "replace"))
    if finished.status != 0 or not listed or any(place == "not found" for _, place in listed):
        return None
    return [Path(place) for _, place in listed if not _RUNTIME.fullmatch(Path(place).name)]
