"""The scripts that measure costs run, and one command makes their table."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from bench.runtime.machine import processor

FOLDER = Path(__file__).parent
SHARED = {"all", "figures", Path(__file__).stem}
SCRIPTS = sorted({path.stem for path in FOLDER.glob("*.py")} - SHARED)


def result(name: str, *options: str) -> str:
    command = [sys.executable, str(FOLDER / f"{name}.py"), *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_runs(name: str) -> None:
    figures = json.loads(result(name, "--smallest", "--json").splitlines()[-1])
    assert figures
    assert all(isinstance(figure, str) and figure for figure in figures.values())


def test_one_command_makes_the_table() -> None:
    table = result("all", "startup_time", "--smallest")
    assert processor() in table
    assert "| `startup_time.py` | bench --help |" in table


def test_the_table_is_of_all_benchmarks() -> None:
    assert sorted(runpy.run_path(str(FOLDER / "all.py"))["NAMES"]) == SCRIPTS
