"""Tables and text for a terminal of any width, without breaking a figure, name, command or path.

Paths and commands may be longer than a line, so that they can be copied: print with ``crop=False``.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

Row = tuple[str | Text, ...]
_LABEL = 16  # its minimum width, if there is room: tables below each other align


class TextLine:
    """A label, and text that wraps beside it between words; a figure stays with its unit."""

    def __init__(self, label: Text, words: str, style: str = "") -> None:
        self._label, self._words, self._style = label, words, style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(20, options.max_width - self._label.cell_len)
        words = re.sub(r"(?<=\d) (?=%|dB\b)", "\N{NO-BREAK SPACE}", self._words)
        lines = textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False)
        label = self._label
        for line in lines or [""]:
            text = line.replace("\N{NO-BREAK SPACE}", " ")
            yield Text.assemble(label, (text, self._style), no_wrap=True, overflow="ignore")
            label = Text(" " * label.cell_len)


class Stacked:
    """A table whose rows have their cells below each other if they do not fit side by side.

    The first ``lead`` cells of a row stay together.
    """

    def __init__(self, table: Table, lead: int = 1) -> None:
        self._table, self._lead = table, lead

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if sum(map(_narrowest, self._table.columns)) <= options.max_width:
            yield self._table
            return
        if self._table.title:
            yield TextLine(Text(), str(self._table.title), "bold")
        for row in zip(*(column.cells for column in self._table.columns), strict=True):
            cells = [cell if isinstance(cell, Text) else Text(str(cell)) for cell in row]
            yield Text(" ").join(cell for cell in cells[: self._lead] if cell)
            for cell in cells[self._lead :]:
                if cell:
                    yield TextLine(Text("    "), " ".join(cell.plain.split()), str(cell.style))


def _narrowest(column: Column) -> int:
    """The width that a column needs to break no word, with a space to the next one."""
    words = [
        word
        for cell in column.cells
        for word in ([str(cell)] if column.no_wrap else str(cell).split())
    ]
    return 1 + max(map(cell_len, words), default=0)


@dataclass(frozen=True)
class Columns:
    """Rows under headings, a label first; anything else in the body is printed between rows.

    If there is no room, the ``spare`` columns are left out, the first one first; columns that
    still do not fit go below the rest, with the labels again.
    """

    headings: Sequence[str]
    body: Sequence[Row | RenderableType]
    spare: Sequence[str] = ()
    number: int = 8  # the other columns' minimum width, if there is room

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        needed = self._widths()
        shown = list(range(len(self.headings)))
        left_out = []
        for heading in self.spare:
            if _total(needed, shown) > room:
                shown.remove(self.headings.index(heading))
                left_out.append(heading)
        ample = [max(width, self.number if at else _LABEL) for at, width in enumerate(needed)]
        widths = ample if _total(ample, shown) <= room else needed
        for block in _blocks(widths, shown, room):
            yield from self._block(block, widths)
        if left_out:
            yield TextLine(Text(), f"Not shown, as there is no room: {', '.join(left_out)}.", "dim")

    def _widths(self) -> list[int]:
        """What each column needs: whole cells, and a heading that breaks only between words."""
        rows = [row for row in self.body if isinstance(row, tuple)]
        return [
            max(
                *(cell_len(word) for word in (heading.split() or [""])),
                *(_length(row[at]) for row in rows if at < len(row)),
                0,
            )
            for at, heading in enumerate(self.headings)
        ]

    def _block(self, columns: list[int], widths: list[int]) -> Iterator[RenderableType]:
        chosen = [widths[at] for at in columns]
        yield _rows(chosen, [[Text(self.headings[at], style="bold") for at in columns]])
        rows: list[Sequence[str | Text]] = []
        for entry in self.body:
            if isinstance(entry, tuple):
                rows.append([entry[at] for at in columns if at < len(entry)])
                continue
            yield _rows(chosen, rows)
            yield entry
            rows = []
        yield _rows(chosen, rows)


def _blocks(widths: list[int], shown: list[int], room: int) -> Iterator[list[int]]:
    """The columns that fit beside each other and the label, in order."""
    label, *others = shown
    block = [label]
    for column in others:
        if len(block) > 1 and _total(widths, [*block, column]) > room:
            yield block
            block = [label]
        block.append(column)
    yield block


def _total(widths: list[int], columns: list[int]) -> int:
    return sum(widths[at] for at in columns) + len(columns) - 1


def _length(cell: str | Text) -> int:
    return cell_len(cell) if isinstance(cell, str) else cell.cell_len


def _rows(widths: Sequence[int], rows: Sequence[Sequence[str | Text]]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for column, width in enumerate(widths):
        justify: JustifyMethod = "right" if column else "left"
        table.add_column(width=width, justify=justify, vertical="bottom", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table
