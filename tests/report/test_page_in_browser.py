"""The page in a browser: it loads in peace, answers to every control, and suits every screen."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes.task import RedThings
from support.browser import PHONE, WIDE, chromium, opened
from support.command import Bench
from support.made_up import fabricate
from support.page import HOSTILE, figures_in
from support.pictures import Pictures

from bench import api
from bench.report.page.html import page as page_of

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as program:
        yield program


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three codecs on two data sets, made up."""
    store = tmp_path_factory.mktemp("page") / "store"
    fabricate(store, codecs=3, images=24, datasets=("first", "second"))
    api.report(store, html=True)
    return store / "report" / "report.html"


@pytest.mark.slow
@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_in_peace_and_fits(
    browser: Any, file: Path, size: tuple[int, int], scheme: str
) -> None:
    with opened(browser, file, size, scheme) as page:
        assert page.title() == "second, 24 images"
        assert page.locator("#curves .series").count() == 3
        assert page.locator("#times .series").count() == 3
        assert page.locator("#deltas tbody tr").count() == 2
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def test_dark_and_light_can_be_changed(browser: Any, file: Path) -> None:
    with opened(browser, file) as page:
        page.get_by_role("button", name="Dark").click()
        shade = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(shade) == "rgb(19, 20, 22)"
        page.get_by_role("button", name="Light").click()
        assert page.evaluate(shade) == "rgb(255, 255, 255)"


@SIZES
def test_codecs_are_toggled(browser: Any, file: Path, size: tuple[int, int]) -> None:
    with opened(browser, file, size) as page:
        chip = page.locator("#codecs").get_by_role("button", name="codec-2")
        chip.click()
        assert chip.get_attribute("aria-pressed") == "false"
        assert page.locator("#curves .series").count() == 2
        assert page.locator("#deltas tbody tr").count() == 1
        page.keyboard.press("Space")  # it is still in focus
        assert page.locator("#curves .series").count() == 3


def test_a_codec_is_picked_out_of_many(browser: Any, file: Path) -> None:
    with opened(browser, file) as page:
        page.locator("#codecs").get_by_role("button", name="codec-2").hover()
        assert page.locator("#curves .series.dim").count() == 2
        page.mouse.move(5, 5)
        assert page.locator(".series.dim").count() == 0


def test_each_choice_changes_what_is_shown(browser: Any, file: Path) -> None:
    first = figures_in(file)["sets"][0]
    with opened(browser, file) as page:

        def message() -> str:
            return str(page.locator("#deltas tbody tr").first.inner_text())

        def expected(method: str, anchor: int, codec: int, metric: int) -> str:
            return str(first["deltas"][method][anchor]["figures"][codec][metric]["text"]["rate"])

        wap = [metric["name"] for metric in first["metrics"]].index("wap:made-up-network")
        assert expected("akima", 0, 1, wap) in message()
        page.get_by_label("Metric", exact=True).select_option("VMAF v0.6.1")
        assert expected("akima", 0, 1, 2) in message()
        assert "VMAF" in page.locator("#curves .title").last.text_content()
        page.get_by_label("BD method").select_option("cubic")
        assert expected("cubic", 0, 1, 2) in message()
        page.get_by_label("Anchor", exact=True).select_option("codec-3")
        assert expected("cubic", 2, 0, 2) in message()
        ticks = page.locator("#curves .tick.middle").all_text_contents()
        page.get_by_label("Rate axis").select_option("linear")
        assert page.locator("#curves .tick.middle").all_text_contents() != ticks
        page.get_by_label("Time", exact=True).select_option("decoding")
        assert "Decoding" in page.locator("#times").inner_text()
        page.get_by_label("Data set").select_option("first")
        assert page.locator("h1").inner_text() == "first"
        page.get_by_label("Anchor", exact=True).select_option("none")
        assert page.locator("#deltas table").count() == 0
        assert page.locator("#curves .series").count() == 3


def test_a_published_curve_stands_beside_the_codecs(
    browser: Any, file: Path, tmp_path: Path
) -> None:
    curve = tmp_path / "paper.csv"
    curve.write_text("bpp,psnr-y\n0.1,31\n0.2,34\n0.4,37\n0.8,40.5\n")
    store, folder = file.parents[1], tmp_path / "with"
    api.report(store, html=True, published=[str(curve)], out=folder)
    linked = "metric=psnr_y&anchor=paper (published)"
    with opened(browser, folder / "report.html", fragment=linked) as page:
        assert "anchor paper (published)" in page.locator("#absent").inner_text()
        assert page.locator("#summary").inner_text() == "24 images, 3 codecs, 1 published curve"
        anchors = page.get_by_label("Anchor", exact=True).locator("option").all_inner_texts()
        assert anchors == ["none", "codec-1", "codec-2", "codec-3"]
        assert page.locator("#curves .series").count() == 4
        assert page.locator("#times .series").count() == 3  # it has no times
        rows = page.locator("#deltas tbody tr")
        assert "paper (published)" in rows.last.inner_text() and "%" in rows.last.inner_text()
        page.get_by_label("Metric", exact=True).select_option("VMAF v0.6.1")
        assert page.locator("#curves .series").count() == 3
        assert "not in its file" in rows.last.inner_text()
        page.locator("#codecs").get_by_role("button", name="paper (published)").click()
        assert rows.count() == 2


def test_a_heading_of_the_table_chooses_its_metric(browser: Any, file: Path) -> None:
    with opened(browser, file) as page:
        page.locator("#matrix").get_by_role("button", name="MS-SSIM (libvmaf)").press("Enter")
        assert page.get_by_label("Metric", exact=True).locator("option:checked").inner_text() == (
            "MS-SSIM (libvmaf)"
        )
        assert page.evaluate("document.activeElement.textContent") == "MS-SSIM (libvmaf)"


def test_the_anchor_alone_has_no_gain_to_show(browser: Any, file: Path) -> None:
    with opened(browser, file, fragment="hide=codec-2&hide=codec-3") as page:
        assert page.locator("#curves .series").count() == 1
        assert page.locator("#times svg").count() == 0
        assert page.locator("#save-times button").count() == 0


@SIZES
def test_no_table_is_cut_off(browser: Any, file: Path, size: tuple[int, int]) -> None:
    with opened(browser, file, size) as page:
        for table in ("#deltas", "#matrix", "#provenance"):
            box = page.locator(table)
            assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), table
        last = page.locator("#matrix tbody tr").first.locator("td").last
        assert last.bounding_box()["x"] + last.bounding_box()["width"] <= size[0]
        label = last.evaluate("cell => getComputedStyle(cell, '::before').content")
        assert ("wAP" in label) == (size == PHONE)


def saved(page: Any, where: str, kind: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator(where).get_by_role("button", name=kind).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_figures_are_saved_as_csv(browser: Any, file: Path, tmp_path: Path, bench: Bench) -> None:
    first = figures_in(file)["sets"][0]
    wap = [metric["name"] for metric in first["metrics"]].index("wap:made-up-network")
    with opened(browser, file) as page:
        page.locator("#codecs").get_by_role("button", name="codec-3").click()
        curves = saved(page, "#save-curves", "CSV", tmp_path)
        times = saved(page, "#save-times", "CSV", tmp_path)
        deltas = saved(page, "#save-deltas", "CSV", tmp_path)
    assert curves.name == "second-wap-made-up-network-curves.csv"
    with curves.open(newline="", encoding="utf-8") as table:
        points = list(csv.DictReader(table))
    assert {row["codec"] for row in points} == {"codec-1", "codec-2"}  # as shown
    drawn = first["codecs"][0]["curves"][wap][0]
    assert float(points[0]["bpp"]) == drawn["rate"]
    assert float(points[0]["wap:made-up-network"]) == drawn["value"]
    assert float(points[0]["wap:made-up-network_low"]) == drawn["low"]
    expected = first["deltas"]["akima"][0]["figures"][1][wap]
    for path in (times, deltas):
        with path.open(newline="", encoding="utf-8") as table:
            (row,) = [
                row for row in csv.DictReader(table)
                if row["codec"] == "codec-2" and row["metric"] == "wap:made-up-network"
            ]  # fmt: skip
        assert float(row["bd_rate"]) == expected["value"]
    message = bench(
        "bd", f"{curves}:codec-1", f"{curves}:codec-2", "--metric", "wap:made-up-network"
    )
    assert message.status == 0, message.err
    assert expected["text"]["rate"] in message.out


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_is_saved_as_a_picture_that_stands_alone(
    browser: Any, file: Path, tmp_path: Path, scheme: str
) -> None:
    with opened(browser, file, PHONE, scheme) as page:
        curves = saved(page, "#save-curves", "SVG", tmp_path)
        times = saved(page, "#save-times", "SVG", tmp_path)
        assert page.locator(".printed").count() == 0
    for path in (curves, times):
        text = path.read_text("utf-8")
        assert "var(" not in text and "class=" not in text
        for result in ("second, 24 images", "codec-1", "codec-2", "codec-3"):
            assert result in text
    with opened(browser, curves) as picture:
        ground = picture.locator("rect").first
        assert ground.get_attribute("fill") == "rgb(255, 255, 255)"
        assert ground.bounding_box()["width"] == 760
        assert picture.get_by_text("bit/pixel").count() == 1


def test_a_view_is_linked(browser: Any, file: Path) -> None:
    with opened(browser, file) as page:
        assert "#" not in page.url
        page.get_by_label("Metric", exact=True).select_option("VMAF v0.6.1")
        page.get_by_label("Anchor", exact=True).select_option("codec-3")
        page.get_by_label("BD method").select_option("pchip")
        page.get_by_label("Rate axis").select_option("linear")
        page.get_by_label("Time", exact=True).select_option("decoding")
        page.locator("#codecs").get_by_role("button", name="codec-2").click()
        link, shown = page.url, page.locator("main").inner_text()
    assert "metric=vmaf&anchor=codec-3" in link
    with opened(browser, file, fragment=link.partition("#")[2]) as page:
        assert page.url == link
        assert page.locator("main").inner_text() == shown
        assert page.locator("#absent").is_hidden()
        page.goto(file.resolve().as_uri() + "#data=first&anchor=none")  # the page stays loaded
        assert page.locator("h1").inner_text() == "first"
        assert page.locator("#deltas table").count() == 0
        page.get_by_label("Data set").select_option("second")
        assert page.url == file.resolve().as_uri()


def test_a_link_to_what_is_not_there_says_so(browser: Any, file: Path) -> None:
    fragment = "metric=psnr_x&hide=nobody&anchor=codec-2&%E0%A4%A=&axis"
    with opened(browser, file, fragment=fragment) as page:
        message = page.locator("#absent").inner_text()
        assert "metric psnr_x" in message and "codec nobody" in message
        assert "codec-2" not in message
        assert page.locator("#curves .series").count() == 3
        assert "anchor=codec-2" in page.url and "psnr_x" not in page.url


def test_points_are_told_by_pointer_and_by_keys(browser: Any, file: Path) -> None:
    its = figures_in(file)["sets"][0]["codecs"][0]
    cheapest = its["curves"][-1][0]
    expected = {its["points"][0], f"{cheapest['rate_text']} bpp", f"wAP {cheapest['text']}"}
    with opened(browser, file) as page:
        tip = page.locator("#curves .tip")
        assert tip.is_hidden()
        mark = page.locator("#curves .series").first.locator(".mark").first.bounding_box()
        page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
        assert expected <= set(tip.inner_text().split("\n"))
        assert f"95 %: {cheapest['interval']}" in tip.inner_text()
        page.mouse.move(5, 5)
        assert tip.is_hidden()
        page.locator("#curves svg").first.focus()
        page.keyboard.press("ArrowRight")
        assert expected <= set(tip.inner_text().split("\n"))
        page.keyboard.press("ArrowDown")
        assert "codec-2" in tip.inner_text()
        page.keyboard.press("Escape")
        assert tip.is_hidden()


def test_everything_is_reached_by_keyboard(browser: Any, file: Path) -> None:
    named = "(e => e.id || e.getAttribute('aria-label') || e.textContent)(document.activeElement)"
    with opened(browser, file) as page:
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(str(page.evaluate(named)))
        assert {"theme", "Metric", "Anchor", "BD method", "Rate axis", "codec-2"} <= reached
        assert any("The arrow keys" in name for name in reached)


def test_a_set_of_which_nothing_is_measured_says_so(browser: Any, tmp_path: Path) -> None:
    store = fabricate(tmp_path / "store", codecs=1, images=3, task=False, metrics=())
    api.report(store, html=True)
    with opened(browser, store / "report" / "report.html") as page:
        assert page.locator("#summary").inner_text() == "3 images, 1 codec; nothing measured yet"
        assert page.locator("#provenance").is_visible()


@pytest.mark.slow
@SIZES
def test_hostile_names_are_only_names(browser: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    store = tmp_path / "store"
    fabricate(
        store, codecs=2, images=4, datasets=(HOSTILE,), titles=(HOSTILE, "x" * 300), failure=HOSTILE
    )
    api.report(store, html=True)
    with opened(browser, store / "report" / "report.html", size) as page:
        assert page.locator("h1").inner_text().startswith("</script><script>alert(1)")
        assert "<img src=x onerror=alert(2)>" in page.locator("#failures").inner_text()
        assert page.locator("footer img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]


@pytest.fixture
def hung(red: RedThings, root: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench) -> Path:
    """A page with pictures: a sweep over red cars."""
    monkeypatch.setenv("CITYSCAPES_DATASET", str(root))
    api.run(["jpeg", "webp"], data="cityscapes", metrics=["psnr_y"], tasks=[red.name])
    result = bench("report", "--html")
    assert result.status == 0, result.err
    return api.RESULTS / "report" / "report.html"


@pytest.mark.slow
@SIZES
def test_the_wiper_moves(browser: Any, hung: Path, size: tuple[int, int]) -> None:
    with opened(browser, hung, size) as page:
        edge = page.locator(".edge")
        stage = page.locator(".stage").bounding_box()

        def place() -> float:
            box = edge.bounding_box()
            return float((box["x"] + 1 - stage["x"]) / stage["width"])

        assert place() == pytest.approx(0.5, abs=0.01)
        page.locator(".stage").click(position={"x": stage["width"] * 0.25, "y": 30})
        assert place() == pytest.approx(0.25, abs=0.02)
        page.keyboard.press("Home")
        assert place() == pytest.approx(0, abs=0.01)
        page.keyboard.press("End")
        assert place() == pytest.approx(1, abs=0.01)
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        for image in page.locator(".stage img").all():
            assert image.evaluate("image => image.naturalWidth") == 192


@pytest.mark.slow
def test_pictures_are_chosen_and_drawn_on(browser: Any, hung: Path) -> None:
    gallery = figures_in(hung)["gallery"]
    with opened(browser, hung) as page:
        order = [
            int(button.get_attribute("data-image"))
            for button in page.locator(".thumbnails button").all()
        ]
        merits = [
            [gallery["images"][image]["codecs"][codec][1]["merit"] for codec in (0, 1)]
            for image in order
        ]
        differences = [abs(one - other) for one, other in merits]
        assert differences == sorted(differences, reverse=True)

        page.locator(".thumbnails button").nth(2).click()
        image = gallery["images"][order[2]]
        facts = page.locator("#pictures table").inner_text()
        for codec in (0, 1):
            picture = image["codecs"][codec][1]
            assert picture["bits"] in facts and picture["rate_text"] in facts
            assert " / ".join(map(str, picture["counts"])) in facts
            assert picture["qualities"][0][1] in facts

        left = page.locator(".layer.left")
        assert left.locator(".found").count() == len(image["codecs"][0][1]["found"])
        page.get_by_label("detections").uncheck()
        assert left.locator(".found").count() == 0
        page.get_by_label("ground truth").check()
        assert left.locator(".truth").count() == len(image["truth"]) == 4
        page.get_by_label("Left", exact=True).select_option("uncompressed")
        assert "uncompressed" in page.locator(".tag.left").inner_text()


@pytest.mark.slow
def test_a_view_of_pictures_is_linked(browser: Any, hung: Path) -> None:
    with opened(browser, hung, PHONE) as page:
        page.locator(".thumbnails button").nth(3).click()
        page.get_by_label("Left", exact=True).select_option("uncompressed")
        page.get_by_label("ground truth").check()
        stage = page.locator(".stage").bounding_box()
        page.locator(".stage").click(position={"x": stage["width"] * 0.25, "y": 30})
        link, shown = page.url, page.locator("#pictures").inner_text()
    with opened(browser, hung, PHONE, fragment=link.partition("#")[2]) as page:
        assert page.locator("#pictures").inner_text() == shown
        chosen = page.locator(".thumbnails [aria-pressed=true]").bounding_box()
        assert chosen["x"] >= 0 and chosen["x"] + chosen["width"] <= PHONE[0]
        assert page.get_by_label("ground truth").is_checked()
        assert page.locator(".layer.left .truth").count() == 4
        edge, stage = page.locator(".edge").bounding_box(), page.locator(".stage").bounding_box()
        assert (edge["x"] + 1 - stage["x"]) / stage["width"] == pytest.approx(0.25, abs=0.02)
        assert page.url == link
        assert page.locator("#absent").is_hidden()
    with opened(browser, hung, PHONE, fragment="image=none.png&left=uncompressed") as page:
        message = page.locator("#absent").inner_text()
        assert "image none.png" in message and "uncompressed" not in message


@pytest.mark.slow
def test_a_picture_is_made_once(hung: Path, red: RedThings, bench: Bench) -> None:
    before, looked = hung.read_bytes(), len(red.looked)
    bench("report", "--html")
    assert len(red.looked) == looked
    assert hung.read_bytes() == before


@pytest.mark.slow
def test_a_codec_that_has_changed_is_left_out_and_said(
    browser: Any, hung: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.codecs.families.pillow import PillowCodec

    for kept in hung.parent.glob("gallery/*"):
        kept.unlink()
    monkeypatch.setattr(PillowCodec, "fingerprint", property(lambda self: "another"))
    bench("report", "--html")
    with opened(browser, hung) as page:
        assert "jpeg: has changed since" in page.locator("#gallery").inner_text()


@pytest.mark.slow
def test_a_page_of_full_size_is_usable_within_six_seconds(
    browser: Any, file: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).bytes(150_000)
    full = tmp_path / "full.html"
    full.write_text(page_of(json.loads(json.dumps(figures_in(file))), [noise] * 100), "utf-8")
    with opened(browser, file):
        pass  # the browser's own first window takes as long again
    started = time.monotonic()
    with opened(browser, full) as page:
        page.locator("#codecs button").first.click()
        assert page.locator("#curves .series").count() == 2
        assert time.monotonic() - started < 6


@pytest.mark.slow
def test_pictures_are_compared_without_a_network(
    browser: Any, pictures: Pictures, bench: Bench
) -> None:
    folder = pictures(3, 64, 48)
    api.run(["jpeg", "webp"], data=str(folder), metrics=["psnr_y"], tasks=["none"])
    bench("report", "--html", "--metric", "psnr_y")
    with opened(browser, api.RESULTS / "report" / "report.html") as page:
        assert page.locator(".stage img").count() == 2
        assert page.locator("#pictures input[type=checkbox]").count() == 0
        assert "No task network has looked at them." in page.locator("#gallery-about").inner_text()
        assert "dB" in page.locator(".thumbnails button").first.inner_text()
