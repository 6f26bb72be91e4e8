"""The networks that come along, as a user runs them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from support.command import Bench

from bench import api
from bench.datasets import open_dataset

METRIC = "miou:semantic-toy"
POINTS = ("--points", "jpeg=2,5,12,30", "--points", "jpeg2000=320,160,90,50")
RUN = ("run", "--codec", "jpeg", "--codec", "jpeg2000", *POINTS, "--metric", "psnr_y", "--pareto")


def rows(name: str) -> list[dict[str, str]]:
    with Path("bench-results", "report", name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_codecs_are_compared_by_the_miou_of_street_scenes(bench: Bench) -> None:
    result = bench(*RUN, "--data", "toyscapes-2:val", "--limit", "4", "--task", "semantic-toy")
    assert result.status == 0, result.err
    assert "mIoU, semantic-toy" in result.out
    points = rows("means.csv")
    assert {row["codec"] for row in points} == {"jpeg", "jpeg2000"}
    assert len(points) == 8
    for row in points:
        low, found, high = (float(row[f"{METRIC}{end}"]) for end in ("_low", "", "_high"))
        assert 0 < low <= found <= high < 1
    (delta,) = [row for row in rows("bjontegaard.csv") if row["metric"] == METRIC]
    low, found, high = (float(delta[f"bd_rate{end}"]) for end in ("_low", "", "_high"))
    assert math.isfinite(found) and low <= found <= high
    (task,) = api.report().results.tasks
    assert task.ceiling is not None
    assert task.ceiling.value > 0.4


@pytest.mark.slow
@pytest.mark.parametrize(("task", "figure"), [("semantic-toy", "miou"), ("faster-rcnn-toy", "wap")])
def test_without_labels_a_network_is_compared_with_itself(
    bench: Bench, task: str, figure: str
) -> None:
    folder = open_dataset("toyscapes-2:val", limit=2).entries[0].path.parent
    run = (*RUN, "--data", folder, "--task", task)
    assert "--truth pseudo" in bench(*run).err
    result = bench(*run, "--truth", "pseudo")
    assert result.status == 0, result.err
    metric = f"{figure}:{task}:pseudo"
    for name in ("jpeg", "jpeg2000"):
        values = [float(row[metric]) for row in rows("means.csv") if row["codec"] == name]
        assert 0 <= values[0] < values[-1] < 1
    (delta,) = [row for row in rows("bjontegaard.csv") if row["metric"] == metric]
    assert math.isfinite(float(delta["bd_rate"]))
