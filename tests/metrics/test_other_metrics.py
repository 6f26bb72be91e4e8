"""A metric that another package brings is measured, reported and compared like bench's own."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from fakes import package
from support.command import Bench
from support.pictures import Pictures

from bench import api
from bench.images.image import read_pixels
from bench.metrics import metric_fingerprints

CODE = """
import numpy as np
from bench.metrics import Group, Metric

def mean_difference(original, decoded):
    return np.abs(original.astype(int) - decoded).mean()

MAE = Metric(
    "mae", "Mean absolute error", "levels", False, "R, G and B", Group.QUALITY,
    version="1", default=False, function=mean_difference,
)
"""
ENTRIES = "[bench.metrics]\nmae = errors_of_mean:MAE\n"


RUN = ("run", "--codec", "jpeg", "--codec", "webp", "--task", "none")


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    package.install(tmp_path, monkeypatch, "errors_of_mean", code, ENTRIES)


def test_it_is_measured_and_compared_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench, pictures: Pictures
) -> None:
    install(tmp_path, monkeypatch, CODE)
    folder = pictures(2)
    saved = ("--save-decoded", "decoded")
    result = bench(*RUN, "--data", folder, "--metric", "mae", "--anchor", "webp", *saved)
    assert result.status == 0, result.err
    with Path("bench-results/report/means.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            place = Path("decoded") / row["codec"] / f"{row['unit']}-{row['point']}"
            errors = [
                np.abs(
                    read_pixels(path).astype(int) - read_pixels(place / f"{path.name}.png")
                ).mean()
                for path in sorted(folder.iterdir())
            ]
            assert float(row["mae"]) == pytest.approx(np.mean(errors), rel=1e-9)
    with Path("bench-results/report/bjontegaard.csv").open(newline="") as file:
        assert [row["metric"] for row in csv.DictReader(file)] == ["mae"]
    report = bench("report", "--metric", "mae")
    assert report.status == 0, report.err
    assert "Mean absolute error" in report.out
    assert "mae  Mean absolute error" in bench("show", "mae").out
    again = bench(*RUN, "--data", folder, "--metric", "mae")
    assert "0 encoded; the store had all of it" in again.err


def test_a_report_notes_a_metric_whose_package_is_not_installed_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench, pictures: Pictures
) -> None:
    with monkeypatch.context() as patch:
        install(tmp_path, patch, CODE)
        result = bench(*RUN, "--data", pictures(1), "--metric", "mae", "--metric", "psnr_y")
        assert result.status == 0, result.err
        assert not [note for note in api.report().results.notes if "mae" in note]
    made = api.report()
    (note,) = [note for note in made.results.notes if "mae" in note]
    assert "install" in note
    assert "mae" not in made.means
    assert "mae left out" in Path("bench-results/report/report.md").read_text("utf-8")


def test_it_is_not_measured_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = metric_fingerprints()
    install(tmp_path, monkeypatch, CODE)
    assert metric_fingerprints() == before
    assert metric_fingerprints(["mae"]) == {"mae": "mae | 1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("default=False", "default=True"), "default=False"),
        (('"mae"', '"mea"'), "of that name"),
        (("return np", "return 1 / 0, np"), "ZeroDivisionError"),
    ],
)
def test_one_that_is_wrong_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bench: Bench,
    pictures: Pictures,
    change: tuple[str, str],
    message: str,
) -> None:
    install(tmp_path, monkeypatch, CODE.replace(*change))
    result = bench(*RUN, "--data", pictures(1), "--metric", "mae")
    assert result.status == 1
    assert "errors_of_mean 1.0" in result.out + result.err
    assert message in result.out + result.err
    assert bench("list").status == 0
