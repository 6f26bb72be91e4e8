"""Too few files, little disk, little memory: what was finished is kept, and nothing is wrong."""

from __future__ import annotations

import random
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from adversary import warm
from adversary.attack import Answer, Figures, Victim
from support.command import Bench
from support.pictures import Pictures
from support.records import records

pytestmark = pytest.mark.slow

COMMAND = ["run", "--codec", "jpeg", "--codec", "x265", "--points", "jpeg=20,60"]
COMMAND += ["--points", "x265=32", "--metric", "psnr_rgb", "--metric", "psnr_y", "--jobs", "2"]

# NumPy's OpenBLAS cannot report that there is no memory: it ends the process, with status 1, or
# with a segmentation fault if another thread computes at that moment.
OPENBLAS = "OpenBLAS error: Memory allocation still failed"


def files(chance: random.Random) -> warm.Limit:
    return resource.RLIMIT_NOFILE, chance.randrange(12, 44)


def disk(chance: random.Random) -> warm.Limit:
    return resource.RLIMIT_FSIZE, chance.choice((500, 20_000, 50_000, 200_000))  # bytes of a file


@pytest.mark.parametrize("limit", [files, disk])
def test_a_limit_loses_nothing(
    limit: Callable[[random.Random], warm.Limit],
    bench: Bench,
    pictures: Pictures,
    figures: Figures,
) -> None:
    command = [*COMMAND, "--data", str(pictures(6, 64, 48)), "--results"]
    assert bench(*command, "unlimited").status == 0
    answers: list[Answer] = []
    try:
        for number, chance in enumerate(figures.chances(limit.__name__)):
            began = time.monotonic()
            status, result = warm.run([*command, "limited"], limit(chance), seconds=120)
            answers.append(Answer(f"status {status}", result, time.monotonic() - began, 0))
            what = f"{limit.__name__}, attack {number}: status {status}, {result}"
            assert status in (0, 1), what
            assert "Traceback" not in result, what
            if status == 0 or number == figures.rounds - 1:
                check_resumed(bench, command)
    finally:
        figures.record(f"limits of {limit.__name__}", answers)


def test_a_limit_of_memory(
    bench: Bench, pictures: Pictures, figures: Figures, tmp_path: Path
) -> None:
    """A few megabytes more than there are after a first sweep."""
    command = [*COMMAND, "--data", str(pictures(3, 512, 384)), "--results"]
    assert bench(*command, "unlimited").status == 0
    victim = Victim(tmp_path)
    answers: list[Answer] = []
    try:
        victim.warm_up(bench=[*command, "warm"])
        for number, chance in enumerate(figures.chances("memory")):
            room = int(2 ** chance.uniform(18, 26))
            answers.append(found := victim.ask(bench=[*command, "limited"], room=room))
            what = f"{room} bytes of memory, attack {number}: {found}"
            if found.outcome in ("crash 1", "crash -11") and OPENBLAS in found.message:
                victim.end()
                victim = Victim(tmp_path)
                victim.warm_up(bench=[*command, "warm"])
                continue
            assert found.outcome in ("status 0", "status 1"), what
            assert "Traceback" not in found.message, what
            if found.outcome == "status 0" or number == figures.rounds - 1:
                check_resumed(bench, command)
    finally:
        victim.end()
        figures.record("limits of memory", answers)


def check_resumed(bench: Bench, command: list[str]) -> None:
    """Without the limit, the same command gives the same records."""
    assert bench(*command, "limited").status == 0
    same = (records(bench, store) for store in ("limited", "unlimited"))
    pandas.testing.assert_frame_equal(*same, check_exact=True)
    shutil.rmtree("limited")
