"""A table for print as LaTeX, Markdown and CSV."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.report.paper.spec import WIDTHS, Part
from bench.report.paper.tables import Cell, Heading, Table
from bench.runtime.csv_files import csv_text
from bench.runtime.files import write_text
from bench.runtime.text import grouped

NOTHING = "–"
HEADING = 9  # letters in a line of a column's heading
# The narrowest float that holds a table: its environment, width, and the size of its letters.
FLOATS = (
    ("table", "column", "footnotesize", 8.0),
    ("table", "column", "scriptsize", 7.0),
    ("table*", "page", "footnotesize", 8.0),
    ("table*", "page", "scriptsize", 7.0),
)
TINY = 5.0  # the size of intervals
GAP = 4.0  # between columns, in points
LETTER = 0.62  # the width of a letter of labels in capitals, by its size


def as_csv(table: Table) -> str:
    """One row for each codec and column."""
    rows: list[Sequence[object]] = [
        ("codec", "column", "published", "value", "low", "high", "reason")
    ]
    for row in table.rows:
        for heading, cell in zip(table.headings, row.cells, strict=True):
            bounds = cell.interval or (math.nan, math.nan)
            published = "yes" if heading.published else "no"
            rows.append((row.key, heading.key, published, cell.value, *bounds, cell.reason))
    return csv_text(rows)


def as_markdown(table: Table) -> str:
    """For GitHub and similar sites: the best in bold, published figures in italics."""
    rows = [["", *(_published(heading, heading.title) for heading in table.headings)]]
    rows.append(["---", *("---:" for _ in table.headings)])
    for row in table.shown:
        texts = [
            _published(heading, _markdown_cell(cell))
            for heading, cell in zip(table.headings, row.cells, strict=True)
        ]
        label = f"{row.style.label} ({row.lacking})" if row.lacking else row.style.label
        rows.append([label.replace("|", r"\|"), *texts])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _published(heading: Heading, text: str) -> str:
    return f"*{text}*" if heading.published and text != NOTHING else text


def _markdown_cell(cell: Cell) -> str:
    if math.isnan(cell.value):
        return NOTHING
    value = signed(cell.value, cell)
    return (f"**{value}**" if cell.best else value) + (
        f"<br><sub>{bounds(cell)}</sub>" if cell.interval else ""
    )


def signed(value: float, cell: Cell) -> str:
    """A value of a cell with its sign, in the cell's decimals."""
    text = f"{value:+.{_decimals(cell)}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _decimals(cell: Cell) -> int:
    """The last decimal is worth a tenth of the interval or less, but 0.01 at least and 1 at most.

    One decimal without an interval, as in the paper.
    """
    width = cell.interval[1] - cell.interval[0] if cell.interval else 0
    return min(max(-math.floor(math.log10(width / 10)), 0), 2) if width > 0 else 1


def bounds(cell: Cell) -> str:
    """The interval of a cell that has one."""
    assert cell.interval is not None
    low, high = (signed(bound, cell) for bound in cell.interval)
    return f"{low} to {high}"


def as_latex(table: Table, caption: str, label: str) -> str:
    """A float for a two-column paper, with booktabs; intervals are below their figures."""
    columns = "l" + "r" * len(table.headings)
    environment, size = _float(table)
    lines = [
        rf"\begin{{{environment}}}",
        rf"\centering\{size}\setlength{{\tabcolsep}}{{2pt}}",
        rf"\caption{{{latex(' '.join([caption, *_lacking(table)]))}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _latex_row(["", *(_wrapped(heading) for heading in table.headings)]),
        r"\midrule",
    ]
    by_column = zip(*(row.cells for row in table.shown), strict=True)
    digits = [
        max((_decimals(cell) for cell in cells if not math.isnan(cell.value)), default=0)
        for cells in by_column
    ]
    for row in table.shown:
        cells = map(_latex_cell, table.headings, row.cells, digits)
        lines.append(_latex_row([latex(row.style.label), *cells]))
        if any(cell.interval for cell in row.cells):
            small = [rf"\tiny {latex(bounds(cell))}" if cell.interval else "" for cell in row.cells]
            lines.append(_latex_row(["", *small]))
    lines += [r"\bottomrule", r"\end{tabular}", rf"\end{{{environment}}}"]
    return "\n".join(lines) + "\n"


def _float(table: Table) -> tuple[str, str]:
    """The environment and the size of the letters; the last ones if the table fits into none."""
    fitting = [
        (environment, name)
        for environment, width, name, size in FLOATS
        if _width(table, size) <= WIDTHS[width] / 25.4 * 72.27
    ]
    return [*fitting, (FLOATS[-1][0], FLOATS[-1][2])][0]


def _width(table: Table, size: float) -> float:
    """The estimated width of a table set in letters of this size, in points."""
    width = GAP + max(len(row.style.plain) for row in table.shown) * size * LETTER
    for place, heading in enumerate(table.headings):
        cells = [row.cells[place] for row in table.shown]
        texts = [*_lines(heading), *(signed(cell.value, cell) for cell in cells)]
        lengths = [len(text) * size for text in texts]
        lengths += [len(bounds(cell)) * TINY for cell in cells if cell.interval]
        width += GAP + LETTER * max(lengths)
    return width


def _lacking(table: Table) -> Iterable[str]:
    """The codecs without results; in the rows, the reasons would be too wide."""
    rows = grouped((row.lacking, row.style.label) for row in table.rows if row.lacking)
    return (f"{reason.capitalize()}: {'; '.join(labels)}." for reason, labels in rows.items())


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _wrapped(heading: Heading) -> str:
    stacked = r"\\".join(map(latex, _lines(heading)))
    text = rf"\shortstack[r]{{{stacked}}}"
    return rf"\textit{{{text}}}" if heading.published else text


def _lines(heading: Heading) -> list[str]:
    return textwrap.wrap(heading.title, HEADING, break_long_words=False, break_on_hyphens=False)


def _latex_cell(heading: Heading, cell: Cell, digits: int) -> str:
    """A figure, aligned at the decimal point with others of so many decimals."""
    if math.isnan(cell.value):
        return latex(NOTHING)
    text = latex(signed(cell.value, cell))
    if cell.best:
        text = rf"\textbf{{{text}}}"
    elif heading.published:
        text = rf"\textit{{{text}}}"
    room = "." * (_decimals(cell) == 0 < digits) + "0" * (digits - _decimals(cell))
    return rf"{text}\phantom{{{room}}}" if room else text


_ESCAPES = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%#_{}$"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\N{MINUS SIGN}": r"$-$",
        "\N{MULTIPLICATION SIGN}": r"$\times$",
        "\N{GREEK SMALL LETTER ALPHA}": r"$\alpha$",
        "–": "--",
    }
)


def latex(text: str) -> str:
    """Text for LaTeX; mathematics between dollars is kept."""
    parts = re.split(r"(\$[^$]*\$)", text)
    return "".join(part if part.startswith("$") else part.translate(_ESCAPES) for part in parts)


def notes(table: Table) -> Sequence[str]:
    """Why rows are left out, and why single cells are empty."""
    absent = [(row.lacking, row.style.plain) for row in table.rows if row.lacking and row.empty]
    present = [row for row in table.rows if not row.lacking]
    ours = sum(not heading.published for heading in table.headings)
    cells: list[tuple[str, str]] = []
    for row in present:
        reasons = grouped(zip((cell.reason for cell in row.cells), table.headings, strict=True))
        for reason, headings in reasons.items():
            titles = "; ".join(heading.title for heading in headings)
            where = "" if len(headings) == ours else f" ({titles})"
            cells += [(reason, row.style.plain + where)] if reason else []
    all_labels = [row.style.plain for row in present]
    return [
        *(f"{reason}: {'; '.join(labels)}" for reason, labels in grouped(absent).items()),
        *(
            reason if labels == all_labels else f"{reason}: {'; '.join(labels)}"
            for reason, labels in grouped(cells).items()
        ),
    ]


def write_table(table: Table, part: Part, folder: Path) -> None:
    """As NAME.tex, NAME.md and NAME.csv."""
    write_text(folder / f"{part.name}.tex", as_latex(table, part.caption, part.name))
    write_text(folder / f"{part.name}.md", as_markdown(table))
    write_text(folder / f"{part.name}.csv", as_csv(table))
