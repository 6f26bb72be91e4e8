"""What the doctor found: the verdict, what is to be done, and a line for each thing here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from bench.cli.columns import Line
from bench.cli.screens import ABSENT, BUT, NO, YES
from bench.commands.doctor import Check

_MANY = 3  # things of one group that are here, and have no remark, have lines of their own


class _Cut:
    """A label, and so much of its words as one line holds; of names, how many more there are."""

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


def doctor_screen(checks: Sequence[Check], *, whole: bool = False) -> RenderableType:
    """The verdict, then a line for each finding; if it is ``whole``, with advice on each."""
    asking = [
        check for check in checks if whole or check.ok is False or (check.ok and check.advice)
    ]
    here = [] if whole else [check for check in checks if check.ok and not check.advice]
    absent = [] if whole else [check for check in checks if check.ok is None]
    together = [*_together(here, _MANY), *_together(absent, 0)]
    names = [*(check.name for check in asking), *(name for name, _ in together)]
    width = 2 + max(map(cell_len, names))
    lines = [line for check in asking for line in _told(check, width)]
    lines += [_summary(name, group, width) for name, group in together]
    return Group(*_verdict(checks, whole), Text(), *lines)


def _together(checks: Sequence[Check], most: int) -> list[tuple[str, list[Check]]]:
    """The findings by what they are told under; a group of more than ``most`` is told as one."""
    of_group = Counter(check.group for check in checks)
    told: dict[str, list[Check]] = {}
    for check in checks:
        alone = not check.group or of_group[check.group] <= most
        told.setdefault(check.name if alone else check.group, []).append(check)
    return list(told.items())


def _summary(name: str, group: Sequence[Check], width: int) -> RenderableType:
    first, names = group[0], [check.name for check in group]
    parts = [first.found] if names == [name] else names
    return _Cut(_label(first, name, width), parts, "dim" if first.ok is None else "")


def _told(check: Check, width: int) -> Iterable[RenderableType]:
    style = "dim" if check.ok is None else ""
    label = _label(check, check.name, width)
    yield Line(label, check.found, style)
    if check.advice:
        yield Line(Text(" " * (label.cell_len + 2)), check.advice, style or "yellow")


def _mark(check: Check) -> Text:
    if check.ok is None:
        return ABSENT
    return (BUT if check.advice else YES) if check.ok else NO


def _label(check: Check, name: str, width: int) -> Text:
    return Text.assemble(_mark(check), f"  {name:<{width}}")


def _verdict(checks: Sequence[Check], whole: bool) -> Iterable[RenderableType]:
    broken = [check.name for check in checks if check.ok is False]
    if broken:
        yield Line(Text(), f"To be put right: {', '.join(broken)}.", "bold red")
    else:
        yield Text("All that is needed is here.", "bold green")
    absent = sum(check.ok is None for check in checks)
    if absent and whole:
        yield Line(Text(), f"Optional and not here: {absent}.", "dim")
    elif absent:
        told = f"Optional and not here: {absent}. How to get them: 'bench doctor -v', "
        yield Line(Text(), f"{told}or 'bench show NAME' for one.", "dim")
