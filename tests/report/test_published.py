"""Published curves beside one's own: read from files, drawn and compared, marked as published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import Bench
from support.page import figures_in
from support.results import codec, printed, results, words

from bench import api
from bench.errors import BenchError
from bench.report.compare import compare
from bench.report.curves import drawing
from bench.report.markdown_report import markdown
from bench.store import Results


@pytest.fixture
def two() -> Results:
    return results(codec("hm", anchor=True), codec("vtm", saving=0.2))


def of_rates(saving: float) -> str:
    """The curve of a codec that saves so much against the anchor, as a paper's table."""
    found = codec("hm", saving=saving)
    rates, qualities, _ = found.curve("psnr_y")
    lines = [f"paper,{rate!r},{quality!r}" for rate, quality in zip(rates, qualities, strict=True)]
    return "\n".join(["codec,bpp,psnr-y", *lines, ""]).replace("np.float64(", "").replace(")", "")


def test_a_published_curve_is_compared_and_marked(two: Results) -> None:
    Path("curves.csv").write_text(of_rates(0.3))
    report = compare(two, published=["curves.csv"])
    row = report.deltas.set_index(["codec", "metric"]).loc[("paper (published)", "psnr_y")]
    assert row["bd_rate"] == pytest.approx(-30, abs=0.1)
    assert row["bd_rate_low"] != row["bd_rate_low"]  # it has no images to resample
    assert ("paper (published)", "vmaf") not in set(
        report.deltas[["codec", "metric"]].itertuples(index=False, name=None)
    )
    text = words(printed(report, 120))
    assert text.count("paper (published)") >= 3 and "curves.csv" in text
    assert "paper (published)" in markdown(report)
    assert "paper (published)" in report._repr_html_()
    drawn = drawing(report)
    assert [style.label for style in drawn.styles][-1] == "paper (published)"
    assert [len(curve) for curve in drawn.panels["psnr_y"]] == [4, 4, 4]
    assert [len(curve) for curve in drawn.panels["vmaf"]] == [4, 4, 0]
    assert list(report.points["codec"])[-4:] == ["paper (published)"] * 4


def test_files_of_compressai_are_read(two: Results) -> None:
    content = {"name": "cheng", "results": {"bpp": [0.1, 0.4, 1.0], "psnr-y": [31, 35, 40.0]}}
    Path("cheng.json").write_text(json.dumps(content))
    report = compare(two, published=["cheng.json"])
    assert "cheng (published)" in set(report.deltas["codec"])
    content["results"]["ms-ssim"] = [0.9, 0.95, 0.98]
    Path("cheng.json").write_text(json.dumps(content))
    assert "ms-ssim" in words(printed(compare(two, published=["cheng.json"])))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("bpp,quality\n0.1,30\n0.2,31\n", ["quality", "psnr_y"]),
        ("kbps,psnr_y\n100,30\n200,31\n", ["bpp"]),
        ("bpp,psnr_y\n0.1,30\n", ["one point"]),
        ("bpp,psnr_y\n0.1,30\n0.2,much\n", ["line 3", "much"]),
        ("", ["no points"]),
    ],
)
def test_a_file_that_cannot_be_shown_is_one_line(
    two: Results, content: str, message: list[str]
) -> None:
    Path("bad.csv").write_text(content)
    with pytest.raises(BenchError) as raised:
        compare(two, published=["bad.csv"])
    assert all(part in str(raised.value) for part in ["bad.csv", *message])
    assert "\n" not in str(raised.value)


def test_a_report_of_a_store_shows_them(bench: Bench, red_results: Path) -> None:
    Path("curves.csv").write_text("bpp,psnr_rgb,wap\n0.2,24,0.1\n0.9,28,0.3\n3,34,0.5\n")
    result = bench("report", "--with", "curves.csv", "--metric", "psnr_rgb")
    assert result.status == 0, result.err
    assert "curves (published)" in result.out
    assert bench("report", "--with", "curves.csv", "--html").status == 0
    (of_page,) = figures_in(red_results / "report" / "report.html")["sets"]
    (shown,) = [its for its in of_page["codecs"] if its["published"]]
    assert shown["name"] == "curves (published)" and "curves.csv" in shown["title"]
    assert [at["rate"] for at in shown["curves"][0]] == [0.2, 0.9, 3]
    assert bench("report", "paper", "--with", "curves.csv").status == 2
    assert bench("report", "--with", "missing.csv").status == 1


def test_bd_takes_any_number_of_files_and_draws_them(bench: Bench) -> None:
    for number, start in enumerate((30, 31, 32)):
        rows = [f"{0.1 * 2**k},{start + 3 * k}" for k in range(4)]
        Path(f"{number}.csv").write_text("\n".join(["bpp,psnr", *rows]))
    result = bench("bd", "0.csv", "1.csv", "2.csv", "--out", "curves.svg")
    assert result.status == 0, result.err
    assert (
        result.out.count("BD-rate") == 2
        and "1 against 0" in result.out
        and "2 against 0" in result.out
    )
    assert Path("curves.svg").read_text().count("0 (anchor)") == 1
    one, other = api.bd("0.csv", ["1.csv", "2.csv"])
    assert other.rate.value < one.rate.value < 0
    assert api.bd("0.csv", "1.csv").rate.value == one.rate.value
    assert bench("bd", "0.csv", "1.csv", "--out", "curves.txt").status == 1
    assert bench("bd", "0.csv").status == 2


SPEC = """
title = "Ours and theirs"
[data.cityscapes]
anchor = "jpeg"
task = "red-things"
[codecs]
jpeg = { label = "JPEG", colour = "#1A1A1A", line = "solid", marker = "circle" }
theirs = { label = "Theirs", colour = "#0072B2", line = "dotted", marker = "square" }
[published]
theirs = "curves.csv"
[[part]]
kind = "curves"
name = "figure-1"
caption = "Curves."
codecs = ["jpeg", "theirs"]
panels = ["psnr_rgb"]
[[part]]
kind = "deltas"
name = "table-1"
caption = "Deltas against {anchor}."
codecs = ["theirs"]
columns = [{ delta = "rate", metric = "psnr_rgb" }]
"""


def test_a_spec_shows_them_as_published(bench: Bench, red_results: Path) -> None:
    folder = Path("paper")
    folder.mkdir()
    (folder / "mine.toml").write_text(SPEC)
    report = api.report(metrics="psnr_rgb")
    rates = report.points[report.points["codec"] == "jpeg"]
    pairs = zip(rates["bpp"], rates["psnr_rgb"], strict=True)
    lines = [f"{0.8 * rate},{quality}" for rate, quality in pairs]
    (folder / "curves.csv").write_text("\n".join(["bpp,psnr_rgb", *lines]))
    result = bench("report", folder / "mine.toml", "--out", "made")
    assert result.status == 0, result.err
    table = Path("made/table-1.md").read_text()
    assert "Theirs (published)" in table and "20.0" in table
    drawn = Path("made/figure-1.csv").read_text()
    assert drawn.count("curves.csv") == len(lines)
    assert "Theirs (published)" in Path("made/figure-1.svg").read_text()
    (folder / "mine.toml").write_text(SPEC.replace('theirs = "curves', 'others = "curves'))
    refused = bench("report", folder / "mine.toml")
    assert refused.status == 1 and "others" in refused.err
