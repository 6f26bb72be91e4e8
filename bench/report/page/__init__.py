"""A report as a page to explore in a browser: one file with all that it shows."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.datasets.dataset import Progress
from bench.report.compare import Report
from bench.report.page.gallery import make_gallery
from bench.report.page.html import page
from bench.report.page.page_data import page_figures
from bench.runtime.files import write_text
from bench.store import Store

NAME = "report.html"


def write_page(
    store: Store,
    reports: Sequence[Report],
    folder: Path,
    *,
    root: Path | None,
    pareto: bool,
    progress: Progress,
) -> None:
    """Write the page of some data sets; it opens with the first, whose pictures it shows."""
    gallery = make_gallery(store, reports[0], root, folder / "gallery", progress)
    figures = {
        "sets": [page_figures(report, pareto=pareto) for report in reports],
        "gallery": gallery.figures,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    write_text(folder / NAME, page(figures, gallery.files))
