"""Reports: what is shown, what is said of figures that are not there, and what is not redone."""

from __future__ import annotations

import csv
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image
from rich.console import Console
from support.paths import TESTS, environment
from support.results import IMAGES, POINTS, codec, pair, printed, results, words

from bench.cli.report_screen import terminal
from bench.errors import DataError, StoreError
from bench.metrics.bjontegaard import Delta
from bench.report.compare import Comparison, Report, compare
from bench.report.conclusions import conclusions
from bench.report.curves import drawing
from bench.report.files import write_report
from bench.report.formatting import NOTHING
from bench.report.markdown_report import markdown
from bench.report.rate_axis import rate_limits, rate_ticks
from bench.report.tables import delta_cells
from bench.runtime.leftovers import temporary_name


def test_the_terminal_shows_means_and_deltas() -> None:
    text = printed(pair())
    lines = [line.split() for line in text.splitlines()]
    means = pair().results.mean_rows[0]
    first = f"QP 37 {means['bpp']:.4f} {means['psnr_y']:.2f} {means['vmaf']:.2f} 0.250 0.020"
    assert first.split() in lines
    figure = next(line for line in lines if line[:3] == ["PSNR", "Y", "-20.00"])
    assert figure[3] == "%" and "to" in figure and figure[-1] == "%"
    assert ["mean", "of", "images", "-20.00", "%"] in [line[:5] for line in lines]
    assert "BD of the set's mean curve" in words(text)
    assert "mean of the images' own BD" in words(text)
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_keeps_its_width(width: int) -> None:
    found = results(
        codec("hm", anchor=True),
        codec("a-codec-with-quite-a-name:toyscapes", title="A title that is longer " * 5),
        failures=(("hm", "image_01", 37, "no memory " * 30),),
    )
    text = printed(compare(found), width)
    assert max(map(len, text.splitlines())) <= width
    assert all(f"  QP {point}  " in text for point in POINTS)


def test_a_second_average_is_explained_where_there_is_one() -> None:
    hm = codec("hm", anchor=True)
    assert "in the second the mean of the images' own BD" in words(printed(pair()))
    apart = printed(compare(results(hm, codec("elsewhere", rates=(50, 90)))))
    assert "mean of images" not in apart


def test_without_an_anchor_there_are_curves_only() -> None:
    report = compare(results(codec("one"), codec("two")))
    assert "no anchor: curves only; --anchor NAME compares" in printed(report)
    assert "BD-rate" not in printed(report) + markdown(report)


def test_a_metric_by_which_nothing_can_be_compared_is_said_once_and_has_no_row() -> None:
    far = compare(results(codec("hm", anchor=True), codec("a", rates=(20, 40)), codec("b")))
    for text in printed(far), markdown(far):
        assert "no comparison by PSNR Y and VMAF v0.6.1 for a: the curves have" in words(text)
        assert words(text).count("no comparison") == 1
        assert " nan" not in text
    rows = [line for line in printed(far).splitlines() if line.startswith("  PSNR Y")]
    assert len(rows) == 1  # b's alone
    nothing = pair(rates=(20, 40))
    for text in printed(nothing), markdown(nothing):
        assert "no comparison by PSNR Y and VMAF v0.6.1: the curves have less than 25 %" in words(
            text
        )
        assert "BD-quality" not in text.partition("Notes")[0].replace("BD-rate and BD-quality", "")


def test_metrics_without_comparison_for_all_and_for_some_are_told_apart() -> None:
    hm, a, b = codec("hm", anchor=True), codec("a"), codec("b")
    for each, metric in (a, "vmaf"), (b, "vmaf"), (a, "psnr_y"):
        each.values[metric] = each.values[metric][:, ::-1]
    text = words(printed(compare(results(hm, a, b))))
    assert "by VMAF v0.6.1, nor by PSNR Y for a: the codecs' curves are not monotone" in text


def test_a_bent_curve_says_whose_it_is() -> None:
    hm, vtm = codec("hm", anchor=True), codec("vtm")
    vtm.values["vmaf"] = vtm.values["vmaf"][:, ::-1]
    text = words(printed(compare(results(hm, vtm))))
    assert "no comparison by VMAF v0.6.1: the codecs' curves are not monotone (--pareto" in text
    text = words(printed(compare(results(hm, vtm), anchor="vtm")))
    assert "no comparison by VMAF v0.6.1: the anchor's curve is not monotone (--pareto" in text


def test_each_note_names_its_figure_everywhere(tmp_path: Path) -> None:
    report = pair()
    found = next(each for each in report.comparisons if each.metric == "psnr_y")
    quality = replace(found.quality, interval=None, notes=("no interval: 8.8 % of the resamples",))
    noted = replace(report, comparisons=(replace(found, quality=quality),))
    write_report(noted, tmp_path)
    with (tmp_path / "bjontegaard.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert "BD-quality: no interval: 8.8 % of the resamples" in row["notes"]
    for text in printed(noted), markdown(noted):
        assert "vtm, BD-quality by PSNR Y: no interval: 8.8 % of the resamples" in words(text)


def test_figures_in_notes_are_short() -> None:
    reasons = [row["reason"] for row in pair(rates=(0.79, 6)).delta_rows]
    assert "overlap only from" in reasons[0]
    assert not re.search(r"\d\.\d{5,}", " ".join(reasons))


@pytest.mark.parametrize(
    ("saving", "message"),
    [
        (0.2, "By PSNR Y, vtm needs 20.00 % fewer bits than hm (20.00 to 20.00 %)."),
        (-0.3, "By PSNR Y, vtm needs 30.00 % more bits than hm (30.00 to 30.00 %)."),
    ],
)
def test_the_conclusion_is_a_sentence_above_the_table(saving: float, message: str) -> None:
    report = pair(saving=saving)
    text = words(printed(report))
    assert text.index(message) < text.index("BD-quality")
    assert message[1:-1] in words(markdown(report))


def test_a_conclusion_says_what_the_images_cannot_tell() -> None:
    report = pair()
    first = report.comparisons[0]
    unsure = replace(first, rate=replace(first.rate, value=-1.2, interval=(-7.4, 3.1)))
    message = printed(replace(report, comparisons=(unsure,)))
    assert "By PSNR Y, vtm needs as many bits as hm, as far as these images tell (-7 to +3 %)" in (
        words(message)
    )
    apart = compare(results(codec("hm", anchor=True), codec("vtm", rates=(20, 40))))
    assert not list(conclusions(apart))


def test_a_conclusion_is_coloured_on_a_terminal() -> None:
    for saving, colour in (0.2, "1;32"), (-0.2, "1;31"):
        console = Console(width=80, force_terminal=True, color_system="standard")
        with console.capture() as capture:
            console.print(terminal(pair(saving=saving)))
        assert f"\x1b[{colour}mBy PSNR Y, vtm needs" in capture.get()


@pytest.mark.parametrize(
    ("anchors", "named", "message"),
    [
        (("hm",), None, "Against hm (the only conventional codec here; --anchor CODEC names"),
        (("hm", "vtm"), None, "Against hm (the first conventional codec here; --anchor CODEC"),
        (("hm", "vtm"), "vtm", "Against vtm (named by --anchor), by akima"),
    ],
)
def test_the_report_says_why_a_codec_is_the_anchor(
    anchors: tuple[str, ...], named: str | None, message: str
) -> None:
    both = (codec(name, anchor=name in anchors) for name in ("hm", "vtm"))
    report = compare(results(*both), anchor=named)
    assert message in words(printed(report))
    assert message in words(markdown(report)).replace("\\", "")


def test_a_notebook_shows_a_short_report() -> None:
    report = pair()
    assert len(repr(report)) < 200
    assert len(repr(report.results)) < 200 and len(repr(report.results.codecs[0])) < 200
    shown = report._repr_markdown_()
    assert "vtm needs 20.00 % fewer bits" in shown and "| vtm | PSNR Y | -20.00" in shown
    assert "24 images" in compare(results(codec("one")))._repr_markdown_()


def test_an_incomplete_codec_is_said_and_left_out() -> None:
    found = pair(holes=((3, 1), (4, 1), (4, 2))).results
    report = compare(replace(found, failures=(("vtm", "image_03", 32, "killed"),)))
    result = (
        "vtm: 3 of 96 operations missing (1 failed), left out of the Bjøntegaard figures; "
        "--incomplete compares on the images that all have"
    )
    for text in printed(report), markdown(report):
        assert result in words(text)
        assert "-20.00" not in text
    assert "QP 32 *" in printed(report)
    assert "vtm, image_03, QP 32: killed" in printed(report)
    whole = printed(compare(found, incomplete=True))
    assert "-20.00 %" in whole and "on the 22 of 24 images that every codec has" in whole


def test_an_incomplete_anchor_compares_nothing() -> None:
    report = compare(results(codec("hm", anchor=True, holes=((0, 0),)), codec("vtm")))
    assert "hm, the anchor: 1 of 96 operations missing" in printed(report)
    assert "95 % interval" not in printed(report)


def test_a_coded_image_that_was_not_decoded_is_missing() -> None:
    one = codec("one")
    for value in one.values.values():
        value[2, 0] = np.nan
    assert one.missing == 1
    assert not compare(results(one)).results.mean_rows[0]["complete"]


def test_only_the_first_failures_are_printed() -> None:
    failures = tuple(("hm", f"image_{i:02}", 37, f"[bold]out\nof memory {i}") for i in range(12))
    text = printed(compare(results(codec("hm"), failures=failures)))
    assert "12 failures" in text and "and 7 more" in text
    assert "hm, image_04, QP 37: [bold]out of memory 4" in text and "image_05" not in text


def test_what_failed_for_one_reason_is_said_once() -> None:
    failures = [
        ("hm", f"image_{i:02}", 37, f"no /tmp/{temporary_name()}{i}_x/out.yuv") for i in range(12)
    ]
    failures += [("hm", f"image_{i:02}", 32, "killed") for i in range(2)]
    failures += [
        ("vtm", "image_03", 32, "killed"),
        ("vtm", "image_03", 37, "no /data/bench-results/x"),
    ]
    report = compare(results(codec("hm"), codec("vtm"), failures=tuple(failures)))
    for text in words(printed(report)), words(markdown(report)).replace("\\", ""):
        assert "hm, 12 times, such as image_00, QP 37: no …/out.yuv" in text
        assert "hm (2 times), vtm: killed" in text
        assert "vtm, image_03, QP 37: no /data/bench-results/x" in text
        assert "more" not in text.partition("ailures")[2].partition("bench-results")[0]


@pytest.mark.parametrize("width", [40, 50, 60, 80, 120])
def test_no_figure_is_broken_at_any_width(width: int) -> None:
    names = ("psnr_y", "ssim_db", "ms_ssim_db", "vmaf")
    codecs = [codec("hm", anchor=True), codec("vtm", saving=0.2)]
    for one in codecs:
        one.values.update(dict.fromkeys(names, one.values["psnr_y"]))
    report = compare(results(*codecs), metrics=names)
    text = printed(report, width)
    assert max(map(len, text.splitlines())) <= width
    for row in report.results.mean_rows:
        for figure in (f"{row['bpp']:.4f}", f"{row['psnr_y']:.2f}", f"{row['encode_cpu']:.3f}"):
            assert figure in text
    assert "-20.00 %" in text and "-20.00 to -20.00" in text
    assert "(libvmaf)" in text


def test_each_msssim_has_its_own_name() -> None:
    one = codec("one")
    one.values.update(ssim_db=one.values["psnr_y"], ms_ssim_db=one.values["psnr_y"])
    report = compare(results(one), metrics=["ssim_db", "ms_ssim_db"])
    for text in words(printed(report, 120)), markdown(report):
        assert "MS-SSIM (libvmaf): SSIM in Fischer, Brand and Kaup (2022)." in text
        assert not re.search(r"(?<!MS-)SSIM (?!in Fischer)", text)
    heading = markdown(report).splitlines()[6]
    assert "| MS-SSIM (libvmaf) dB | MS-SSIM dB |" in heading


def test_many_metrics_fit_in_eighty_columns() -> None:
    names = ("psnr_y", "psnr_cb", "psnr_cr", "psnr_611", "psnr_rgb", "ms_ssim_db", "vmaf")
    one = codec("one")
    one.values.update(dict.fromkeys(names, one.values["psnr_y"]))
    report = compare(results(one), metrics=names)
    assert max(map(len, printed(report).splitlines())) <= 80
    assert printed(report).count("QP 37") == 1
    assert printed(report, 40).count("QP 37") == 3  # in blocks below each other


def test_a_metric_that_is_none_is_refused_and_an_unmeasured_one_is_said() -> None:
    with pytest.raises(DataError, match="psnr"):
        compare(results(codec("one")), metrics=["psnr_z"])
    report = compare(results(codec("one")), metrics=["psnr_y", "psnr_cb"])
    assert report.metrics == ("psnr_y",)
    assert "no codec has a value of psnr_cb here" in printed(report)


def test_markdown_escapes_what_comes_from_files() -> None:
    odd = codec("a|b", title="<b>*bold*</b> | $x$\n# heading")
    text = markdown(compare(results(odd, dataset="set_[1]", notes=("- | note",))))
    assert r"| a\|b | QP 37 |" in text
    assert r"\<b\>\*bold\*\</b\> \| \$x\$ \# heading" in text
    assert text.startswith(r"# set\_\[1\], 24 images")
    assert r"- \- \| note" in text


def test_markdown_tells_where_the_results_come_from() -> None:
    text = markdown(pair())
    for message in (
        "![Rate–quality curves](curves.png)",
        "by: bench run --codec quick",
        "on: A processor, Linux; bench 0.1.0",
        "abababababab",
        "cdcdcd",
    ):
        assert message in text


def test_csv_files_hold_the_tables_exactly(tmp_path: Path) -> None:
    incomplete = codec("incomplete")
    del incomplete.values["vmaf"]
    wide = codec("vtm", saving=0.1, holes=((0, 0),))
    report = compare(results(codec("hm", anchor=True), wide, incomplete))
    write_report(report, tmp_path)
    for name, table in ("means", report.means), ("bjontegaard", report.deltas):
        read = pandas.read_csv(tmp_path / f"{name}.csv")
        expected = table.replace("", np.nan)
        pandas.testing.assert_frame_equal(read, expected, rtol=1e-14, check_dtype=False)
    with (tmp_path / "means.csv").open(encoding="utf-8", newline="") as file:
        rates = [float(row["bpp"]) for row in csv.DictReader(file)]
    assert rates == list(report.means["bpp"])  # to the last bit


def test_a_report_without_comparisons_leaves_no_old_ones(tmp_path: Path) -> None:
    write_report(pair(), tmp_path)
    written = write_report(compare(results(codec("one"))), tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert not (tmp_path / "bjontegaard.csv").exists()


@pytest.mark.slow
def test_curves_are_drawn_again_only_if_they_change(tmp_path: Path) -> None:
    pictures = tmp_path / "curves.png", tmp_path / "curves.svg"

    def drawn(report: Report) -> bool:
        for path in pictures:
            if path.exists():
                os.utime(path, ns=(1, 1))
        write_report(report, tmp_path)
        return all(path.stat().st_mtime_ns != 1 for path in pictures)

    assert drawn(pair())
    before = [path.read_bytes() for path in pictures]
    assert not drawn(pair())
    assert drawn(pair(saving=0.21))
    assert drawn(pair())
    assert [path.read_bytes() for path in pictures] == before
    pictures[1].unlink()
    assert drawn(pair())
    pictures[0].write_bytes(before[0][:20])
    assert drawn(pair())


@pytest.mark.slow
def test_an_unchanged_report_imports_neither_matplotlib_nor_pandas(tmp_path: Path) -> None:
    write_report(pair(), tmp_path)
    script = (
        "import sys; from pathlib import Path; from support.results import pair, printed\n"
        "from bench.report.files import write_report\n"
        "for name in [m for m in sys.modules if m.split('.')[0] in ('pandas', 'matplotlib')]:\n"
        "    del sys.modules[name]\n"
        "write_report(pair(), Path(sys.argv[1])); printed(pair())\n"
        "print({'matplotlib', 'pandas'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment(TESTS),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "set()"


def test_the_interval_of_a_gain_has_the_decimals_of_the_gain() -> None:
    nothing = Delta("rate", "akima", math.nan, "too far apart", (), (math.nan, math.nan), math.nan)
    gain = Delta("quality", "akima", -0.0139, None, (), (0.1, 0.2), 0.4, interval=(-0.0192, -0.009))
    cells = delta_cells(Comparison("x265", "wap:mask-rcnn-toy", nothing, gain, None))
    assert (cells["gain"], cells["gain_interval"]) == ("-0.0139", "-0.0192 to -0.0090")
    assert {cells["rate"], cells["qualities"], cells["images"]} == {NOTHING}


def test_incomplete_points_are_hollow_and_break_the_line() -> None:
    drawn = drawing(pair(holes=((3, 1),)))
    assert [style.label for style in drawn.styles] == ["hm (anchor)", "vtm (incomplete)"]
    curve = drawn.panels["psnr_y"][1]
    assert [point.complete for point in curve] == [True, False, True, True]
    present = np.delete(codec("vtm").bpp[:, 1], 3)
    assert curve[1].rate == pytest.approx(present.mean())


def test_labels_tell_codecs_apart_and_oracles_from_others() -> None:
    same = [codec(name, title="The same") for name in ("one", "two")]
    long = codec("long", title="A title of more letters than a legend has room for", oracle=True)
    styles = drawing(compare(results(*same, codec("c", title="Clear"), long))).styles
    labels = [style.label for style in styles]
    assert labels == ["one", "two", "Clear", "long (oracle)"]


def test_odd_names_are_drawn(tmp_path: Path) -> None:
    nothing = tuple(np.ndindex(IMAGES, len(POINTS)))
    odd = codec("odd", title=r"_$\frac$ 漢字 <&>")
    report = compare(results(odd, codec("none", holes=nothing), dataset="a & b"))
    write_report(report, tmp_path)
    assert "a &amp; b, 24 images" in (tmp_path / "curves.svg").read_text(encoding="utf-8")
    with Image.open(tmp_path / "curves.png") as picture:
        picture.load()


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.04, 2.4, [0.05, 0.1, 0.2, 0.5, 1, 2]),
        (0.008, 13, [0.01, 0.1, 1, 10]),
        (0.28, 0.46, [0.3, 0.35, 0.4, 0.45]),
    ],
)
def test_rates_have_plain_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert rate_ticks(low, high) == ticks


def test_the_rate_axis_shows_at_least_an_octave() -> None:
    low, high = rate_limits([0.3])
    assert high / low == pytest.approx(2)
    assert low < 0.3 < high


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(StoreError, match=r"report cannot be written \(File exists\)") as caught:
        write_report(pair(), tmp_path / "report")
    assert "\n" not in str(caught.value)
