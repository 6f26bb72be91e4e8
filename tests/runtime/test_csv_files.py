"""Names from anyone's files in CSV: texts for a spreadsheet, and the same names when read back."""

from __future__ import annotations

import csv
import io
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.command import Bench
from support.pictures import Pictures

from bench.codecs.catalog import card_paths
from bench.runtime.csv_files import csv_text, read_cell

FORMULAS = ("=1+1", "@sum", "+1", "-1+2", "\tx", "\rx", "'=1", "''-x")


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", [*FORMULAS, "plain", "'quoted'", "", "a=b", "−1"])
def test_a_text_is_no_formula_and_is_read_back(text: str) -> None:
    (cell,), _ = read(csv_text([[text], ["end"]]))
    assert not cell.startswith(("=", "@", "+", "-", "\t", "\r"))
    assert read_cell(cell) == text
    assert (cell == text) == (text not in FORMULAS)


def test_numbers_are_numbers_and_what_is_missing_is_empty() -> None:
    numbers = [-1, -0.1, np.float64(-2.5), np.int64(-3), math.nan, None, True]
    ((*cells,),) = read(csv_text([numbers]))
    assert cells == ["-1", "-0.1", "-2.5", "-3", "", "", "True"]


@pytest.mark.slow
def test_hostile_names_go_out_as_text_and_come_back(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(name="=folder")
    (folder / "00.png").rename(folder / "-1+2.png")
    shutil.copy(card_paths()["jpeg"], "=mine.toml")
    result = bench(
        "run", "--codec", "./=mine.toml", "--codec", "webp", "--data", folder,
        "--metric", "psnr_rgb", "--anchor", "webp",
    )  # fmt: skip
    assert result.status == 0, result.err
    bench("export", "--out", "records.csv")
    bench("export", "--out", "means.csv", "--means")
    with open("records.csv", newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    assert {row["image"] for row in records} == {"01.png", "'-1+2.png"}
    reports = Path("bench-results/report")
    for table in ("records.csv", "means.csv", reports / "means.csv", reports / "bjontegaard.csv"):
        with open(table, newline="", encoding="utf-8") as file:
            assert "'=mine" in {row["codec"] for row in csv.DictReader(file)}, table
    message = bench("bd", "means.csv:webp", "means.csv:=mine", "--metric", "psnr_rgb")
    assert not message.err
    assert "=mine" in message.out and "'=mine" not in message.out
