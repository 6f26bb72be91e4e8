"""CSV as bench writes and reads it: numbers to the last digit, and texts that stay texts.

A spreadsheet runs a text as a formula where it begins with one of ``=+-@``. Such a text is written
with an apostrophe before it, which is taken away again on reading.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence

# Apostrophes before it count, so that a text that begins so by itself is read back as it was.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; NaN and None are empty cells."""
    return "".join(map(_line, rows))


def _line(row: Sequence[object]) -> str:
    text = io.StringIO()
    # Only of a line that would end in both does the csv module quote either inside a cell.
    csv.writer(text, lineterminator="\r\n").writerow([_cell(cell) for cell in row])
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(cell: object) -> object:
    """What is written of a value."""
    if isinstance(cell, str):
        return f"'{cell}" if _FORMULA.match(cell) else cell
    if isinstance(cell, float):  # numpy's too, whose repr is not a number
        return "" if math.isnan(cell) else repr(float(cell))
    return cell


def read_cell(text: str) -> str:
    """A cell as it was before it was written."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
