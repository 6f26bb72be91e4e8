"""A table for print as LaTeX, Markdown and CSV."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.csv_files import csv_text
from bench.files import write_text
from bench.report.print_tables import Cell, Heading, Table
from bench.report.spec import Part

NOTHING = "–"
HEADING = 9  # letters in a line of a column's heading
WIDE = 8  # columns; a table of more is set smaller


def as_csv(table: Table) -> str:
    """One row for each codec and column."""
    rows: list[Sequence[object]] = [
        ("codec", "column", "published", "value", "low", "high", "reason")
    ]
    for row in table.rows:
        for heading, cell in zip(table.headings, row.cells, strict=True):
            bounds = cell.interval or (math.nan, math.nan)
            whose = "yes" if heading.published else "no"
            rows.append((row.key, heading.key, whose, cell.value, *bounds, cell.reason))
    return csv_text(rows)


def as_markdown(table: Table) -> str:
    """For GitHub and its like: the best in bold, published figures in italics."""
    rows = [["", *(_published(heading, heading.title) for heading in table.headings)]]
    rows.append(["---", *("---:" for _ in table.headings)])
    for row in table.shown:
        texts = [
            _published(heading, _markdown_cell(cell))
            for heading, cell in zip(table.headings, row.cells, strict=True)
        ]
        label = f"{row.look.label} ({row.lacking})" if row.lacking else row.look.label
        rows.append([label.replace("|", r"\|"), *texts])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _published(heading: Heading, text: str) -> str:
    return f"*{text}*" if heading.published and text != NOTHING else text


def _markdown_cell(cell: Cell) -> str:
    if math.isnan(cell.value):
        return NOTHING
    value = signed(cell.value)
    return (f"**{value}**" if cell.best else value) + (
        f"<br><sub>{_bounds(cell)}</sub>" if cell.interval else ""
    )


def signed(value: float) -> str:
    """A difference with its sign, a minus being one, in as many digits as the paper has."""
    text = f"{value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def _bounds(cell: Cell) -> str:
    assert cell.interval is not None
    low, high = (signed(bound) for bound in cell.interval)
    return f"{low} to {high}"


def as_latex(table: Table, caption: str, label: str) -> str:
    """A float for a two-column paper, with booktabs; intervals stand below their figures."""
    columns = "l" + "r" * len(table.headings)
    size = "footnotesize" if len(table.headings) <= WIDE else "scriptsize"
    lines = [
        r"\begin{table*}",
        rf"\centering\{size}\setlength{{\tabcolsep}}{{2pt}}",
        rf"\caption{{{latex(' '.join([caption, *_lacking(table)]))}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _latex_row(["", *(_wrapped(heading) for heading in table.headings)]),
        r"\midrule",
    ]
    for row in table.shown:
        pairs = list(zip(table.headings, row.cells, strict=True))
        lines.append(_latex_row([latex(row.look.label), *(_latex_cell(*pair) for pair in pairs)]))
        if any(cell.interval for cell in row.cells):
            small = [
                rf"\tiny {latex(_bounds(cell))}" if cell.interval else "" for cell in row.cells
            ]
            lines.append(_latex_row(["", *small]))
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def _lacking(table: Table) -> Iterable[str]:
    """Of whom there is nothing; in the rows it would take too much room."""
    rows = [(row.lacking, row.look.label) for row in table.rows if row.lacking]
    return (f"{reason.capitalize()}: {'; '.join(labels)}." for reason, labels in grouped(rows))


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _wrapped(heading: Heading) -> str:
    lines = textwrap.wrap(heading.title, HEADING, break_long_words=False, break_on_hyphens=False)
    stacked = r"\\".join(map(latex, lines))
    text = rf"\shortstack[r]{{{stacked}}}"
    return rf"\textit{{{text}}}" if heading.published else text


def _latex_cell(heading: Heading, cell: Cell) -> str:
    if math.isnan(cell.value):
        return latex(NOTHING)
    text = latex(signed(cell.value))
    if cell.best:
        return rf"\textbf{{{text}}}"
    return rf"\textit{{{text}}}" if heading.published else text


def latex(text: str) -> str:
    """Text as LaTeX sets it; what stands between dollars is mathematics already."""
    parts = re.split(r"(\$[^$]*\$)", text)
    return "".join(part if part.startswith("$") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    text = re.sub(r"([\\{}])", lambda found: _BRACES[found[1]], text)
    for character, escape in _LATEX.items():
        text = text.replace(character, escape)
    return text


_BRACES = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}"}
_LATEX = {
    **{character: f"\\{character}" for character in "&%#_"},
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\N{MINUS SIGN}": r"$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{GREEK SMALL LETTER ALPHA}": r"$\alpha$",
    "–": "--",
}


def notes(table: Table) -> Sequence[str]:
    """Why rows are left out, and why single cells are empty."""
    absent = [(row.lacking, row.look.plain) for row in table.rows if row.lacking and row.empty]
    there = [row for row in table.rows if not row.lacking]
    cells: list[tuple[str, str]] = []
    for row in there:
        of_row = [
            (cell.reason, heading.title)
            for heading, cell in zip(table.headings, row.cells, strict=True)
            if cell.reason
        ]
        ours = sum(not heading.published for heading in table.headings)
        for reason, titles in grouped(of_row):
            whole = len(titles) == ours
            cells.append((reason, row.look.plain + ("" if whole else f" ({'; '.join(titles)})")))
    everyone = [row.look.plain for row in there]
    return [
        reason if whom == everyone else f"{reason}: {'; '.join(whom)}"
        for reason, whom in [*grouped(absent), *grouped(cells)]
    ]


def grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Each first word once, with all that it is said of."""
    found: dict[str, list[str]] = {}
    for what, whom in pairs:
        found.setdefault(what, []).append(whom)
    return list(found.items())


def write_table(table: Table, part: Part, folder: Path) -> None:
    """As NAME.tex, NAME.md and NAME.csv."""
    write_text(folder / f"{part.name}.tex", as_latex(table, part.caption, part.name))
    write_text(folder / f"{part.name}.md", as_markdown(table))
    write_text(folder / f"{part.name}.csv", as_csv(table))
