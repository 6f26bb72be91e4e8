"""A check on the terminal, in 80 columns or more."""

from __future__ import annotations

from itertools import zip_longest
from math import isfinite

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.gate.verdicts import Check, Verdict
from bench.gate.words import EXPLAINED, HEADINGS, figures, summary, title
from bench.report.words import one_line

_MARKS = {
    "pass": Text("✓ pass", "green"),
    "regression": Text("✗ regression", "bold red"),
    "could not tell": Text("? could not tell", "bold yellow"),
}
_STYLES = {0: "green", 1: "bold red", 2: "bold yellow"}
_OUTCOME = 16
_WIDTHS = (_OUTCOME, 10, 10, 10, 17, 10)


def check_screen(check: Check) -> RenderableType:
    parts: list[RenderableType] = [Text(title(check), style="bold"), ""]
    judged = any(isfinite(verdict.change) for verdict in check.verdicts)
    if judged:
        parts.append(_row(Text(""), *(Text(heading, style="bold") for heading in HEADINGS)))
    for verdict, following in zip_longest(check.verdicts, check.verdicts[1:]):
        # What stands in the way of several is said once, under the last of them.
        repeated = following is not None and following.why == verdict.why
        parts += _verdict(verdict, tell=isfinite(verdict.change) or not repeated)
    if judged:
        parts.append(Text(EXPLAINED, style="dim"))
    if check.notes:
        parts += ["", Text("Notes", style="bold")]
        parts += [_beside(Text("-"), Text(note), 1) for note in check.notes]
    return Group(*parts, "", Text(summary(check), style=_STYLES[check.status]))


def _verdict(verdict: Verdict, *, tell: bool) -> list[RenderableType]:
    mark, rule = _MARKS[verdict.outcome], Text(verdict.rule.text, style="bold")
    lines: list[RenderableType] = [_beside(mark, rule, _OUTCOME)]
    if isfinite(verdict.change):
        lines.append(_row(Text(f"  {verdict.where}"), *map(Text, figures(verdict))))
    if tell and verdict.why:
        lines.append(_beside(Text(""), Text(one_line(verdict.why)), _OUTCOME))
    return lines


def _row(*cells: Text) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for column, width in enumerate(_WIDTHS):
        table.add_column(width=width, justify="right" if column else "left", overflow="fold")
    table.add_row(*cells)
    return table


def _beside(label: Text, words: Text, width: int) -> Table:
    """Words that wrap beside their label; they come from files and programs, and are no markup."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=width, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(label, words)
    return table
