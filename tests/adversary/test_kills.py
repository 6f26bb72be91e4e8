"""``kill -9`` at random moments of a sweep, then the same command again: the same records."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pandas
import pytest
from adversary import warm
from adversary.attack import Answer, Figures
from support.command import Bench
from support.pictures import Pictures
from support.records import records

pytestmark = pytest.mark.slow


def killed(command: list[str], sweeps: int, chance: random.Random) -> str:
    """Start so many sweeps on one store and kill each at some moment; how the last one ended."""
    running = [warm.start(command) for _ in range(sweeps)]
    time.sleep(chance.uniform(0.05, 1.5))
    for sweep, output in running:
        sweep.kill()
        sweep.join()
        os.close(output)
    assert all(sweep.exitcode in (0, -9) for sweep, _ in running)
    if running[-1][0].exitcode == 0:
        return "finished before"
    return "killed" if sweeps == 1 else "killed beside another"


def test_kills_change_nothing(
    bench: Bench,
    pictures: Pictures,
    figures: Figures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warm.ready()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    command = ["run", "--codec", "jpeg", "--codec", "x265", "--data", str(pictures(12, 64, 48))]
    command += ["--metric", "psnr_rgb", "--metric", "psnr_y", "--metric", "vmaf", "--jobs", "2"]
    assert bench(*command, "--results", "undisturbed").status == 0
    expected = records(bench, "undisturbed")

    answers: list[Answer] = []
    try:
        for number, chance in enumerate(figures.chances("kills")):
            began = time.monotonic()
            outcome = killed([*command, "--results", "killed"], chance.choice((1, 1, 2)), chance)
            answers.append(Answer(outcome, "", time.monotonic() - began, 0))
            if outcome == "finished before" or number % 5 == 4 or number == figures.rounds - 1:
                check_resumed(bench, command, expected)
        assert list(scratch.glob("bench-*")) == []
    finally:
        figures.record("kills of sweeps, then resumed", answers)


def check_resumed(bench: Bench, command: list[str], expected: pandas.DataFrame) -> None:
    assert bench(*command, "--results", "killed").status == 0
    pandas.testing.assert_frame_equal(records(bench, "killed"), expected, check_exact=True)
    assert list(Path("killed").rglob(".bench-*")) == []
    shutil.rmtree("killed")  # from the start again
