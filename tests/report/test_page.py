"""The page's file: its figures are those of the terminal, and nothing in it can break out of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from support.command import Bench
from support.made_up import fabricate
from support.page import HOSTILE, figures_in
from support.paths import environment
from support.results import codec, pair, printed, results, words

from bench import api
from bench.metrics.bjontegaard import Method
from bench.report.compare import compare
from bench.report.page.gallery import MAX_BYTES
from bench.report.page.html import page
from bench.report.page.levels import choose_levels, columns_at, images_by_difference
from bench.report.page.outlines import outline
from bench.report.page.page_data import page_figures


def test_every_figure_of_the_terminal_is_on_the_page() -> None:
    report = pair()
    figures = page_figures(report, pareto=False)
    message = words(printed(report))
    (against,) = [figures["deltas"]["akima"][figures["anchor"]]]
    for number, shown in enumerate(against["figures"][1]):
        text = shown["text"]
        row = (text["rate"], text["rate_interval"], text["gain"], text["qualities"])
        assert " ".join([*row, text["overlap"]]) in message, report.metrics[number]
        assert f"mean of images {text['images']} {text['images_interval']}" in message
    for its in figures["codecs"]:
        for point, label in enumerate(its["points"]):
            at = [curve[point] for curve in its["curves"]]
            times = [its["times"][cost]["points"][point] for cost in ("encode_cpu", "decode_cpu")]
            row = [label, at[0]["rate_text"], *(each["text"] for each in at), *times]
            assert " ".join(row) in message


@pytest.mark.parametrize("method", get_args(Method))
def test_every_anchor_has_the_figures_that_a_report_with_it_has(method: Method) -> None:
    found = results(codec("hm", anchor=True), codec("vtm", saving=0.2), codec("x", saving=0.1))
    figures = page_figures(compare(found), pareto=False)
    for number, its in enumerate(found.codecs):
        report = compare(found, anchor=its.name, method=method)
        against = figures["deltas"][method][number]["figures"]
        assert against[number] == [None, None]
        for each in report.comparisons:
            row = [other.name for other in found.codecs].index(each.codec)
            shown = against[row][report.metrics.index(each.metric)]
            assert shown["value"] == each.rate.value
            assert (shown["low"], shown["high"]) == each.rate.interval


@pytest.mark.parametrize("method", get_args(Method))
def test_a_published_curve_has_the_figures_of_a_report(method: Method) -> None:
    Path("paper.csv").write_text("bpp,psnr-y\n0.1,31\n0.2,34\n0.4,37\n0.8,40.5\n")
    found = results(codec("hm", anchor=True), codec("vtm", saving=0.2))
    figures = page_figures(compare(found, published=["paper.csv"]), pareto=False)
    assert [its["published"] for its in figures["codecs"]] == [False, False, True]
    assert figures["codecs"][2]["curves"][1] == []  # it has no VMAF
    for number, anchor in enumerate(("hm", "vtm")):
        made = compare(found, anchor=anchor, method=method, published=["paper.csv"])
        (expected,) = [each for each in made.comparisons if each.codec == "paper (published)"]
        shown, missing = figures["deltas"][method][number]["figures"][2]
        assert shown["value"] == expected.rate.value and shown["low"] is None and missing is None


def test_what_has_no_figure_is_said_and_not_zero() -> None:
    figures = page_figures(pair(rates=(20, 40)), pareto=False)
    against = figures["deltas"]["akima"][0]
    assert against["figures"][1][0]["value"] is None
    assert against["figures"][1][0]["text"]["rate"] == "–"
    assert any("no comparison by PSNR Y" in note for note in against["notes"])


def test_weight_sets_are_named_where_they_tell_codecs_apart() -> None:
    names = "ncn:toyscapes", "ncn:cityscapes", "lsm:toyscapes", "hm"
    codecs = page_figures(compare(results(*map(codec, names))), pareto=False)["codecs"]
    assert [its["name"] for its in codecs] == ["ncn:toyscapes", "ncn:cityscapes", "lsm", "hm"]
    assert [its["full_name"] for its in codecs] == list(names)


def test_an_incomplete_codec_has_curves_alone() -> None:
    figures = page_figures(pair(holes=((3, 1),)), pareto=False)
    assert figures["codecs"][1]["incomplete"]
    assert [point["complete"] for point in figures["codecs"][1]["curves"][0]] == [1, 0, 1, 1]
    assert figures["deltas"]["akima"][0]["figures"][1] == [None, None]


class _Elements(HTMLParser):
    """What a browser would make of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.tags.append(tag)


def test_names_from_files_cannot_become_markup() -> None:
    odd = codec(HOSTILE, title=HOSTILE)
    found = results(odd, dataset=HOSTILE, failures=((HOSTILE, HOSTILE, 37, HOSTILE),))
    figures = {"sets": [page_figures(compare(found), pareto=False)], "gallery": {"reason": HOSTILE}}
    text = page(figures, [])
    plain = {"sets": [page_figures(pair(), pareto=False)], "gallery": {"reason": ""}}
    seen, expected = _Elements(), _Elements()
    seen.feed(text)
    expected.feed(page(plain, []))
    assert seen.tags == expected.tags
    assert "onerror" not in re.sub(r'id="figures">.*?</script>', "", text, flags=re.DOTALL)


def test_the_page_reaches_for_nothing() -> None:
    text = page({"sets": [], "gallery": {}}, [b"picture"])
    assert "default-src 'none'" in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.slow
def test_the_command_writes_one_file_of_every_data_set(bench: Bench, tmp_path: Path) -> None:
    fabricate(tmp_path / "store", codecs=2, images=4, datasets=("first", "second"))
    result = bench("report", "--html", "--results", tmp_path / "store")
    assert result.status == 0, result.err
    held = figures_in(tmp_path / "store" / "report" / "report.html")
    assert [each["name"] for each in held["sets"]] == ["second", "first"]
    assert "unknown data set" in held["gallery"]["reason"]  # so there are no pictures
    bench("report", "--html", "--data", "first", "--results", tmp_path / "store")
    held = figures_in(tmp_path / "store" / "report" / "report.html")
    assert [each["name"] for each in held["sets"]] == ["first"]


@pytest.mark.slow
def test_without_html_there_is_no_page(bench: Bench, tmp_path: Path) -> None:
    fabricate(tmp_path / "store", codecs=2, images=4)
    assert bench("report", "--results", tmp_path / "store").status == 0
    assert not (tmp_path / "store" / "report" / "report.html").exists()


def test_codecs_meet_at_the_nearest_rates() -> None:
    found = results(codec("hm", anchor=True), codec("dear", rates=(0.4, 4)))
    levels = choose_levels(compare(found))
    assert [level.column for level in levels] == [2, 3]  # rates that both have
    hm, dear = found.codecs
    assert (columns_at(levels[0], hm) == 2).all()
    assert (columns_at(levels[0], dear) == 0).all()
    hm.values["decode_wall"][3, 1] = np.nan  # never decoded
    again = results(codec("hm", anchor=True), codec("incomplete", holes=((3, 1), (5, 0))))
    levels = choose_levels(compare(again))
    assert [level.column for level in levels] == [1, 2]
    incomplete = columns_at(levels[0], again.codecs[1])
    assert incomplete[4] == 1 and incomplete[3] in (0, 2)
    once = results(codec("hm", anchor=True), codec("dearer", rates=(0.9, 9)))
    assert [level.column for level in choose_levels(compare(once))] == [2, 3]
    thrice = results(codec("hm", anchor=True), codec("dearer", rates=(0.2, 2)))
    assert [level.column for level in choose_levels(compare(thrice))] == [1, 3]
    strangers = results(codec("hm", anchor=True), codec("elsewhere", rates=(9, 90)))
    assert [level.column for level in choose_levels(compare(strangers))] == [1, 2]


def test_images_on_which_codecs_differ_come_first() -> None:
    one, other = codec("one", anchor=True), codec("other")
    other.values["psnr_y"][7] -= 5
    other.values["psnr_y"][3] += 2
    report = compare(results(one, other))
    assert images_by_difference(report, None, choose_levels(report))[:2] == [7, 3]


def inside(path: str, height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The pixels whose middle an SVG path holds, by crossings of a line to the right."""
    held = np.zeros((height, width), bool)
    middles_y, middles_x = np.mgrid[:height, :width] * 2 + 1.0
    for loop in path.split("M")[1:]:
        start, steps = loop.rstrip("z").split("l")
        moves = np.array(steps.split(), float).reshape(-1, 2)
        corners = np.vstack([np.array(start.split(), float), moves]).cumsum(axis=0)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y0 != y1:
                crosses = (middles_y < max(y0, y1)) & (middles_y >= min(y0, y1))
                held ^= crosses & (middles_x < x0 + (middles_y - y0) * (x1 - x0) / (y1 - y0))
    return held


@pytest.mark.parametrize("seed", range(8))
def test_an_outline_holds_just_the_pixels_of_its_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((rng.integers(1, 14), rng.integers(1, 17))) < rng.uniform(0.1, 0.95)
    assert (inside(outline(mask), *mask.shape) == mask).all()


def test_nothing_has_no_outline() -> None:
    assert outline(np.zeros((3, 4), bool)) == ""


@pytest.mark.slow
def test_a_finished_store_of_twelve_codecs_reports_in_twenty_seconds(tmp_path: Path) -> None:
    store = fabricate(tmp_path / "store")
    api.report(store)  # as the sweep that finished it does, so that wAP has its intervals
    command = [sys.executable, "-m", "bench", "report", "--html", "--results", str(store)]
    # One thread of BLAS: two would wait for each other while other tests run.
    alone = environment() | {"OPENBLAS_NUM_THREADS": "1"}
    taken = []
    for _ in range(3):
        before = os.times().children_user
        subprocess.run(command, env=alone, check=True, capture_output=True)
        taken.append(os.times().children_user - before)
        if taken[-1] < 20:
            break
    assert min(taken) < 20
    size = (store / "report" / "report.html").stat().st_size
    assert size + 4 / 3 * MAX_BYTES < 25e6  # with as many pictures as a page may have
