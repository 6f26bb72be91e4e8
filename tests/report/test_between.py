"""BD-rates between two qualities: the range as it is asked for, in reports and in their files."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.task import RedThings
from support.command import Bench
from support.pictures import Pictures
from support.results import codec, printed, results, words

from bench import api
from bench.errors import DataError
from bench.metrics.between import Between, QualityRange, parse_between
from bench.metrics.bjontegaard import Curve, bd_rate
from bench.metrics.bootstrap import mean_curve_delta
from bench.metrics.resampling import CurveSample, resample_weights
from bench.report.compare import compare
from bench.report.page.page_data import page_figures

WAP = "wap:red-things"


@pytest.mark.parametrize(
    ("text", "metric", "meant"),
    [
        ("60%,95%", "", Between(60, 95, True)),
        ("30, 40", "", Between(30, 40, False)),
        ("psnr_y=30.5,40", "", Between(30.5, 40, False, "psnr_y")),
        ("wap:red-things=60%,95%", "", Between(60, 95, True, WAP)),
        ("wap:red-things=0.2,0.35", "", Between(0.2, 0.35, False, WAP)),
        ("60 %, 95 %", "wap", Between(60, 95, True, "wap")),
    ],
)
def test_a_range_is_in_percent_or_in_a_metric_s_unit(
    text: str, metric: str, meant: Between
) -> None:
    found = parse_between(text, metric)
    assert found == meant
    assert parse_between(str(found), found.metric) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("60%,95", "expected LOW%,HIGH%"),
        ("60%", "expected LOW%,HIGH%"),
        ("", "expected LOW%,HIGH%"),
        ("nan,40", "expected LOW%,HIGH%"),
        ("40,30", "40 is not below 30"),
        ("30%,30%", "30 is not below 30"),
        ("psnr_z=30,40", "unknown metric 'psnr_z'"),
        ("bpp=0.1,0.2", "bpp is not a quality metric"),
        ("psnr_y=60%,95%", "expected LOW,HIGH in dB"),
    ],
)
def test_an_invalid_range_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_between(text)


@pytest.mark.parametrize(
    ("text", "named", "message"),
    [
        ("30,40", [], "of which metric"),
        ("30,40", ["psnr_y", "vmaf"], "of which metric"),
        ("60%,95%", [], "there is no task"),
        ("psnr_rgb=30,40", [], "psnr_rgb is not compared; the metrics are psnr_y, vmaf"),
    ],
)
def test_a_range_of_what_is_not_compared_is_refused(
    text: str, named: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        parse_between(text).among(["psnr_y", "vmaf"], named)


def test_a_bare_range_is_of_the_one_metric_there_is() -> None:
    asked = parse_between("30,40")
    assert asked.among(["psnr_y"], []).metric == "psnr_y"
    assert asked.among(["psnr_y", WAP], ["psnr_y"]).metric == "psnr_y"


PAIR = results(codec("hm", anchor=True), codec("vtm", saving=0.2))


def test_a_report_is_over_the_range_that_is_asked_for() -> None:
    made = compare(PAIR, between=parse_between("psnr_y=32,38"))
    psnr, vmaf = made.comparisons
    assert psnr.rate.range == (32, 38)
    assert psnr.rate.value == pytest.approx(-20)
    assert psnr.rate.interval == pytest.approx((-20, -20))
    assert psnr.per_image is None
    plain = compare(PAIR).comparisons
    assert psnr.quality == plain[0].quality
    assert (vmaf.rate, vmaf.rate.range) == (plain[1].rate, plain[1].rate.range)
    (row, _) = made.delta_rows
    assert (row["bd_rate_from"], row["bd_rate_to"]) == (32, 38)
    text = words(printed(made, 120))
    assert "32.00 to 38.00" in text
    assert "BD-rates by PSNR Y are over 32 to 38 dB" in text
    page = page_figures(made, pareto=False)["deltas"]
    assert page["pchip"][0]["figures"][1][0]["text"]["qualities"] == "32.00 to 38.00"
    assert page["pchip"][1]["figures"][0][0]["text"]["qualities"] == "32.00 to 38.00"


def test_a_curve_that_does_not_span_the_range_has_a_reason() -> None:
    made = compare(PAIR, between=parse_between("psnr_y=32,50"))
    psnr, _ = made.comparisons
    assert np.isnan(psnr.rate.value) and psnr.quality.reason is None
    assert "hm's curve does not span the range 32 to 50" in made.delta_rows[0]["reason"]
    assert "BD-rate by PSNR Y: no figure: hm's curve does not span" in words(printed(made))


class _Uncompressed:
    """A task network's score of the uncompressed images: the mean of a score an image."""

    def __init__(self, scores: np.ndarray) -> None:  # type: ignore[type-arg]
        self.scores = scores
        self.value = scores.mean()

    def resampled(self, weights: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(weights @ self.scores / len(self.scores))


def test_each_resample_has_percentages_of_its_own_uncompressed_accuracy() -> None:
    rng = np.random.default_rng(3)
    ceiling = rng.uniform(0.2, 0.6, 30)
    rate = np.geomspace(0.1, 1, 5) * np.exp(rng.normal(0, 0.3, (30, 1)))
    quality = np.array([0.3, 0.5, 0.7, 0.85, 0.97]) * ceiling[:, None]
    anchor = CurveSample(rate, quality, "vtm")
    test = CurveSample(rate * np.exp(rng.normal(-0.3, 0.2, (30, 1))), quality, "ncn")
    asked = QualityRange(parse_between("40%,95%"), _Uncompressed(ceiling))  # type: ignore[arg-type]
    delta = mean_curve_delta(anchor, test, "rate", between=asked)
    whole = ceiling.mean()
    assert delta.range == pytest.approx((0.4 * whole, 0.95 * whole))
    values = []
    for row in resample_weights(30):
        images = np.repeat(np.arange(30), row.astype(int))
        one, other = (
            Curve(each.rate[images].mean(axis=0), each.quality[images].mean(axis=0))
            for each in (anchor, test)
        )
        its = ceiling[images].mean()
        values.append(bd_rate(one, other, between=(0.4 * its, 0.95 * its)).value)
    assert not np.isnan(values).any()  # as some would be of the whole set's range
    assert delta.interval == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))


def test_percentages_of_nothing_have_a_reason() -> None:
    asked = parse_between("60%,95%")
    assert QualityRange(asked).missing() is not None
    blind = _Uncompressed(np.zeros(3))
    assert QualityRange(asked, blind).missing() is not None  # type: ignore[arg-type]
    assert QualityRange(replace(asked, percent=False)).missing() is None


@pytest.fixture
def swept(bench: Bench, red: RedThings, root: Path) -> None:
    result = bench(
        "run", "--codec", "jpeg", "--codec", "jpeg2000", "--data", "cityscapes", "--root", root,
        "--metric", "psnr_rgb", "--task", red.name, "--between", "50%,60%",
    )  # fmt: skip
    assert result.status == 0, result.err


def by_metric() -> dict[str, dict[str, str]]:
    with Path("bench-results/report/bjontegaard.csv").open(newline="", encoding="utf-8") as file:
        return {row["metric"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.usefixtures("swept")
def test_percentages_are_of_the_uncompressed_accuracy(bench: Bench) -> None:
    rows = by_metric()
    made = api.report(between="50%,60%")
    (task,) = made.results.tasks
    assert task.ceiling is not None
    whole = task.ceiling.value
    assert float(rows[WAP]["bd_rate_from"]) == pytest.approx(0.5 * whole)
    assert float(rows[WAP]["bd_rate_to"]) == pytest.approx(0.6 * whole)
    anchor, test = (each.sample(WAP).mean_curve for each in made.results.codecs)
    expected = bd_rate(anchor, test, between=(0.5 * whole, 0.6 * whole)).value
    assert float(rows[WAP]["bd_rate"]) == pytest.approx(expected)
    assert rows["psnr_rgb"]["images_undefined"]  # its images have figures as before
    assert rows[WAP]["images_undefined"] == ""
    same = api.report(between=f"wap={0.5 * whole!r},{0.6 * whole!r}")
    assert same.comparisons[0].rate.value == pytest.approx(expected)
    assert bench("report", "--between", "50%,99.9%").status == 0
    assert "does not span" in by_metric()[WAP]["reason"]


@pytest.mark.slow
@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--between", "30,40", "--metric", "psnr_rgb", "--metric", "vmaf"], "METRIC=30,40"),
        (["--between", "30"], "expected LOW%,HIGH%"),
        (["--between", "60%,95%", "--task", "none"], "there is no task"),
    ],
)
def test_a_report_over_an_invalid_range_is_one_line(
    bench: Bench, options: list[str], message: str
) -> None:
    result = bench("report", *options)
    assert result.status == 1
    assert message in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("between", ["30", "60%,95%", "vmaf=30,40"])
def test_nothing_is_coded_for_an_invalid_range(
    bench: Bench, pictures: Pictures, between: str
) -> None:
    result = bench(
        "run", "--codec", "jpeg", "--data", pictures(2, 32, 32), "--metric", "psnr_rgb",
        "--task", "none", "--between", between,
    )  # fmt: skip
    assert result.status == 1
    assert "invalid range of quality" in result.err
    assert not Path("bench-results/store.sqlite").exists()
