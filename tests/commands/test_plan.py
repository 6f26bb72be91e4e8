"""``bench plan``: what a run would do and what it would cost, before anything is spent."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pandas
import pytest
from support.command import Bench
from support.paths import environment
from support.pictures import Pictures

from bench import api
from bench.errors import BenchError, CodecError
from bench.sweep.estimate import total

CODECS = ("--codec", "jpeg", "--codec", "webp", "--points", "30,60", "--metric", "psnr_rgb")


@pytest.mark.parametrize("command", [("plan",), ("run", "--dry-run")])
def test_nothing_is_done(bench: Bench, pictures: Pictures, command: tuple[str, ...]) -> None:
    result = bench(*command, *CODECS, "--data", pictures(2))
    assert result.status == 0, result.err
    assert "0 of 4 done" in result.out
    assert "unknown" in result.out
    assert not Path("bench-results").exists()


def test_pictures_to_be_saved_are_decoded_again(bench: Bench, pictures: Pictures) -> None:
    run = ("run", *CODECS, "--data", pictures(2))
    assert bench(*run).status == 0
    assert "all done before" in bench(*run, "--dry-run").out
    result = bench(*run, "--dry-run", "--save-decoded", "decoded")
    assert result.status == 0, result.err
    assert "4 more coded" in result.out
    assert not Path("decoded").exists()


def test_the_cost_is_what_the_store_has_timed(bench: Bench, pictures: Pictures) -> None:
    data = pictures(4)
    assert bench("run", *CODECS, "--data", data, "--shard", "1/2").status == 0
    made = api.plan(["jpeg", "webp"], data=data, points=["30,60"], metrics=["psnr_rgb"])
    assert [each.left for each in made.codecs] == [4, 4]
    assert made.images == 2
    assert made.unknown == []
    bench("export", "--out", "timed.csv")
    timed = pandas.read_csv("timed.csv")
    spent = timed["encode_cpu"].sum() + timed["decode_cpu"].sum()
    assert made.cpu.mean == pytest.approx(spent)
    assert made.cpu.low <= made.cpu.mean <= made.cpu.high
    assert made.measuring is None  # only a probe knows


def test_streams_that_are_there_cost_their_decoding(bench: Bench, pictures: Pictures) -> None:
    data = pictures(2)
    assert bench("run", *CODECS, "--data", data).status == 0
    made = api.plan(["jpeg"], data=data, points=["30,60"], metrics=["psnr_rgb", "psnr_y"])
    bench("export", "--out", "timed.csv", "--codec", "jpeg")
    assert made.cpu.mean == pytest.approx(pandas.read_csv("timed.csv")["decode_cpu"].sum())


def test_points_that_were_not_timed_are_judged_by_others(bench: Bench, pictures: Pictures) -> None:
    data = pictures(2)
    assert bench("run", *CODECS, "--data", data).status == 0
    made = api.plan(["jpeg"], data=data, points=["10"], metrics=["psnr_rgb"])
    assert 0 < made.cpu.low <= made.cpu.mean <= made.cpu.high


def test_times_of_other_images_are_not_used(bench: Bench, pictures: Pictures) -> None:
    assert bench("run", *CODECS, "--data", pictures(1)).status == 0
    made = api.plan(["jpeg"], data=pictures(1, 96, 96, name="other"), points=["30"])
    assert made.unknown == ["jpeg"]


def test_a_probe_is_kept(bench: Bench, pictures: Pictures) -> None:
    data = pictures(5)
    result = bench("plan", *CODECS, "--data", data, "--probe", "2")
    assert result.status == 0, result.err
    assert "4 of 10 done" in result.out
    assert "unknown" not in result.out
    run = bench("run", *CODECS, "--data", data)
    assert "12 encoded" in run.err


def test_a_probe_that_fails_says_why(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> bytes:
        raise CodecError("out of order")

    monkeypatch.setattr("bench.codecs.families.pillow.PillowCodec.encode", fail)
    result = bench("plan", "--codec", "jpeg", "--data", pictures(1), "--probe", "1")
    assert result.status == 1
    assert result.err.rstrip().endswith("out of order")


def test_a_range_is_wider_for_few_samples() -> None:
    assert total([2.0], 10) == total([2.0], 10)
    one, few, many = total([2.0], 10), total([1.0, 3.0], 10), total([1.0, 3.0] * 50, 10)
    assert (one.low, one.mean, one.high) == (10, 20, 40)
    assert few.mean == many.mean == 20
    assert few.high - few.low > many.high - many.low > 0


def test_a_finished_run_costs_nothing(bench: Bench, pictures: Pictures) -> None:
    data = pictures(1)
    assert bench("run", *CODECS, "--data", data).status == 0
    result = bench("plan", *CODECS, "--data", data)
    assert "Nothing is left to do" in result.out
    refused = bench("plan", *CODECS, "--data", data, "--slurm", "job.sh")
    assert refused.status == 1
    assert not Path("job.sh").exists()


def test_a_job_script_needs_an_estimate(bench: Bench, pictures: Pictures) -> None:
    result = bench("plan", *CODECS, "--data", pictures(1), "--slurm", "job.sh")
    assert result.status == 1
    assert "--probe" in result.err
    assert not Path("job.sh").exists()


@pytest.mark.slow
def test_the_tasks_of_a_job_script_do_the_run(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.sweep.slurm._TASK_SECONDS", 1e-3)  # so that there are several
    data = pictures(4)
    plan = ("plan", *CODECS, "--data", data, "--probe", "1", "--slurm", "job.sh")
    assert bench(*plan).status == 0
    script = Path("job.sh").read_text()
    assert "#SBATCH --array=1-4" in script
    for task in range(1, 5):
        ran = subprocess.run(
            ["bash", "job.sh"],
            env=environment() | {"SLURM_ARRAY_TASK_ID": str(task)},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
    assert "0 encoded" in bench("run", *CODECS, "--data", data).err


def test_a_shard_of_a_job_script_is_refused(pictures: Pictures) -> None:
    with pytest.raises(BenchError, match="--shard"):
        api.plan(["jpeg"], data=pictures(2), shard="1/2", probe=1, slurm=Path("job.sh"))
    assert not os.path.exists("job.sh")
