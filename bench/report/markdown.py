"""GitHub-flavoured Markdown in which names from files and programs are plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def plain(text: str) -> str:
    """Text with all markup escaped, in one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", " ".join(text.split()))
    return re.sub(r"^([-+]|\d+[.)])(?=\s)", r"\\\1", escaped)


def table(rows: Iterable[Sequence[str]]) -> str:
    """A table whose first row is the heading; the first two columns are aligned left."""
    heading, *body = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    columns = heading.count(" | ") + 1
    return "\n".join([heading, "| --- | --- |" + " ---: |" * (columns - 2), *body])


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {plain(line)}" for line in lines)


def _cell(text: str) -> str:
    return plain(text).replace(" %", "\N{NO-BREAK SPACE}%")
