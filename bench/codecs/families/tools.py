"""An external encoder and decoder on this machine: where they are and what they are."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.codecs.families.commands import Words, fill
from bench.errors import BenchError, CardError, TimeLimitError, UnavailableError
from bench.runtime.programs import run_program, workspace
from bench.runtime.settings import settings_path, user_path

_SEARCH_LIMIT = 10.0  # seconds; Python starts in a fraction of one
_MAX_PRINTED = 2**16  # characters in which a version is looked for
_SEARCH = """
import json, re, sys
pattern, text = json.load(sys.stdin.buffer)
found = re.search(pattern, text)
print(json.dumps(found and found[1]))
"""


@dataclass(frozen=True)
class RequiredTools:
    """What a card asks of the machine: programs under any of their names, and a cfg file."""

    folder: str | None  # the variable that names where they are
    card: Path  # the card's own folder, where they are without such a variable, or on PATH
    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    cfg: str | None
    get: str | None

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


def find_tools(wanted: RequiredTools) -> Tools:
    """In the user's folder if one is named, its bin/ and cfg/ included; else on PATH.

    A card without a variable for that has its programs in its own folder, or on PATH.
    """
    folder = user_path(wanted.folder) if wanted.folder else None
    if folder is not None:
        folder = folder.absolute()
    encoder = _find_program(wanted, wanted.encoder, folder)
    decoder = _find_program(wanted, wanted.decoder, folder)
    beside = folder or (encoder.resolve().parent if wanted.folder else wanted.card)
    return Tools(encoder, decoder, _find_cfg(wanted, beside))


def _find_program(wanted: RequiredTools, names: tuple[str, ...], folder: Path | None) -> Path:
    own = folder if wanted.folder else wanted.card
    places = [] if own is None else [own, own / "bin"]
    for name in names:
        candidates = [*(str(place / name) for place in places), *([] if folder else [name])]
        # Links are not followed: a virtual environment's Python, or one of the many names of
        # one program, would become another program.
        if found := next(filter(None, map(shutil.which, candidates)), None):
            return Path(found).absolute()
    for place in places:
        for name in names:
            if (place / name).is_file():
                raise UnavailableError(f"{place / name} is not executable; chmod +x it")
    raise UnavailableError(_not_found(wanted, " or ".join(names), folder))


def _not_found(wanted: RequiredTools, called: str, folder: Path | None) -> str:
    get = f"; {wanted.get}" if wanted.get else ""
    if wanted.folder is None:
        return f"no program {called} in {wanted.card}, in its bin/ or on PATH{get}"
    if folder is not None:
        return (
            f"{wanted.folder} names {folder}, but no program {called} is there or in its bin/{get}"
        )
    key = wanted.folder.removeprefix("BENCH_").lower()
    then = f"{get}, then name" if get else "; name"
    return (
        f"no program {called} on PATH{then} the folder in {wanted.folder}, "
        f"or as '{key}' under [paths] in {settings_path()}"
    )


def _find_cfg(wanted: RequiredTools, beside: Path) -> Path | None:
    if wanted.cfg is None:
        return None
    places = [beside, beside / "cfg", beside.parent / "cfg"]
    for place in places:
        if (place / wanted.cfg).is_file():
            return (place / wanted.cfg).resolve()
    searched = ", ".join(str(place) for place in places)
    comes = "; it comes with the encoder's sources" if wanted.folder else ""
    raise UnavailableError(f"no {wanted.cfg} in {searched}{comes}")


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
    asked = json.dumps([pattern.pattern, text[:_MAX_PRINTED]]).encode()
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
