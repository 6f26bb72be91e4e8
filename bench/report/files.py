"""Writes a report into a folder: the curves, the tables as CSV, and a page with both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import DataError, StoreError
from bench.report.compare import Report
from bench.report.curves import drawing, drawn_metrics
from bench.report.markdown_report import markdown
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
            else:  # an earlier report's file would be taken for this one's
                (folder / name).unlink(missing_ok=True)
        written.append(write_text(folder / "report.md", markdown(report)))
    except (OSError, DataError) as error:
        raise StoreError(
            f"{folder}: the report cannot be written ({getattr(error, 'strerror', error)}); "
            "the results are kept, and 'bench report' writes it again"
        ) from error
    return written


def draw_curves(report: Report, folder: Path) -> list[Path]:
    """Write ``curves.svg`` and ``curves.png``, unless the files there show the same.

    The files contain the drawing's digest, so that a report of an unchanged sweep need not import
    matplotlib, which takes longer than all the rest.
    """
    svg, png = folder / "curves.svg", folder / "curves.png"
    if not drawn_metrics(report):  # an earlier report's curves would be taken for this one's
        svg.unlink(missing_ok=True)
        png.unlink(missing_ok=True)
        return []
    wanted = drawing(report)
    if not (svg.is_file() and _digest_in(png) == wanted.digest):
        from bench.report.plotting import paint

        paint(wanted, svg, png)
    return [svg, png]


def _digest_in(png: Path) -> str | None:
    from PIL import Image

    try:
        with Image.open(png) as picture:
            return picture.info.get("bench")
    except (OSError, SyntaxError, ValueError):  # missing or damaged: drawn again
        return None


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    columns = dict.fromkeys(name for row in rows for name in row)  # codecs may differ in metrics
    return csv_text([list(columns), *([row.get(name) for name in columns] for row in rows)])
