"""On a real Slurm, if there is one: ``--cluster slurm``, and the job array of ``bench plan``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest
from support.cluster import until
from support.command import Bench
from support.paths import environment
from support.pictures import Pictures
from support.records import records
from support.slurm import slurm, why_not

pytestmark = pytest.mark.slow
SWEEP = ("--codec", "jpeg", "--codec", "x265", "--metric", "psnr_rgb")


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a Slurm that runs here."""
    if reason := why_not():
        if os.environ.get("BENCH_REQUIRE_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    with slurm(tmp_path / "slurm") as configuration:
        yield environment() | {"SLURM_CONF": str(configuration)}


def test_workers_that_slurm_starts(
    bench: Bench, pictures: Pictures, configured: dict[str, str], tmp_path: Path
) -> None:
    """One of them is killed; its job starts it again."""
    pytest.importorskip("dask_jobqueue")
    data = pictures(6)
    assert bench("run", *SWEEP, "--data", data, "--results", "here").status == 0
    settings = {
        "cores": 1,
        "memory": "1GB",
        "walltime": "00:05:00",
        "interface": "lo",
        "job_script_prologue": [f"export SLURM_CONF={configured['SLURM_CONF']}"],
        "log_directory": str(tmp_path),
        "local_directory": str(tmp_path),
    }
    of_user = tmp_path / "home" / ".config" / "dask" / "jobqueue.yaml"
    of_user.parent.mkdir(parents=True)
    of_user.write_text(json.dumps({"jobqueue": {"slurm": settings}}))  # which is YAML, too
    command = [sys.executable, "-m", "bench", "run", *SWEEP, "--data", str(data)]
    sweep = subprocess.Popen(
        [*command, "--results", "there", "--cluster", "slurm:2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=configured | {"HOME": str(tmp_path / "home")},
    )
    until(lambda: any(Path("there").glob("streams/*/*")), "the first results")
    ours = subprocess.run(["pgrep", "-f", f"dask.*{tmp_path}"], capture_output=True, text=True)
    os.kill(int(ours.stdout.split()[-1]), signal.SIGKILL)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    assert "Traceback" not in err
    pandas.testing.assert_frame_equal(
        records(bench, "there"), records(bench, "here"), check_exact=True
    )


def test_the_job_array_of_a_plan(
    bench: Bench, pictures: Pictures, configured: dict[str, str]
) -> None:
    data = pictures(3)
    plan = ["plan", *SWEEP, "--data", str(data), "--probe", "1", "--slurm", "job.sh"]
    # in a process of its own, whose memory the script asks for
    subprocess.run([sys.executable, "-m", "bench", *plan], env=environment(), check=True)
    submitted = subprocess.run(
        ["sbatch", "--wait", "job.sh"], env=configured, capture_output=True, text=True, timeout=120
    )
    logs = "".join(path.read_text() for path in Path().glob("bench-*.log"))
    assert submitted.returncode == 0, submitted.stderr + logs
    assert "0 encoded" in bench("run", *SWEEP, "--data", data).err


def test_a_job_past_its_time_limit_is_taken_up_by_the_next(
    bench: Bench, pictures: Pictures, configured: dict[str, str]
) -> None:
    data = pictures(4)
    assert bench("run", *SWEEP, "--data", data, "--results", "here").status == 0
    run = f"{sys.executable} -m bench run {' '.join(SWEEP)} --data {data} --results there"
    slow = "import sys, time; time.sleep(60)"
    Path("job.sh").write_text(f"#!/bin/bash\n{run} --limit 2\n{sys.executable} -c '{slow}'\n")
    submit = ["sbatch", "--wait", "job.sh"]
    job = subprocess.Popen(submit, env=configured, stdout=subprocess.PIPE, text=True)
    until(lambda: len(list(Path("there").glob("streams/*/*"))) > 4, "the first results")
    subprocess.run(
        ["scancel", "--full", "--user=root"], env=configured, check=True
    )  # as the limit does
    job.communicate(timeout=60)
    assert job.returncode != 0
    assert bench("run", *SWEEP, "--data", data, "--results", "there").status == 0
    pandas.testing.assert_frame_equal(
        records(bench, "there"), records(bench, "here"), check_exact=True
    )
