"""GitHub-flavoured Markdown in which whatever comes from files and programs is text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def plain(text: str) -> str:
    """Text that stays what it is: nothing in it is markup, a cell's end or a line's."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", " ".join(text.split()))
    return re.sub(r"^([-+]|\d+[.)])(?=\s)", r"\\\1", escaped)


def table(rows: Iterable[Sequence[str]]) -> str:
    """The first row is the heading; names stand left, numbers right."""
    heading, *body = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    columns = heading.count(" | ") + 1
    return "\n".join([heading, "| --- | --- |" + " ---: |" * (columns - 2), *body])


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {plain(line)}" for line in lines)


def _cell(text: str) -> str:
    return plain(text).replace(" %", "\N{NO-BREAK SPACE}%")
