"""As on GPUs: pictures of equal size go through codec and task network in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest
import torch
from support.command import run_bench

from bench.codecs.families.ncn import model as ncn
from bench.runtime.lanes import Lanes
from bench.tasks import networks, task

SWEEP = ("run", "--codec", "ncn-lsm", "--points", "3,1", "--limit", "2", "--metric", "psnr_rgb")


def means(store: Path, *options: str) -> pandas.DataFrame:
    result = run_bench(*SWEEP, "--results", store, *options)
    assert result.status == 0, result.err
    table = store / "means.csv"
    assert run_bench("export", "--means", "--out", table, "--results", store).status == 0
    return pandas.read_csv(table)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> pandas.DataFrame:
    return means(tmp_path_factory.mktemp("single") / "results")


@pytest.fixture(params=[1, 2], ids=["one device", "two devices"])
def gpus(request: pytest.FixtureRequest, single: pandas.DataFrame) -> Iterator[int]:
    """The CPU stands for so many GPUs."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (ncn, task):
            patch.setattr(module, "devices", lambda: [torch.device("cpu")] * request.param)
        for module in (ncn, networks):
            patch.setattr(module, "lanes_of", lambda networks, device: Lanes(networks))
        yield request.param


@pytest.mark.slow
def test_figures_are_those_of_single_pictures(gpus: int, single: pandas.DataFrame) -> None:
    batched = means(Path("batched"), "--jobs", "6", "--trace", "trace.json")
    spans = json.loads(Path("trace.json").read_text())["traceEvents"]
    batches = [int(span["args"]["batch"]) for span in spans if span["name"] == "device"]
    assert batches
    assert gpus > 1 or max(batches) > 1
    assert batched["point"].tolist() == single["point"].tolist()
    # What tests/gpu allows between a CPU and a GPU.
    assert batched["bpp"].to_numpy() == pytest.approx(single["bpp"].to_numpy(), rel=1e-3)
    assert batched["psnr_rgb"].to_numpy() == pytest.approx(single["psnr_rgb"].to_numpy(), abs=0.01)
    wap = "wap:mask-rcnn-toy"
    assert batched[wap].to_numpy() == pytest.approx(single[wap].to_numpy(), abs=0.01)
