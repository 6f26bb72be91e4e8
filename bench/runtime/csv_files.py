"""CSV: numbers with all digits, and text that is never a formula.

A spreadsheet runs text that begins with one of ``=+-@`` as a formula. Such text is written with an
apostrophe before it, which is removed on reading.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence

# Leading apostrophes count, so that text that begins with one is read back unchanged.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; NaN and None are empty cells."""
    return "".join(map(_line, rows))


def _line(row: Sequence[object]) -> str:
    text = io.StringIO()
    # The csv module quotes either inside a cell only if the line terminator has both.
    csv.writer(text, lineterminator="\r\n").writerow([_cell(cell) for cell in row])
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(cell: object) -> object:
    """A value as it is written."""
    if isinstance(cell, str):
        return f"'{cell}" if _FORMULA.match(cell) else cell
    if isinstance(cell, float):  # numpy's too, whose repr is not a number
        return "" if math.isnan(cell) else repr(float(cell))
    return cell


def read_cell(text: str) -> str:
    """A cell as it was before it was written."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
