"""What is to run on a GPU one day runs on the CPU, with tiny sizes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from findings import Findings, LeftOutError, Options
from run import STEPS, Step, guarded
from support.paths import environment

SCRIPT = Path(__file__).with_name("run")


@pytest.mark.slow
def test_every_measurement_ends_with_figures(tmp_path: Path) -> None:
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 37, 1024\n")
    smi.chmod(0o755)
    command = [str(SCRIPT), str(tmp_path / "figures"), "--device", "cpu", "--smallest"]
    found = subprocess.run(
        command,
        env={
            **environment(),
            "PYTHON": sys.executable,
            "PATH": f"{smi.parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    everything = json.loads((tmp_path / "figures" / "figures.json").read_text())
    steps = {step["name"]: step for step in everything["steps"]}
    assert list(steps) == list(STEPS)
    for step in steps.values():
        assert step["status"] == "passed", step["why"]
        assert step["findings"]["figures"]
    assert found.returncode == 0, found.stderr
    assert everything["machine"]["processor"]
    for name in ("throughput", "speed"):
        busy = [
            figure
            for what, figure in steps[name]["findings"]["figures"].items()
            if what.endswith("GPU utilisation")
        ]
        assert busy
        assert all(figure.startswith("37 % in ") for figure in busy)
    page = (tmp_path / "figures" / "figures.md").read_text()
    assert all(f"## {name}\n" in page for name in STEPS)
    assert "| sweep / plain loop |" in page


def fails(options: Options, found: Findings) -> None:
    found.figures["before"] = "1"
    raise ValueError("like this")


def crashes(options: Options, found: Findings) -> None:
    os._exit(7)


def hangs(options: Options, found: Findings) -> None:
    time.sleep(100)


def is_wrong(options: Options, found: Findings) -> None:
    found.expect(False, "no two are equal")


def needs_more(options: Options, found: Findings) -> None:
    raise LeftOutError("one GPU is too few")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "status", "why"),
    [
        ("fails", "failed", "ValueError: like this"),
        ("crashes", "failed", "status 7"),
        ("hangs", "failed", "not finished"),
        ("is_wrong", "wrong", "no two are equal"),
        ("needs_more", "left out", "one GPU is too few"),
    ],
)
def test_a_measurement_that_fails_is_reported(
    tmp_path: Path, name: str, status: str, why: str
) -> None:
    limit = 1 if name == "hangs" else 60
    options = Options("cpu", True, tmp_path, tmp_path / name)
    step: Step = guarded(name, f"{__name__}:{name}", options, limit)
    assert step.status == status
    assert why in step.why
    assert step.findings.figures == ({"before": "1"} if name == "fails" else {})
