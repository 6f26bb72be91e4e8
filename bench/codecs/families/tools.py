"""An external encoder and decoder on this machine: where they are and what they are."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from bench.codecs.families.commands import Words, fill
from bench.codecs.families.external_card import ExternalOptions
from bench.errors import BenchError, CardError, TimeLimitError, UnavailableError
from bench.runtime.programs import run_program, workspace
from bench.runtime.settings import settings_path, user_path

Tools = dict[str, Path]  # by their placeholders: encoder, decoder and, if the card names one, cfg

_SEARCH_LIMIT = 10.0  # seconds; Python starts in a fraction of one
_MAX_PRINTED = 2**16  # characters in which a version is looked for
_SEARCH = """
import json, re, sys
pattern, text = json.load(sys.stdin.buffer)
found = re.search(pattern, text)
print(json.dumps(found and found[1]))
"""


def find_tools(wanted: ExternalOptions, card: Path) -> Tools:
    """In the user's folder if one is named, its bin/ and cfg/ included; else on PATH.

    Without a variable that names a folder, the programs are in the card's folder, or on PATH.
    """
    named = user_path(wanted.folder) if wanted.folder else None
    folder = named and named.absolute()
    tools = {
        "encoder": _find_program(wanted, wanted.encoder, folder, card),
        "decoder": _find_program(wanted, wanted.decoder, folder, card),
    }
    if wanted.cfg:
        default = tools["encoder"].resolve().parent if wanted.folder else card
        tools["cfg"] = _find_cfg(wanted, wanted.cfg, folder or default)
    return tools


def _find_program(
    wanted: ExternalOptions, names: tuple[str, ...], folder: Path | None, card: Path
) -> Path:
    own = folder if wanted.folder else card
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
    raise UnavailableError(_not_found(wanted, " or ".join(names), folder, card))


def _not_found(wanted: ExternalOptions, called: str, folder: Path | None, card: Path) -> str:
    get = f"; {wanted.get}" if wanted.get else ""
    if wanted.folder is None:
        return f"no program {called} in {card}, in its bin/ or on PATH{get}"
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


def _find_cfg(wanted: ExternalOptions, name: str, beside: Path) -> Path:
    places = [beside, beside / "cfg", beside.parent / "cfg"]
    for place in places:
        if (place / name).is_file():
            return (place / name).resolve()
    searched = ", ".join(map(str, places))
    comes = "; it comes with the encoder's sources" if wanted.folder else ""
    raise UnavailableError(f"no {name} in {searched}{comes}")


def printed_version(tools: Tools, command: Words, pattern: re.Pattern[str]) -> str | None:
    """The version that a program prints; None if it does not run or prints something else."""
    try:
        with workspace() as folder:
            finished = run_program(fill(command, tools), folder=folder, time_limit=20)
    except BenchError:
        return None
    return _find(pattern, (finished.stdout + finished.stderr).decode("utf-8", "replace"))


def _find(pattern: re.Pattern[str], text: str) -> str | None:
    """The first match of the pattern's group, found by a process that can be stopped.

    A pattern may take forever, and within this process nothing could end it.
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
