"""Help: whole sentences, for each command, and names that the shell completes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.command import Bench
from support.paths import CHECKOUT

from bench.cli.main import cli
from bench.codecs.catalog import card_paths
from bench.metrics import METRICS
from bench.tasks.task import TASKS

README = CHECKOUT / "README.md"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_summaries_are_not_cut(bench: Bench, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = bench("--help").out
    assert "..." not in text.partition("Commands:")[2]
    assert max(map(len, text.splitlines())) <= width
    flat = " ".join(text.split())
    assert "CSV, Parquet or CompressAI-style JSON" in flat
    for name in cli.commands:
        assert f" {name} " in flat


def test_help_is_a_command_as_well(bench: Bench) -> None:
    assert bench("help") == bench("--help")
    for name in cli.commands:
        assert bench("help", name) == bench(name, "--help")
    result = bench("help", "rn")
    assert result.status == 2
    assert "did you mean 'run'?" in result.err


def completed(*words: str) -> list[tuple[str, str]]:
    """What the shell is offered for the last word: kinds and values."""
    asked = {
        "_BENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["bench", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-m", "bench"]
    result = subprocess.run(
        command, env=os.environ | asked, capture_output=True, text=True, check=True
    )
    lines = (line.split(",", 1) for line in result.stdout.splitlines())
    return [(kind, value) for kind, value in lines]


@pytest.mark.slow
def test_names_are_completed() -> None:
    vvenc = [("plain", name) for name in card_paths() if name.startswith("vvenc")]
    assert len(vvenc) > 1
    assert completed("run", "--codec", "vvenc") == vvenc
    vmaf = [("plain", name) for name in METRICS if name.startswith("vmaf")]
    assert completed("report", "--metric", "vmaf") == vmaf
    masks = [("plain", name) for name in TASKS if name.startswith("mask")]
    assert completed("run", "--task", "mask") == masks
    toy = [("plain", "toyscapes"), ("plain", "toyscapes-2")]
    assert completed("run", "--data", "toy") == toy
    assert ("plain", "cityscapes") in completed("show", "cityscape")
    assert completed("help", "doc") == [("plain", "doctor")]


def test_paths_are_completed_where_they_may_stand() -> None:
    assert completed("run", "--data", "my-ima") == [("dir", "my-ima")]
    assert completed("run", "--codec", "./mi") == [("file", "./mi")]


def test_the_line_that_installs_it_is_the_documented_one() -> None:
    line = 'eval "$(_BENCH_COMPLETE=bash_source bench)"'
    assert line in README.read_text("utf-8")
    environment = os.environ | {"_BENCH_COMPLETE": "zsh_source"}
    command = [sys.executable, "-m", "bench"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "_BENCH_COMPLETE=zsh_complete bench" in result.stdout
