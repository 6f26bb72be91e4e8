"""What a report leaves in a folder: the curves, the tables as CSV, and a page with both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import StoreError
from bench.report.compare import Report
from bench.report.figures import draw_curves
from bench.report.markdown_page import markdown
from bench.runtime.csv_files import csv_text
from bench.runtime.files import write_text


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write all files of a report; the curves only if they would look different."""
    tables = {"means.csv": report.results.mean_rows, "bjontegaard.csv": report.delta_rows}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = draw_curves(report, folder)
        for name, rows in tables.items():
            if rows:
                written.append(write_text(folder / name, _csv(rows)))
            else:  # what an earlier report left there is not this one's
                (folder / name).unlink(missing_ok=True)
        written.append(write_text(folder / "report.md", markdown(report)))
    except OSError as error:
        raise StoreError(
            f"{folder}: the report cannot be written ({error.strerror or error}); "
            "the results are kept, and 'bench report' writes it anew"
        ) from error
    return written


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    columns = dict.fromkeys(name for row in rows for name in row)  # codecs may differ in metrics
    return csv_text([list(columns), *([row.get(name) for name in columns] for row in rows)])
