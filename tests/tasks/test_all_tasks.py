"""``--task all``: every network that is trained for the data set, and what their figures say."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from fakes import functions
from fakes.task import RedThings
from support.command import Bench
from support.pictures import Pictures

from bench import api
from bench.errors import BenchError
from bench.images.colour import Pixels
from bench.report.curve_styles import CurveStyle
from bench.report.paper.tables import Cell, Heading, Row, Table, transfer_findings
from bench.tasks.networks import NETWORKS
from bench.tasks.task import TASKS, open_tasks

QUICK = ("--codec", "jpeg", "--points", "30", "--limit", "1", "--metric", "psnr_rgb")


@pytest.mark.slow
def test_all_stands_for_the_networks_trained_for_the_data_beside_others(
    bench: Bench, red: RedThings
) -> None:
    result = bench("run", *QUICK, "--task", red.name, "--task", "all")
    assert result.status == 0, result.err
    with Path("bench-results/report/means.csv").open(newline="") as file:
        columns = next(csv.reader(file))
    trained = [known for known in NETWORKS if known.data == "toyscapes"]
    assert len(trained) > 2
    measures = {"semantic": "miou"}
    wanted = {f"{measures.get(known.finds, 'wap')}:{known.name}" for known in trained}
    assert {*wanted, "wap:red-things"} <= set(columns)
    assert "mask-rcnn-toy" in bench("report", "--task", "all").out


def test_networks_without_weights_are_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BENCH_MASK_RCNN", "BENCH_CENTERMASK"):
        (tmp_path / name).write_bytes(b"weights")
        monkeypatch.setenv(name, str(tmp_path / name))
    tasks, remark = open_tasks(["all"], "cityscapes")
    assert [*tasks] == ["mask-rcnn", "centermask"]
    missing = ("faster-rcnn", "mask-rcnn-v39", "faster-rcnn-v39", "centermask-v39")
    assert all(name in remark for name in missing)


def test_all_without_any_network_is_one_line(bench: Bench, root: Path, pictures: Pictures) -> None:
    result = bench("run", *QUICK, "--data", "cityscapes", "--root", root, "--task", "all")
    assert result.status == 1
    assert "centermask-v39" in result.err
    result = bench("run", *QUICK, "--data", pictures(1), "--task", "all")
    assert result.status == 1
    assert len(result.err.splitlines()) == 1
    assert not Path("bench-results").exists()


@pytest.mark.parametrize("word", ["all", "none"])
def test_no_task_is_called_all_or_none(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BenchError, match=word):
        open_tasks([RedThings(name=word)], "toyscapes")
    with pytest.raises(BenchError, match=word):
        api.new("task", word, tmp_path)
    monkeypatch.setitem(TASKS.own, word, lambda weights: RedThings(name=word))
    with pytest.raises(BenchError, match=word):
        open_tasks([word], "toyscapes")


def test_findings_tell_apart_what_intervals_tell_apart() -> None:
    style = CurveStyle(label="NCN", colour="#000000", line="solid", marker="circle")
    headings = tuple(Heading(name, name) for name in ("a", "b", "c", "d"))
    fewer, more, both = (-9.0, -1.0), (1.0, 9.0), (-1.0, 1.0)

    def findings(*intervals: tuple[float, float] | None) -> list[str]:
        cells = tuple(Cell(0.0, interval) for interval in intervals)
        return [*transfer_findings(Table(headings, (Row("ncn", style, cells, ""),)))]

    assert findings(fewer, more, both, fewer) == [
        "NCN: fewer bits by a and d; more bits by b; inconclusive by c"
    ]
    assert findings(more, more, more, more) == ["NCN: more bits by all 4 networks"]
    assert findings(fewer, None, None, None) == ["NCN: fewer bits by a"]
    assert findings(None, None, None, None) == []


def test_each_picture_is_decoded_once_for_all_networks(root: Path) -> None:
    decoded = Counter[bytes]()

    def decode(stream: bytes) -> Pixels:
        decoded[stream] += 1
        return functions.decode(stream)

    networks = [RedThings(name=name, fingerprint=name) for name in ("one", "two", "three")]
    api.run(
        [api.as_codec(functions.encode, decode, functions.POINTS, version="1")],
        data="cityscapes",
        root=root,
        limit=2,
        metrics=["psnr_rgb"],
        tasks=networks,
    )
    coded = 2 * len(functions.POINTS)
    assert len(decoded) == coded
    assert set(decoded.values()) == {1}
    assert all(len(network.looked) == 2 + coded for network in networks)
