"""Formatting of numbers and names, and text that is safe to print."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

# Sequences that colour text or move the cursor; removed whole, or the rest would be shown.
_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")
# Characters that move a terminal's cursor or reverse its text; tabs and newlines stay.
_CONTROLS = (*range(9), *range(11, 32), *range(127, 160))
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_DROPPED = dict.fromkeys((*_CONTROLS, *_DIRECTIONS))


def printable(text: str) -> str:
    """The text without control characters: text of a file may try to control the terminal."""
    return text if text.isprintable() else _ESCAPES.sub("", text).translate(_DROPPED)


def one_line(text: str) -> str:
    """Text of a program or a file, in one line that is safe to print."""
    shown = printable(text)
    return " ".join("".join(c if c.isprintable() else " " for c in shown).split())


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str], word: str = "and") -> str:
    """``a, b and c``."""
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """The values of each key, in the order of the keys' first values."""
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """The nearest known name as a question, or ``otherwise``."""
    by_key = {each.lower(): each for each in known}
    if near := difflib.get_close_matches(name.lower(), by_key, n=1):
        return f"did you mean '{by_key[near[0]]}'?"
    return otherwise or f"known: {', '.join(by_key.values())}"
