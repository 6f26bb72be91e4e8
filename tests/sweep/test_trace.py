"""``--trace``: what each thread of a sweep did, as a viewer of traces reads it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from fakes.task import RedThings
from support.command import Bench
from support.pictures import Pictures


def test_a_trace_has_each_stage_of_each_job(bench: Bench, pictures: Pictures) -> None:
    run = ("run", "--codec", "jpeg", "--points", "30,60", "--metric", "psnr_rgb")
    assert bench(*run, "--data", pictures(2), "--trace", "trace.json").status == 0
    events = json.loads(Path("trace.json").read_text())["traceEvents"]
    stages = Counter(event["name"] for event in events)
    assert (stages["encode"], stages["decode"], stages["read"]) == (4, 4, 4)
    assert stages["measure"] > 0
    assert stages["store"] > 0
    encoded = {tuple(e["args"].values()) for e in events if e["name"] == "encode"}
    assert ("00.png", "jpeg", "30") in encoded
    assert all(event["ph"] == "X" and event["dur"] >= 0 and event["tid"] for event in events)


def test_networks_are_traced(bench: Bench, red: RedThings, root: Path) -> None:
    run = ("run", "--codec", "jpeg", "--points", "30", "--metric", "psnr_rgb", "--task", red.name)
    result = bench(*run, "--data", "cityscapes", "--root", root, "--trace", "trace.json")
    assert result.status == 0, result.err
    events = json.loads(Path("trace.json").read_text())["traceEvents"]
    assert {e["args"]["task"] for e in events if e["name"] == "score"} == {red.name}


def test_a_trace_that_cannot_be_written_is_refused_first(bench: Bench, pictures: Pictures) -> None:
    result = bench("run", "--codec", "jpeg", "--data", pictures(1), "--trace", "no/such/trace.json")
    assert result.status == 1
    assert "trace.json" in result.err.splitlines()[-1]
    assert not list(Path("bench-results").glob("streams/*/*"))
