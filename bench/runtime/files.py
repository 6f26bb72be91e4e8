"""Reading and writing files; each is written completely or not at all."""

from __future__ import annotations

import itertools
import json
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.errors import BenchError, DataError
from bench.runtime.leftovers import remove_leftovers, temporary_name

_numbers = itertools.count()
_tidied: set[Path] = set()
# Not allowed in a name; also the percent sign, so that no two texts have the same name.
_UNSAFE = re.compile(r"^\.|[/\\%\x00-\x1f\x7f-\x9f]")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it replaces the file if nothing fails."""
    if path.parent not in _tidied:  # once: remove files of killed processes
        _tidied.add(path.parent)
        remove_leftovers(path.parent)
    temporary = path.with_name(f".{temporary_name()}{next(_numbers)}{path.suffix}")
    try:
        yield temporary
        if path.exists() and not path.is_file():  # a device or a pipe is written to, not replaced
            path.write_bytes(temporary.read_bytes())
        else:
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def forget_tidied() -> None:
    """From now on, look again in each folder for files of killed processes."""
    _tidied.clear()


def check_regular(path: Path) -> None:
    """Only regular files are read whole: a pipe or a device may have no end."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise DataError(f"{path}: a folder, not a file")
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: not a regular file but a pipe or a device; copy it to a file")


def read_regular(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes."""
    try:
        check_regular(path)
        if (size := path.stat().st_size) > limit:
            raise DataError(f"{path}: {size} bytes are too many; at most {limit} are read")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


@contextmanager
def describe_write_errors(path: Path) -> Iterator[None]:
    """Raise any error of writing a file as one line."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def safe_name(text: str) -> str:
    """The text as the name of one file or folder: ``../a`` is ``%2E.%2Fa``."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", text)


def write_text(path: Path, content: str) -> Path:
    """Write a text file completely, or not at all."""
    with describe_write_errors(path), replacing(path) as temporary:
        temporary.write_text(content, "utf-8", newline="\n")
    return path


def read_toml(path: Path, what: str, error: type[BenchError]) -> dict[str, Any]:
    """Read a TOML file that a person wrote; ``what`` names its kind in errors."""
    try:
        check_regular(path)
        content = tomllib.loads(path.read_text("utf-8"))
        repr(content)  # fails for integers that Python reads but does not write
        return content
    except DataError as irregular:
        raise error(str(irregular)) from irregular
    except FileNotFoundError as missing:
        raise error(f"{path}: no such {what}") from missing
    except (OSError, UnicodeDecodeError) as unreadable:
        raise error(f"{path}: cannot be read ({unreadable})") from unreadable
    except (ValueError, RecursionError) as wrong:  # TOML does not have Python's limits
        raise error(f"{path}: not valid TOML: {wrong}") from wrong


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse to write a file that is also read, or to write it twice."""
    read = {path.resolve() for path in inputs if path}
    written = set[Path]()
    for path in filter(None, outputs):
        if path.exists() and not path.is_file():
            continue  # a device or a pipe takes anything
        if path.resolve() in read:
            raise DataError(f"{path}: is an input; name another file for the output")
        if path.resolve() in written:
            raise DataError(f"{path}: is the output of two options; name another file")
        written.add(path.resolve())


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"{folder}: cannot be created: {error.strerror}") from error
