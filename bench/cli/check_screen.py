"""A check on the terminal."""

from __future__ import annotations

from itertools import zip_longest
from math import isfinite

from rich.console import Group, RenderableType
from rich.text import Text

from bench.cli.columns import Columns, Row, TextLine
from bench.gate.formatting import EXPLAINED, HEADINGS, figures, summary, title
from bench.gate.verdicts import Check, Verdict
from bench.runtime.text import one_line

_MARKS = {
    "pass": Text("✓ pass", "green"),
    "regression": Text("✗ regression", "bold red"),
    "changed": Text("✗ changed", "bold red"),
    "inconclusive": Text("? inconclusive", "bold yellow"),
}
_STYLES = {0: "green", 1: "bold red", 2: "bold yellow"}
_OUTCOME = 2 + max(mark.cell_len for mark in _MARKS.values())


def check_screen(check: Check) -> RenderableType:
    judged = any(isfinite(verdict.change) for verdict in check.verdicts)
    body: list[Row | RenderableType] = []
    for verdict, following in zip_longest(check.verdicts, check.verdicts[1:]):
        # A reason that several verdicts share is printed once, below the last of them.
        repeated = following is not None and following.why == verdict.why
        body += _verdict(verdict, explain=isfinite(verdict.change) or not repeated)
    headings = ("", *HEADINGS) if judged else ("",)
    spare = HEADINGS[:2] if judged else ()
    parts: list[RenderableType] = [TextLine(Text(), title(check), "bold"), ""]
    parts.append(Columns(headings, body, spare, number=10))
    if judged:
        parts.append(TextLine(Text(), EXPLAINED, "dim"))
    if check.notes:
        parts += ["", Text("Notes", style="bold")]
        parts += [TextLine(Text("- "), note) for note in check.notes]
    return Group(*parts, "", Text(summary(check), style=_STYLES[check.status]))


def _verdict(verdict: Verdict, *, explain: bool) -> list[Row | RenderableType]:
    mark = _MARKS[verdict.outcome].copy()
    mark.pad_right(_OUTCOME - mark.cell_len)
    lines: list[Row | RenderableType] = [TextLine(mark, verdict.rule.text, "bold")]
    if isfinite(verdict.change):
        lines.append((f"  {verdict.where}", *figures(verdict)))
    if explain and verdict.why:
        lines.append(TextLine(Text("  "), one_line(verdict.why)))
    return lines
