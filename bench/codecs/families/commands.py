"""Command lines as cards write them: one text, shell quotes allowed, {placeholders} filled in."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Formatter

from bench.errors import CardError

Words = tuple[str, ...]


def parse_command(
    where: Path, key: str, text: str, *, allowed: Iterable[str], required: Iterable[str] = ()
) -> Words:
    """A card's command line as words; one line about a placeholder it must not or must have."""
    allowed, required = tuple(allowed), tuple(required)
    try:
        words = tuple(shlex.split(text))
        found = {name for word in words for name in _placeholders(word)}
    except ValueError as error:
        raise CardError(f"{where}: '{key}' is not a command line: {error}") from error
    known = ", ".join(f"{{{name}}}" for name in allowed) or "none"
    for name in sorted(found.difference(allowed)):
        raise CardError(f"{where}: '{key}' has an unknown placeholder {{{name}}}; known: {known}")
    for name in required:
        if name not in found:
            raise CardError(f"{where}: '{key}' must have the placeholder {{{name}}}")
    return words


def _placeholders(word: str) -> list[str]:
    fields = [field for _, *field in Formatter().parse(word)]
    if any(layout or conversion for _, layout, conversion in fields):
        raise ValueError(f"a placeholder is a name in braces and no more, unlike '{word}'")
    return [name for name, _, _ in fields if name is not None]


def written(path: Path) -> bytes:
    """What a program wrote there; nothing if it did not."""
    return path.read_bytes() if path.is_file() else b""


def fill(words: Words, values: Mapping[str, object]) -> list[str]:
    """The words with their placeholders replaced."""
    return [word.format_map(values) for word in words]
