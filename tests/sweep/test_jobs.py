"""Jobs as any executor runs them: plain data there and back, and the same records everywhere."""

from __future__ import annotations

import pickle
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from fakes.ncn import write_weights
from fakes.network import write_network
from fakes.task import RedThings
from PIL import Image
from support.command import Bench
from support.pictures import Pictures, picture
from support.records import TIMES

from bench import api
from bench.datasets import dataset
from bench.images.image import read_pixels
from bench.metrics.quality import Pair, Values, measure
from bench.runtime.programs import Cost
from bench.store import StoreWriter
from bench.sweep import worker
from bench.sweep.execute import execute
from bench.sweep.jobs import Job, Result
from bench.sweep.machine import ThisMachine
from bench.sweep.plan import Plan, prepare
from bench.sweep.request import Request, open_inputs

METRICS = ["psnr_rgb", "vmaf"]


def exported(results: str) -> pandas.DataFrame:
    return api.export(Path(f"{results}.csv"), Path(results)).drop(columns=TIMES)


def planned(folder: Path, **options: Any) -> Plan:
    request = Request(["jpeg"], data=str(folder), points=["50"], metrics=METRICS, **options)
    with StoreWriter(Path("planned")) as store:
        return prepare(open_inputs(request), store)


def parts(value: object) -> list[object]:
    """All that a record of records holds."""
    if is_dataclass(value):
        inner = [getattr(value, each.name) for each in fields(value)]
    elif isinstance(value, dict):
        inner = [*value, *value.values()]
    elif isinstance(value, list | tuple):
        inner = [*value]
    else:
        return [value]
    return [part for each in inner for part in parts(each)]


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["labels", "pseudo"])
def test_processes_give_the_same_records(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, truth: str
) -> None:
    write_weights(tmp_path / "weights", "ncn-hvs")
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "weights"))
    network = write_network(tmp_path / "network.safetensors")
    request = Request(
        ["ncn-hvs", "jpeg", "x265"],
        data="cityscapes",
        root=root,
        limit=2,
        points=["ncn-hvs=0.04", "jpeg=20,60", "x265=40"],
        metrics=METRICS,
        tasks=[f"mask-rcnn={network}"],
        truth=truth,
        truth_score=0.1,
        jobs=2,
    )
    inputs = open_inputs(request)
    with StoreWriter(Path("threads")) as store:
        plan = prepare(inputs, store)
        with ThisMachine.for_plan(plan) as machine:
            here = execute(plan, store, machine)
    with StoreWriter(Path("processes")) as store:
        plan = prepare(inputs, store)
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
            there = execute(plan, store, processes)
    assert here.failures == there.failures == []
    assert here.done == there.done == {"ncn-hvs:cityscapes": 2, "jpeg": 4, "x265": 2}
    records = exported("threads")
    assert records.filter(like="matched").notna().all(axis=None)
    pandas.testing.assert_frame_equal(records, exported("processes"), check_exact=True)


def test_jobs_and_results_are_plain(root: Path, red: RedThings) -> None:
    request = Request(
        ["jpeg"], data="cityscapes", root=root, limit=1, points=["50"], metrics=METRICS,
        tasks=[red.name], truth="pseudo", truth_score=0.2,
    )  # fmt: skip
    with StoreWriter(Path("planned")) as store:
        plan = prepare(open_inputs(request), store)
    (original,), (job,) = plan.originals, plan.jobs
    seen = worker.run(pickle.loads(pickle.dumps(original)))
    made = seen.scores[0].pseudo_ground_truth
    truth = made.to_bytes() if made else None
    job = replace(job, score_requests=(replace(job.score_requests[0], pseudo=truth),))
    result = worker.run(pickle.loads(pickle.dumps(job)))
    assert result.failure is None and set(result.values) == set(METRICS) and result.scores
    plain = str | bytes | bool | int | float | None | Path | np.ndarray
    for record in (original, seen, job, pickle.loads(pickle.dumps(result))):
        assert [part for part in parts(record) if not isinstance(part, plain)] == []


def test_an_image_is_read_and_hashed_once(
    root: Path, red: RedThings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, hashed = Counter[Path](), Counter[int]()
    originals: list[np.ndarray] = []

    def reading(path: Path) -> np.ndarray:
        read[path] += 1
        originals.append(read_pixels(path))
        return originals[-1]

    def hashing(pixels: np.ndarray) -> str:
        hashed[id(pixels)] += 1
        return digest(pixels)

    digest = worker.pixel_digest
    options = {"data": "cityscapes", "root": root, "limit": 2, "metrics": METRICS}
    options["tasks"] = [red.name]
    with StoreWriter(Path("results")) as store:
        plan = prepare(open_inputs(Request(["jpeg", "webp"], **options)), store)  # type: ignore[arg-type]
        monkeypatch.setattr(dataset, "read_pixels", reading)
        monkeypatch.setattr(worker, "pixel_digest", hashing)
        with ThisMachine.for_plan(plan) as machine:
            outcome = execute(plan, store, machine)
    assert outcome.done.total() == 16 and outcome.originals == 2
    assert len(read) == 2 and set(read.values()) == {1}
    assert [hashed[id(pixels)] for pixels in originals] == [1] * 2


def test_pictures_are_measured_many_at_a_time(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []

    def measuring(pairs: list[Pair], names: list[str]) -> list[Values]:
        batches.append(len(pairs))
        return measure(pairs, names)

    monkeypatch.setattr(worker, "measure", measuring)
    made = api.run(["jpeg"], data=str(pictures(20)), metrics=["psnr_rgb"], jobs=2)
    assert made.outcome is not None and made.outcome.done.total() == sum(batches) == 80
    assert max(batches) == 16 and len(batches) < 20


def test_a_failure_undoes_nothing(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> list[Values]:
        raise RuntimeError("no memory")

    monkeypatch.setattr(worker, "measure", failing)
    (job,) = planned(pictures(1)).jobs
    result = worker.run(job)
    assert result.failure == "RuntimeError: no memory"
    assert result.stream is not None and result.stream.startswith(b"\xff\xd8")
    assert result.values is None


@pytest.mark.parametrize("other", ["codec", "image", "network"])
def test_what_is_not_what_was_planned_is_not_used(root: Path, red: RedThings, other: str) -> None:
    options = {"data": "cityscapes", "root": root, "limit": 1, "points": ["50"]}
    request = Request(["jpeg"], tasks=[red.name], metrics=METRICS, **options)  # type: ignore[arg-type]
    with StoreWriter(Path("planned")) as store:
        (job,) = prepare(open_inputs(request), store).jobs
    (score_request,) = job.score_requests
    changed: dict[str, Job] = {
        "codec": replace(job, codec=replace(job.codec, fingerprint="ab" * 32)),
        "image": replace(job, image="ab" * 32),
        "network": replace(
            job,
            score_requests=(
                replace(score_request, scorer=replace(score_request.scorer, fingerprint="ab" * 32)),
            ),
        ),
    }
    result: Result = worker.run(changed[other])
    assert result.failure is not None and "planned" in result.failure
    assert (result.stream is None) == (other != "network")
    assert not result.scores


def test_an_image_that_was_replaced_is_read_again(pictures: Pictures) -> None:
    folder = pictures(1)
    before = worker.run(next(iter(planned(folder).jobs)))
    Image.fromarray(picture(7, 48, 32)).save(folder / "00.png")
    after = worker.run(next(iter(planned(folder).jobs)))
    assert after.failure is None
    assert after.stream != before.stream


def test_a_kept_stream_is_not_coded_again(pictures: Pictures, bench: Bench) -> None:
    folder = pictures(1)
    options = ("--data", folder, "--points", 50, "--metric", "bpp", "--results", "planned")
    assert bench("run", "--codec", "jpeg", *options).status == 0
    (job,) = planned(folder).jobs
    assert job.stream is not None
    result = worker.run(job)
    assert result.stream is None and result.encode_cost is None
    assert result.digest == job.stream.digest and result.decode_cost != Cost()
    job.stream.path.write_bytes(b"damaged")
    assert worker.run(job).stream is not None
