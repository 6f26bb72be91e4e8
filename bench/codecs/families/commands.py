"""Command lines as cards write them: one text, shell quotes allowed, {placeholders} filled in."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from bench.runtime.file_model import as_text

Words = tuple[str, ...]


def _split(text: Any) -> Words:
    try:
        words = tuple(shlex.split(as_text(text)))
        for word in words:
            _placeholders(word)
    except ValueError as error:
        raise ValueError(f"not a command line: {error}") from error
    return words


# A card's command line, whose words may have placeholders.
Command = Annotated[Words, BeforeValidator(_split), WithJsonSchema({"type": "string"})]


def check_placeholders(words: Words, allowed: Iterable[str], required: Iterable[str] = ()) -> Words:
    """The words; ValueError for unknown or missing placeholders."""
    found = {name for word in words for name in _placeholders(word)}
    if unknown := sorted(found.difference(allowed)):
        known = _braced(allowed) or "none"
        raise ValueError(f"unknown placeholder {_braced(unknown)}; known: {known}")
    if missing := [name for name in required if name not in found]:
        raise ValueError(f"missing placeholder {_braced(missing)}")
    return words


def _braced(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


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
