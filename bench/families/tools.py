"""An external encoder and decoder on this machine: where they are and what they are."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, CardError, TimeLimitError, UnavailableError
from bench.families.commands import Words, fill
from bench.programs import run_program, workspace
from bench.settings import settings_path, user_path

_SEARCH_LIMIT = 10.0  # seconds; Python starts in a fraction of one
_MOST_PRINTED = 2**16  # characters in which a version is looked for
_SEARCH = """
import json, re, sys
pattern, text = json.load(sys.stdin.buffer)
found = re.search(pattern, text)
print(json.dumps(found and found[1]))
"""


@dataclass(frozen=True)
class Wanted:
    """What a card asks of the machine: programs under any of their names, and a cfg file."""

    folder: str
    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    cfg: str | None
    get: str

    def names(self) -> dict[str, object]:
        """What stands for {encoder}, {decoder} and {cfg} where they are only talked about."""
        return {"encoder": self.encoder[0], "decoder": self.decoder[0], "cfg": self.cfg}


@dataclass(frozen=True)
class Tools:
    """The files found."""

    encoder: Path
    decoder: Path
    cfg: Path | None

    def names(self) -> dict[str, object]:
        """What stands for {encoder}, {decoder} and {cfg}."""
        return {"encoder": self.encoder, "decoder": self.decoder, "cfg": self.cfg}

    def files(self) -> dict[str, Path]:
        """What decides the bytes."""
        files = {"encoder": self.encoder, "decoder": self.decoder, "cfg": self.cfg}
        return {name: path for name, path in files.items() if path is not None}


def find_tools(wanted: Wanted) -> Tools:
    """In the user's folder if one is named, its bin/ and cfg/ included; else on PATH."""
    folder = user_path(wanted.folder)
    if folder is not None:
        folder = folder.absolute()
    encoder = _find_program(wanted, wanted.encoder, folder)
    decoder = _find_program(wanted, wanted.decoder, folder)
    return Tools(encoder, decoder, _find_cfg(wanted, folder or encoder.resolve().parent))


def _find_program(wanted: Wanted, names: tuple[str, ...], folder: Path | None) -> Path:
    places = None if folder is None else os.pathsep.join([str(folder), str(folder / "bin")])
    for name in names:
        if found := shutil.which(name, path=places):
            # Links are not followed: a virtual environment's Python, or one of the many names of
            # one program, would become another program.
            return Path(found).absolute()
    called = " or ".join(names)
    for place in (folder, folder / "bin") if folder is not None else ():
        for name in names:
            if (place / name).is_file():
                raise UnavailableError(f"{place / name} is not executable; chmod +x it")
    if folder is not None:
        raise UnavailableError(
            f"{wanted.folder} names {folder}, but no program {called} is there or in its bin/; "
            f"{wanted.get}"
        )
    key = wanted.folder.removeprefix("BENCH_").lower()
    raise UnavailableError(
        f"no program {called} on PATH; {wanted.get}, then name the folder in {wanted.folder}, "
        f"or as '{key}' under [paths] in {settings_path()}"
    )


def _find_cfg(wanted: Wanted, beside: Path) -> Path | None:
    if wanted.cfg is None:
        return None
    places = [beside, beside / "cfg", beside.parent / "cfg"]
    for place in places:
        if (place / wanted.cfg).is_file():
            return (place / wanted.cfg).resolve()
    searched = ", ".join(str(place) for place in places)
    raise UnavailableError(f"no {wanted.cfg} in {searched}; it comes with the encoder's sources")


def printed_version(tools: Tools, command: Words, pattern: re.Pattern[str]) -> str | None:
    """The version that a program prints; None if it does not run or prints something else."""
    try:
        with workspace() as folder:
            finished = run_program(fill(command, tools.names()), folder=folder, time_limit=20)
    except BenchError:
        return None
    return _find(pattern, (finished.stdout + finished.stderr).decode("utf-8", "replace"))


def _find(pattern: re.Pattern[str], text: str) -> str | None:
    """What the pattern's group matches first, found by a process that can be stopped.

    A pattern may take for ever, and within this process nothing could end it.
    """
    asked = json.dumps([pattern.pattern, text[:_MOST_PRINTED]]).encode()
    try:
        command = [sys.executable, "-I", "-S", "-c", _SEARCH]
        finished = run_program(command, stdin=asked, time_limit=_SEARCH_LIMIT)
    except TimeLimitError as error:
        raise CardError(
            f"version_pattern {pattern.pattern!r} takes more than {_SEARCH_LIMIT:.0f} s on what "
            "the program prints; use a simpler one"
        ) from error
    found: str | None = json.loads(finished.stdout or "null")
    return found
