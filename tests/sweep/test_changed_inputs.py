"""Inputs that are replaced while a sweep runs: nothing is kept that they did not make."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from fakes.ncn import write_weights
from fakes.network import write_network
from fakes.task import RedThings
from support.command import Bench
from support.records import TIMES

from bench import api
from bench.errors import BenchError
from bench.sweep.outcome import Watcher

QUICK = ["psnr_rgb"]


def after_planning(work: Callable[[], object]) -> Watcher:
    """Who does something between the plan and its execution."""
    return Watcher(planned=lambda plan: work())


@pytest.mark.slow
def test_weights_that_are_replaced_code_nothing(
    bench: Bench, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    write_weights(folder, "ncn-hvs", "ncn-f")
    monkeypatch.setenv("BENCH_WEIGHTS", str(folder))
    weights = folder / "ncn-hvs" / "cityscapes" / "lambda_0.04.safetensors"
    others = folder / "ncn-f" / "cityscapes" / "lambda_0.04.safetensors"
    right = weights.read_bytes()

    def run(watcher: Watcher | None = None, results: str = "results") -> api.Report:
        return api.run(
            ["ncn-hvs"],
            data="cityscapes",
            root=root,
            limit=2,
            points=["0.04"],
            metrics=QUICK,
            tasks=["none"],
            results=Path(results),
            watcher=watcher,
        )

    made = run(after_planning(lambda: shutil.copy(others, weights)))
    assert made.outcome is not None
    assert not made.outcome.encoded
    assert all(str(weights) in reason for _, reason in made.outcome.failures)
    assert made.outcome.failures
    assert not list(Path("results").glob("streams/*/*"))

    weights.write_bytes(right)
    found, expected = run().results.records, run(results="undisturbed").results.records
    pandas.testing.assert_frame_equal(found.drop(columns=TIMES), expected.drop(columns=TIMES))


@pytest.mark.slow
def test_streams_are_decoded_by_the_weights_that_coded_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    write_weights(folder, "ncn-hvs", "ncn-f")
    monkeypatch.setenv("BENCH_WEIGHTS", str(folder))
    weights = folder / "ncn-hvs" / "cityscapes" / "lambda_0.04.safetensors"
    others = folder / "ncn-f" / "cityscapes" / "lambda_0.04.safetensors"

    def run(metric: str, watcher: Watcher | None = None) -> api.Report:
        return api.run(
            ["ncn-hvs"],
            data="cityscapes",
            root=root,
            limit=1,
            points=["0.04"],
            metrics=[metric],
            tasks=["none"],
            watcher=watcher,
        )

    run("psnr_rgb")
    made = run("psnr_y", after_planning(lambda: shutil.copy(others, weights)))
    assert made.outcome is not None
    ((_, reason),) = made.outcome.failures
    assert f"{weights}: changed" in reason


def test_a_task_network_that_is_replaced_sees_nothing(root: Path, tmp_path: Path) -> None:
    weights = write_network(tmp_path / "network.safetensors")
    others = write_network(tmp_path / "others.safetensors", classes=8, seed=1)
    with pytest.raises(BenchError, match="changed"):
        api.run(
            ["jpeg"],
            data="cityscapes",
            root=root,
            points=["50"],
            metrics=QUICK,
            tasks=[f"mask-rcnn={weights}"],
            watcher=after_planning(lambda: shutil.copy(others, weights)),
        )


@pytest.mark.slow
def test_labels_that_are_swapped_score_nothing(root: Path, red: RedThings) -> None:
    one, other = sorted(root.glob("gtFine/val/a/*_instanceIds.png"))[:2]
    kept = one.read_bytes()

    def run(watcher: Watcher | None = None, results: str = "results") -> api.Report:
        return api.run(
            ["jpeg"],
            data="cityscapes",
            root=root,
            points=["50"],
            metrics=QUICK,
            tasks=[red.name],
            results=Path(results),
            watcher=watcher,
        )

    with pytest.raises(BenchError, match=str(one)):
        run(after_planning(lambda: shutil.copy(other, one)))
    one.write_bytes(kept)
    wap = f"wap:{red.name}"
    assert run().results.means[wap].equals(run(results="undisturbed").results.means[wap])
