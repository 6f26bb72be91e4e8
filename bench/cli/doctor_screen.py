"""The doctor's findings: the verdict, what to do, and a line for each thing that is present."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from bench.cli.columns import TextLine
from bench.cli.screens import ABSENT, BUT, NO, YES
from bench.runtime.finding import Finding

_MANY = 3  # up to this many findings of a group have a line each


class _Cut:
    """A label, and as much text as fits one line, with the number of names left out."""

    def __init__(self, label: Text, parts: Sequence[str], style: str) -> None:
        self._label, self._parts, self._style = label, parts, style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - self._label.cell_len
        words = ", ".join(self._parts)
        for shown in range(len(self._parts) - 1, 0, -1):
            if cell_len(words) <= room:
                break
            more = len(self._parts) - shown
            words = f"{', '.join(self._parts[:shown])} and {more} more"
        text = Text(words, self._style)
        text.truncate(room, overflow="ellipsis")
        yield Text.assemble(self._label, text, no_wrap=True)


def doctor_screen(findings: Sequence[Finding], *, whole: bool = False) -> RenderableType:
    """The verdict, then a line for each finding; if it is ``whole``, with advice on each."""
    asking = [
        finding
        for finding in findings
        if whole or finding.ok is False or (finding.ok and finding.advice)
    ]
    here = [] if whole else [finding for finding in findings if finding.ok and not finding.advice]
    absent = [] if whole else [finding for finding in findings if finding.ok is None]
    together = [*_together(here, _MANY), *_together(absent, 0)]
    names = [*(finding.name for finding in asking), *(name for name, _ in together)]
    width = 2 + max(map(cell_len, names))
    lines = [line for finding in asking for line in _finding_lines(finding, width)]
    lines += [_summary(name, group, width) for name, group in together]
    return Group(*_verdict(findings, whole), Text(), *lines)


def _together(findings: Sequence[Finding], most: int) -> list[tuple[str, list[Finding]]]:
    """The findings by their heading; a group of more than ``most`` has a single one."""
    of_group = Counter(finding.group for finding in findings)
    by_heading: dict[str, list[Finding]] = {}
    for finding in findings:
        alone = not finding.group or of_group[finding.group] <= most
        by_heading.setdefault(finding.name if alone else finding.group, []).append(finding)
    return list(by_heading.items())


def _summary(name: str, group: Sequence[Finding], width: int) -> RenderableType:
    first, names = group[0], [finding.name for finding in group]
    parts = [first.found] if names == [name] else names
    return _Cut(_label(first, name, width), parts, "dim" if first.ok is None else "")


def _finding_lines(finding: Finding, width: int) -> Iterable[RenderableType]:
    style = "dim" if finding.ok is None else ""
    label = _label(finding, finding.name, width)
    yield TextLine(label, finding.found, style)
    if finding.advice:
        yield TextLine(Text(" " * (label.cell_len + 2)), finding.advice, style or "yellow")


def _mark(finding: Finding) -> Text:
    if finding.ok is None:
        return ABSENT
    return (BUT if finding.advice else YES) if finding.ok else NO


def _label(finding: Finding, name: str, width: int) -> Text:
    return Text.assemble(_mark(finding), f"  {name:<{width}}")


def _verdict(findings: Sequence[Finding], whole: bool) -> Iterable[RenderableType]:
    broken = [finding.name for finding in findings if finding.ok is False]
    if broken:
        yield TextLine(Text(), f"To fix: {', '.join(broken)}.", "bold red")
    else:
        yield Text("Everything that is required is present.", "bold green")
    absent = sum(finding.ok is None for finding in findings)
    if absent and whole:
        yield TextLine(Text(), f"Optional and missing: {absent}.", "dim")
    elif absent:
        text = f"Optional and missing: {absent}. How to get them: 'bench doctor -v', "
        yield TextLine(Text(), f"{text}or 'bench show NAME' for one.", "dim")
