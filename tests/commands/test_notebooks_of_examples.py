"""The notebooks in ``examples/`` run from their first cell to their last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.notebook import run_notebook
from support.paths import CHECKOUT

from bench import api

NOTEBOOKS = sorted((CHECKOUT / "examples").glob("*.ipynb"))


@pytest.mark.slow
def test_own_codec_ends_in_a_curve_and_a_comparison() -> None:
    fewer = {"limit=4": "limit=2", "[10, 20, 40, 60, 80]": "[10, 40, 80]"}  # a network sees them
    names, shown = run_notebook(CHECKOUT / "examples" / "own-codec.ipynb", fewer)
    (report,) = [value for value in shown if isinstance(value, api.Report)]
    assert list(report.points["codec"].unique()) == ["dct", "jpeg", "webp"]
    curve = report.points[report.points["codec"] == "dct"]
    assert curve["bpp"].is_monotonic_increasing and curve["psnr_y"].is_monotonic_increasing
    assert report.deltas["bd_rate"].notna().any()
    assert names["coded"].bpp > 0
    assert Path("bench-results/report/curves.png").is_file()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_hold_no_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells and not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    assert any("%pip install" in "".join(cell["source"]) for cell in cells)
