"""A table of figures on a terminal of any width: columns are left out or stacked, never broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

Row = tuple[str | Text, ...]
_LABEL, _NUMBER = 16, 8  # widths at least, where there is room: tables below each other align


@dataclass(frozen=True)
class Columns:
    """Rows under headings, a label first; what else is in the body stands between rows as it is.

    Where there is no room, the ``spare`` columns are left out, the first one first; what still
    does not fit goes below the rest, with the labels again.
    """

    headings: Sequence[str]
    body: Sequence[Row | RenderableType]
    spare: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        needed = self._widths()
        shown = list(range(len(self.headings)))
        left_out = []
        for heading in self.spare:
            if _total(needed, shown) > room:
                shown.remove(self.headings.index(heading))
                left_out.append(heading)
        ample = [max(width, _NUMBER if at else _LABEL) for at, width in enumerate(needed)]
        widths = ample if _total(ample, shown) <= room else needed
        for block in _blocks(widths, shown, room):
            yield from self._block(block, widths)
        if left_out:
            yield Text(f"Left out, as there is no room: {', '.join(left_out)}.", style="dim")

    def _widths(self) -> list[int]:
        """What each column needs: its cells whole, its heading broken between words alone."""
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
        for is_row, group in groupby(self.body, key=lambda entry: isinstance(entry, tuple)):
            entries = list(group)
            if is_row:
                rows = [[row[at] for at in columns if at < len(row)] for row in entries]  # type: ignore[index, arg-type]
                yield _rows(chosen, rows)
            else:
                yield from entries  # type: ignore[misc]


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
        justify = "right" if column else "left"
        table.add_column(width=width, justify=justify, vertical="bottom", overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table
