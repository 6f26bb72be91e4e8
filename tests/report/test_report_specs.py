"""Reports by a spec: figures and tables for print, whose figures are those of 'bench report'."""

from __future__ import annotations

import csv
import itertools
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.ncn import write_weights
from fakes.task import RedThings, red_cityscapes
from PIL import Image
from support.command import Bench, Result, run_bench
from support.results import codec, results

from bench import api
from bench.codecs.catalog import card_paths
from bench.metrics.measure import MEASURES
from bench.report.curve_styles import COLOURS
from bench.report.paper.rates import WHOLE, Bar, print_rates
from bench.report.paper.selection import Selection
from bench.report.paper.spec import read_spec
from bench.report.paper.tables import read_published
from bench.report.plotting import GREY
from bench.runtime.content import content_folder
from bench.store import TaskResults
from bench.tasks.task import TASKS

SPEC = """
title = "A paper & its figures"

[data.cityscapes]
anchor = "jpeg"
task = "red-things"
image = "a_000001_000019"
bpp = 1.0
instead = { vtm = "jpeg" }
bend = [5, 12, 30]

[codecs]
vtm = { label = "VTM", colour = "#1A1A1A", line = "solid", marker = "circle" }
jpeg = { label = "JPEG_1", colour = "#1A1A1A", line = "solid", marker = "circle" }
jpeg2000 = { label = 'J $L_\\mathrm{2000}$', colour = "#E69F00", line = "dotted", marker = "star" }
ncn-lsm = { label = "LSMnet", colour = "#0072B2", line = "dashed", marker = "plus" }

[[part]]
kind = "curves"
name = "curves"
caption = "Curves."
codecs = ["jpeg", "jpeg2000", "ncn-lsm"]
panels = ["psnr_rgb", "wap"]

[[part]]
kind = "deltas"
name = "deltas"
caption = "Deltas, 100 % of them."
codecs = ["jpeg2000", "ncn-lsm"]
columns = [
    { delta = "quality", metric = "psnr_rgb" },
    { delta = "rate", metric = "wap" },
    { delta = "rate", metric = "wap", against = "vtm", bend = true },
]
published = "paper/table-2.csv"

[[part]]
kind = "transfer"
name = "transfer"
caption = "Against {anchor}, by each network."
codecs = ["jpeg2000"]

[[part]]
kind = "pictures"
name = "pictures"
caption = "Pictures."
codecs = ["jpeg", "jpeg2000"]

[[part]]
kind = "mask"
name = "mask"
caption = "Where it masks."
codecs = ["ncn-lsm"]

[[part]]
kind = "rates"
name = "rates"
caption = "What their parts cost."
codecs = ["jpeg", "jpeg2000"]

[[part]]
kind = "heatmap"
name = "heatmap"
caption = "Against {anchor}, in colours."
codecs = ["jpeg2000"]
"""


def spec(*kinds: str) -> str:
    """The spec with parts of these kinds alone."""
    head, *parts = SPEC.split("[[part]]")
    kept = [part for part in parts if any(f'kind = "{kind}"' in part for kind in kinds)]
    assert len(kept) == len(kinds)
    return "[[part]]".join([head, *kept])


@pytest.fixture(scope="module")
def printed(red_sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """The whole spec's report, and its folder."""
    folder = tmp_path_factory.mktemp("printed")
    (folder / "mine.toml").write_text(SPEC)
    root = red_cityscapes(folder / "cityscapes")
    places = ("--root", root, "--results", red_sweep / api.RESULTS, "--out", folder / "print")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS.own, RedThings.name, lambda weights: RedThings())
        result = run_bench("report", folder / "mine.toml", *places)
    assert result.status == 0, result.err
    return result, folder / "print"


@pytest.fixture
def swept(red_results: Path) -> None:
    """A store with two codecs, and a spec."""
    Path("mine.toml").write_text(SPEC)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_all_parts_are_made(printed: tuple[Result, Path]) -> None:
    result, folder = printed
    assert "not made: no weights: LSMnet" in result.out
    made = {path.name for path in folder.iterdir()}
    figures = {
        f"{name}{end}"
        for name in ("curves", "rates", "pictures", "heatmap")
        for end in (".pdf", ".svg", ".png")
    }
    tables = {f"{name}{end}" for name in ("deltas", "transfer") for end in (".tex", ".md", ".csv")}
    assert made == figures | tables | {
        *("curves.csv", "rates.csv", "pictures.csv", "heatmap.csv", "mine.md")
    }
    assert (folder / "heatmap.csv").read_text() == (folder / "transfer.csv").read_text()
    pdf = (folder / "curves.pdf").read_bytes()
    assert b"/FontFile2" in pdf  # TrueType, embedded
    assert b"/Type3" not in pdf
    with Image.open(folder / "curves.png") as picture:
        assert picture.width / 400 * 25.4 == pytest.approx(181, abs=0.2)  # millimetres


def test_its_figures_are_those_of_the_plain_report(
    red_sweep: Path, printed: tuple[Result, Path]
) -> None:
    _, folder = printed
    of_the_run = red_sweep / api.RESULTS / "report"
    plain = {row["metric"]: row for row in rows(of_the_run / "bjontegaard.csv")}
    by = {
        (row["codec"], row["column"], row["published"]): row for row in rows(folder / "deltas.csv")
    }
    ours = by["jpeg2000", "rate wap", "no"]
    assert ours["value"] == plain["wap:red-things"]["bd_rate"]
    assert ours["low"] == plain["wap:red-things"]["bd_rate_low"]
    assert by["jpeg2000", "quality psnr_rgb", "no"]["value"] == plain["psnr_rgb"]["bd_quality"]
    assert by["ncn-lsm", "rate wap", "no"]["reason"] == "no weights"
    assert by["ncn-lsm", "rate wap", "yes"]["value"] == "-27.3"
    assert by["jpeg2000", "rate wap", "yes"]["value"] == ""  # not published, so not filled
    bend = by["jpeg2000", "rate wap against vtm bend", "no"]
    assert bend["value"] not in ("", ours["value"])
    means = rows(of_the_run / "means.csv")
    drawn = {
        (row["by"], row["point"]): row
        for row in rows(folder / "curves.csv")
        if row["metric"] == "wap:red-things"
    }
    for mean in means:
        point = drawn[mean["codec"], mean["point"]]
        assert (point["bpp"], point["quality"]) == (mean["bpp"], mean["wap:red-things"])


def test_a_stream_without_parts_is_one_bar(red_sweep: Path, printed: tuple[Result, Path]) -> None:
    means = rows(red_sweep / api.RESULTS / "report" / "means.csv")
    bars = rows(printed[1] / "rates.csv")
    assert {row["part"] for row in bars} == {"whole stream"}
    assert [row["bpp"] for row in bars] == [row["bpp"] for row in means]


def test_the_parts_of_streams_are_stacked(tmp_path: Path) -> None:
    parts = {"base": 0.1, "semantic": 0.05}
    bars = [Bar("Mine", "QP 37", parts), Bar("Mine", "QP 32", parts), Bar("x", "QP 32", {WHOLE: 1})]
    print_rates(bars, [tmp_path / "rates.svg"], 181)
    drawn = (tmp_path / "rates.svg").read_text("utf-8")
    assert {colour for colour in (*COLOURS, GREY) if colour.lower() in drawn} == {
        *COLOURS[:2],
        GREY,
    }


def test_tables_are_ready_for_print(printed: tuple[Result, Path]) -> None:
    _, folder = printed
    tex = (folder / "deltas.tex").read_text("utf-8")
    (caption,) = re.findall(r"\\caption{(Deltas, 100 \\% of them\. .*)}", tex)
    assert re.search(r"Versions: JPEG\\_1: libjpeg-turbo \d", caption)
    assert caption.endswith("No weights: LSMnet.")
    assert r"\caption{Against JPEG\_1, by" in (folder / "transfer.tex").read_text("utf-8")
    assert r"J $L_\mathrm{2000}$ &" in tex
    assert r"JPEG\_1" in tex  # who stands in for VTM
    assert r"\textit{$-$27.3}" in tex
    assert r"\toprule" in tex
    page = (folder / "mine.md").read_text("utf-8")
    assert "A paper \\& its figures" in page
    assert "*−27.3*" in page
    assert "Not made: no weights: LSMnet" in page


@pytest.mark.usefixtures("swept")
def test_pictures_are_taken_at_like_rate(bench: Bench, printed: tuple[Result, Path]) -> None:
    shown = rows(printed[1] / "pictures.csv")
    assert [row["codec"] for row in shown] == ["uncompressed", "jpeg", "jpeg2000"]
    records = bench("export", "--out", "records.csv").out
    assert records
    for row in shown[1:]:
        mine = [
            record
            for record in rows(Path("records.csv"))
            if record["codec"] == row["codec"] and record["image"] == "a_000001_000019"
        ]
        nearest = min(mine, key=lambda record: abs(np.log(float(record["bpp"]))))
        assert row["point"] == nearest["point"]
        assert row["bpp"] == nearest["bpp"]
        found, missed = int(row["true positives"]), int(row["false negatives"])
        assert found + missed == 4


@pytest.mark.usefixtures("swept")
def test_pictures_without_their_images_spoil_nothing_else(bench: Bench, root: Path) -> None:
    Path("mine.toml").write_text(spec("curves", "pictures"))
    result = bench("report", "mine.toml", "--root", root / "nowhere", "--out", "print")
    assert result.status == 0
    assert "pictures" in result.out
    assert "not made: " in result.out
    assert Path("print/curves.pdf").is_file()


@pytest.mark.usefixtures("swept")
def test_what_an_earlier_report_made_stays_and_is_called_old(
    bench: Bench, root: Path, printed: tuple[Result, Path]
) -> None:
    Path("mine.toml").write_text(spec("pictures"))
    shutil.copytree(printed[1], "print")
    before = {path.name: path.read_bytes() for path in Path("print").glob("pictures.*")}
    assert set(before) == {"pictures.csv", "pictures.pdf", "pictures.svg", "pictures.png"}
    result = bench("report", "mine.toml", "--root", root / "nowhere", "--out", "print")
    assert {path.name: path.read_bytes() for path in Path("print").glob("pictures.*")} == before
    for text in (result.out, Path("print/mine.md").read_text("utf-8")):
        assert "from an earlier report, not of these results: pictures.pdf" in text


def command_in(out: str) -> list[str]:
    """The 'bench run' that a report prints, without 'bench'."""
    (line,) = [line for line in out.splitlines() if line.startswith("  bench run ")]
    return shlex.split(line)[1:]


def given(command: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(command) if name == option]


@pytest.mark.slow
@pytest.mark.usefixtures("red")
def test_an_anchor_that_was_not_run_is_told_apart_from_its_codecs(bench: Bench, root: Path) -> None:
    Path("mine.toml").write_text(spec("deltas"))
    on = ("--data", "cityscapes", "--root", root, "--metric", "psnr_rgb", "--task", "red-things")
    assert bench("run", "--codec", "jpeg2000", *on).status == 0
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    reasons = {
        row["reason"]
        for row in rows(Path("print/deltas.csv"))
        if row["codec"] == "jpeg2000" and row["published"] == "no"
    }
    assert len(reasons) == 2  # JPEG as itself, and for VTM
    assert all("the anchor" in reason and "JPEG_1" in reason for reason in reasons)
    command = command_in(result.out)
    assert given(command, "--codec") == ["jpeg"]
    assert bench(*command).status == 0
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    assert "bench run" not in result.out
    assert "the anchor" not in Path("print/deltas.csv").read_text()


@pytest.mark.usefixtures("swept")
def test_the_first_stand_in_that_was_run_is_called_what_it_is(bench: Bench, root: Path) -> None:
    several = spec("transfer").replace('vtm = "jpeg"', 'vtm = ["ncn-lsm", "jpeg"]')
    Path("mine.toml").write_text(several.replace('anchor = "jpeg"', 'anchor = "vtm"'))
    bench("report", "mine.toml", "--root", root, "--out", "print")
    caption = Path("print/transfer.tex").read_text("utf-8")
    assert r"\caption{Against JPEG\_1 (for VTM), by each network." in caption
    ours = [row for row in rows(Path("print/transfer.csv")) if row["codec"] == "jpeg2000"]
    assert all(row["value"] for row in ours)


@pytest.mark.usefixtures("swept")
def test_a_metric_that_was_not_measured_is_in_the_command(bench: Bench, root: Path) -> None:
    curves = spec("curves", "deltas").replace('"psnr_rgb", "wap"', '"vmaf_neg", "wap"')
    Path("mine.toml").write_text(curves)
    command = command_in(bench("report", "mine.toml", "--root", root, "--out", "print").out)
    assert given(command, "--codec") == ["jpeg", "jpeg2000"]
    assert set(given(command, "--metric")) == {"psnr_rgb", "vmaf_neg"}


@pytest.mark.usefixtures("swept")
def test_a_table_of_nothing_is_not_made(bench: Bench, root: Path) -> None:
    of_nothing = spec("transfer").replace('codecs = ["jpeg2000"]', 'codecs = ["ncn-lsm"]')
    Path("mine.toml").write_text(of_nothing)
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    assert result.status == 0
    assert not Path("print/transfer.csv").exists()


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (('marker = "star"', 'marker = "moon"'), "'codecs.jpeg2000.marker' 'star' 'moon'"),
        (('kind = "transfer"', 'kind = "transfers"'), "'part 3.kind' 'transfer' 'transfers'"),
        (('metric = "wap" }', 'metric = "vap" }'), "'part 2.columns 2.metric' 'vap' 'wap'"),
        (('caption = "Curves."', 'capton = "Curves."'), "'part 1.capton' 'caption'"),
        (('bpp = 1.0\n', ''), "'data.cityscapes.bpp' above 0"),
        (('bpp = 1.0', 'bpp = 0'), "'data.cityscapes.bpp' above 0"),
        (('image = "a_000001_000019"\n', ''), "'data.cityscapes.image' missing"),
        (('panels = ["psnr_rgb", "wap"]', ''), "'part 1.panels' missing"),
        (('codecs = ["jpeg2000"]', 'codecs = []'), "'part 3.codecs' 1 0"),
        (('"#E69F00"', '"sunny"'), "'codecs.jpeg2000.colour' #0072B2 'sunny'"),
        (('label = "VTM"', 'labl = "VTM"'), "'codecs.vtm.labl' 'label'"),
        (('anchor = "jpeg"', 'anchor = "jpg"'), "'data.cityscapes.anchor' 'jpg' 'jpeg'"),
        (('{ vtm = "jpeg" }', '{ vtm = [3] }'), "'data.cityscapes.instead.vtm' text 3"),
        (('{ vtm = "jpeg" }', '{ vtn = "jpeg" }'), "'data.cityscapes.instead' 'vtn'"),
        (('against = "vtm"', 'against = "vtn"'), "'part 2.columns 3.against' 'vtn' 'vtm'"),
        (('name = "transfer"', 'name = "deltas"'), "'part' 'deltas'"),
        (('name = "curves"', 'name = "../curves"'), "'part 1.name' '../curves'"),
        (('[data.cityscapes]', '[data.elsewhere]'), "mine.toml cityscapes"),
        (('task = "red-things"', 'task = "blue-things"'), "'blue-things'"),
        (('metric = "wap" }', 'metric = "wap", between = "9,5" }'), "2.columns 2.between' 9 5"),
        (('metric = "wap" }', 'metric = "wap", between = "wap=5,9" }'), "LOW,HIGH"),
        (('metric = "wap" }', 'metric = "wap", between = 5 }'), "2.columns 2.between' text 5"),
        (('"psnr_rgb" }', '"psnr_rgb", between = "5,9" }'), "2.columns 1.between' rate"),
        (('kind = "deltas"', 'kind = "deltas"\nbetween = "5%,9%"'), "'part 2.between' transfer"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("swept")
def test_a_wrong_spec_is_one_line(
    bench: Bench, root: Path, change: tuple[str, str], facts: str
) -> None:
    assert change[0] in SPEC
    Path("mine.toml").write_text(SPEC.replace(*change, 1))
    result = bench("report", "mine.toml", "--root", root)
    assert result.status == 1
    assert all(fact in result.err for fact in facts.split())
    assert len(result.err.splitlines()) == 1


def test_all_faults_of_a_spec_are_told(bench: Bench) -> None:
    wrong = SPEC.replace("bend = [5", 'bend = ["x", nan').replace('marker = "star"', "marker = 3")
    wrong = wrong.replace('panels = ["psnr_rgb"', 'panels = ["psnr"').replace(
        "bend = true", "bnd = 1"
    )
    Path("mine.toml").write_text(wrong)
    result = bench("report", "mine.toml")
    assert result.status == 1
    head, *message = result.err.splitlines()
    assert head == f"bench: mine.toml: {len(message)} faults"
    keys = (
        "'data.cityscapes.bend'",
        "'codecs.jpeg2000.marker'",
        "'part 1.panels'",
        "'part 2.columns 3.bnd'",
    )
    assert len(message) == len(keys)
    assert all(key in line for key, line in zip(keys, message, strict=True))


@pytest.mark.usefixtures("swept")
def test_tables_are_between_the_qualities_that_they_name(bench: Bench, root: Path) -> None:
    tables = spec("deltas", "transfer")
    tables = tables.replace('metric = "wap" }', 'metric = "wap", between = "50%,60%" }')
    tables = tables.replace('kind = "transfer"', 'kind = "transfer"\nbetween = "50%,60%"')
    Path("mine.toml").write_text(tables)
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    assert result.status == 0, result.err
    assert bench("report", "--between", "50%,60%").status == 0
    plain = {row["metric"]: row for row in rows(Path("bench-results/report/bjontegaard.csv"))}
    expected = plain["wap:red-things"]["bd_rate"]
    assert expected
    assert ours_in(Path("print/deltas.csv"))["rate wap between 50%,60%"] == expected
    assert ours_in(Path("print/transfer.csv"))["red-things"] == expected
    assert "BD-rate by wAP at 50–60 %" in Path("print/deltas.md").read_text("utf-8")
    Path("mine.toml").write_text(tables.replace("50%,60%", "0.375,0.5", 1))
    assert bench("report", "mine.toml", "--root", root, "--out", "print").status == 0
    assert "BD-rate by wAP at 0.375–0.5," in Path("print/deltas.md").read_text("utf-8")
    assert ours_in(Path("print/deltas.csv"))["rate wap between 0.375,0.5"] not in ("", expected)


@pytest.mark.usefixtures("swept")
def test_a_bend_of_points_that_are_not_there_is_told_and_filled(bench: Bench, root: Path) -> None:
    Path("mine.toml").write_text(spec("deltas").replace("bend = [5", "bend = [6"))
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    assert "JPEG_1 was not run at quality 6" in " ".join(result.out.split())
    ours = ours_in(Path("print/deltas.csv"))
    assert ours["rate wap"] and not ours["rate wap against vtm bend"]
    command = command_in(result.out)
    assert "6" in given(command, "--points")[0].split("=")[1].split(",")
    assert bench(*command).status == 0
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    assert "bench run" not in result.out
    assert ours_in(Path("print/deltas.csv"))["rate wap against vtm bend"]


def ours_in(path: Path) -> dict[str, str]:
    """JPEG 2000's own figures, by column."""
    ours = [row for row in rows(path) if (row["codec"], row["published"]) == ("jpeg2000", "no")]
    return {row["column"]: row["value"] for row in ours}


@pytest.mark.usefixtures("swept")
def test_a_label_that_cannot_be_set_spoils_its_figure_alone(bench: Bench, root: Path) -> None:
    Path("mine.toml").write_text(spec("curves", "deltas").replace("mathrm", "mathroom"))
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    assert result.status == 0, result.err
    assert "not made: a label cannot be drawn" in " ".join(result.out.split())
    assert not Path("print/curves.pdf").exists()
    assert Path("print/deltas.tex").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("red")
def test_a_mask_is_shown_where_an_lsmnet_makes_it(
    bench: Bench, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_weights(tmp_path / "weights", "ncn-lsm")
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "weights"))
    Path("mine.toml").write_text(spec("mask"))
    on = ("--data", "cityscapes", "--root", root, "--metric", "psnr_rgb", "--task", "red-things")
    assert bench("run", "--codec", "ncn-lsm", "--codec", "jpeg", *on).status == 0
    result = bench("report", "mine.toml", "--root", root, "--out", "print")
    assert result.status == 0, result.err
    assert "a_000001_000019, LSMnet at λ" in result.out
    assert Path("print/mask.pdf").is_file()
    with Path("print/mask.csv").open() as file:
        alpha = np.array(list(csv.reader(file)), float)
    assert alpha.shape == (8, 12)  # of 96x192, padded to 128x192, an element for 16x16
    assert 0 < alpha.max() < 0.01  # it was made to mask next to nothing


def test_options_that_a_spec_decides_are_refused(bench: Bench) -> None:
    assert bench("report", "paper", "--metric", "psnr_y").status == 2
    assert bench("report", "paper", "--between", "60%,95%").status == 2
    assert "paper, semantic-codecs, or a .toml file" in bench("report", "papers").err


@pytest.mark.parametrize(
    ("ran", "message"),
    [("16.20", "HM-16.20"), ("16.18", "HM-16.18"), (None, "HM-(version unknown)")],
)
def test_a_label_names_the_version_that_ran(ran: str | None, message: str) -> None:
    paper = read_spec("paper")
    hm = replace(codec("hm", anchor=True), card="hm", version=ran)
    found = results(hm, replace(codec("x265", anchor=True), card="x265", version="4.1"))
    task = TaskResults("mask-rcnn", "", MEASURES["cityscapes-ap"], (), None, "", ())
    selection = Selection(paper, paper.settings["cityscapes"], task, found, "akima", pareto=False)
    assert selection.shown("hm").style.label == message
    assert selection.shown("x265").style.label == "x265"


def test_what_ships_is_sound() -> None:
    paper = read_spec("paper")
    assert set(paper.styles) <= set(card_paths())
    styles = [(style.colour, style.line) for style in paper.styles.values()]
    stand_ins = sum(
        len(names) for setting in paper.settings.values() for names in setting.instead.values()
    )
    assert len(set(styles)) == len(styles) - stand_ins
    for part in filter(lambda part: part.published, paper.parts):
        known = read_published(part.published)
        assert set(known) - {"uncompressed"} <= set(part.codecs), part.name
        if part.columns:
            assert {key for row in known.values() for key in row} <= {c.key for c in part.columns}
    assert (content_folder("results") / "paper").is_dir()
