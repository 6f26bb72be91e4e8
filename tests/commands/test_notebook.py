"""In a notebook: a sweep shows its progress there, and a report shows itself."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support.browser import chromium, opened
from support.pictures import Pictures
from support.results import codec, pair, results

from bench import api
from bench.errors import BenchError
from bench.report.compare import compare

JUST = {"metrics": "psnr_rgb", "tasks": "none"}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that a notebook showed in one place, the last as it stayed."""
    contents: list[str] = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.version_info = (9, 0, 0)  # type: ignore[attr-defined]  # matplotlib asks
    ipython.get_ipython = lambda: SimpleNamespace(kernel="there")  # type: ignore[attr-defined]
    display.HTML = str  # type: ignore[attr-defined]

    def show(content: str, display_id: bool) -> Any:
        contents.append(content)
        return SimpleNamespace(update=contents.append)

    display.display = show  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return contents


def test_a_sweep_shows_its_progress(pictures: Pictures, shown: list[str]) -> None:
    api.run(["jpeg", "webp"], data=pictures(3), **JUST)
    bars = [re.findall(r'value="(\d+)" max="(\d+)"', content) for content in shown]
    assert any(len(each) == 2 for each in bars)
    assert "encoded" in shown[-1] and "<progress" not in shown[-1]
    before = len(shown)
    api.run("jpeg", data="pictures", watcher=api.Watcher(), **JUST)
    assert len(shown) == before


def test_what_is_shown_is_text_and_no_markup(shown: list[str]) -> None:
    folder = Path("<b>bold<b>")
    folder.mkdir()
    with pytest.raises(BenchError):
        api.run("jpeg", data=folder, **JUST)
    assert not any("<b>" in content for content in shown)
    made = compare(results(codec("<i>a</i>", anchor=True), codec("<i>b</i>", saving=0.2)))
    assert "<i>" not in made._repr_html_()


def test_a_report_shows_itself() -> None:
    report = pair(holes=((0, 0),))
    html = pair()._repr_html_()
    assert repr(report) == "<Report of street, 24 images: hm, vtm, against hm>"
    assert "-20.00 %" in html and "data:image/png;base64," in html and "<script" not in html
    assert "-20.00 %" not in report._repr_html_()  # an image is missing
    alone = compare(results(codec("only")))._repr_html_()
    assert "no anchor" in alone and "data:image/png" in alone


def test_a_report_has_its_points_its_figure_and_a_table_for_latex() -> None:
    report = pair()
    assert list(report.points["codec"]) == ["hm"] * 4 + ["vtm"] * 4
    assert {"bpp", "psnr_y", "vmaf"} <= set(report.points)
    assert len(report.plot().axes) == 2
    figure = report.plot("vmaf")
    (axes,) = figure.axes
    assert axes.get_title(loc="left").startswith("VMAF")
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    with pytest.raises(BenchError, match="no curves by 'ssim'; there are psnr_y, vmaf"):
        report.plot("ssim")
    table = report.to_latex()
    assert r"\toprule" in table and "vtm & $-$20.00 & $-$20.00" in table
    with pytest.raises(BenchError, match="no codec has a BD-rate"):
        compare(results(codec("only"))).to_latex()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1200, 390])
def test_a_browser_lays_a_report_out(tmp_path: Path, width: int) -> None:
    page = tmp_path / "cell.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{pair()._repr_html_()}", "utf-8")
    with chromium() as browser, opened(browser, page, (width, 800)) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        picture = shown.locator("img").bounding_box()
        assert picture["width"] > 0.8 * min(width, 900) and picture["height"] > 100
        folded = shown.locator("details").first
        folded.locator("summary").click()
        assert folded.locator("table").is_visible()
        assert shown.locator("td.better").first.evaluate("e => getComputedStyle(e).color") != (
            shown.locator("h3").evaluate("e => getComputedStyle(e).color")
        )
