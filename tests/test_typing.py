"""A user's type checker sees the types of bench, as it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

USE = """\
import bench
from bench.errors import BenchError

version: int = bench.__version__
error: BenchError = BenchError("a reason")
"""


def test_mypy_sees_them(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "mine.py").write_text(USE)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "mine.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    (line,) = [line for line in ran.stdout.splitlines() if ": error:" in line]
    assert line.startswith("mine.py:4:") and line.endswith("[assignment]")
