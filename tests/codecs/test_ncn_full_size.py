"""The published network, all channels of it: from a published file to another process's picture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles.ncn import lsm_weights, save_checkpoint
from PIL import Image
from support.command import Bench

from bench.codecs.families.neural_stream import NcnStream

SIZES = [(512, 256), (333, 500), (1024, 512)]
NAME = "ncn_maskLoss_CS_maskLatentSpaceNonFrozen_resnetCS_lambda_0_02.pth.tar"
# Another computer: without AVX-512. (One without AVX2, too, would take minutes for the largest.)
ELSEWHERE = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights with one published file of an NCN and its LSMnet, yet untrained."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "ncn-lsm" / "cityscapes").mkdir(parents=True)
    save_checkpoint(lsm_weights(), folder / "ncn-lsm" / "cityscapes" / NAME)
    return folder


@pytest.fixture
def published(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WEIGHTS", str(weights))


def write_picture(width: int, height: int, path: Path) -> None:
    """Waves and noise."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 31 + y / 57), np.cos(y / 23), np.sin(x / 7)], axis=-1)
    noise = np.random.default_rng(4).normal(0, 6, waves.shape)
    Image.fromarray((120 + 80 * waves + noise).clip(0, 255).astype(np.uint8)).save(path)


def decoded_elsewhere(stream: str, picture: str, limits: dict[str, str]) -> NDArray[np.int16]:
    """By another process, from the stream alone."""
    command = [sys.executable, "-m", "bench", "decode", stream, picture]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | limits)
    return np.asarray(Image.open(picture)).astype(np.int16)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_stream_is_all_that_another_process_needs(bench: Bench, width: int, height: int) -> None:
    write_picture(width, height, Path("a.png"))
    result = bench("encode", "a.png", "a.ncn", "--codec", "ncn-lsm:cityscapes", "--dump", "a.npz")
    assert result.status == 0, result.err
    assert "at 0.02" in result.out
    stream = Path("a.ncn").read_bytes()
    parsed = NcnStream.from_bytes(stream)
    assert (parsed.width, parsed.height) == (width, height)
    assert len(stream) - len(parsed.body) <= 16
    made = np.load("a.npz")
    estimate = float(made["bits_y"] + made["bits_z"]) / 8
    # From below without a limit: single precision charges 33 bits for whatever is unlikely.
    assert len(stream) <= 1.005 * estimate + 64
    assert bench("decode", "a.ncn", "here.png").status == 0
    here = np.asarray(Image.open("here.png")).astype(np.int16)
    assert here.shape == (height, width, 3)
    there = decoded_elsewhere("a.ncn", "there.png", {})
    assert (there == here).all()
    away = np.abs(decoded_elsewhere("a.ncn", "away.png", ELSEWHERE) - here)
    assert away.max() <= 1
    assert (away > 0).mean() < 0.001


@pytest.mark.usefixtures("published")
def test_what_is_there_is_shown(bench: Bench) -> None:
    result = bench("show", "ncn-lsm:cityscapes")
    assert result.status == 0
    message = " ".join(result.out.split())
    assert "1 of 4 files of weights are there" in message
    assert "points 0.02" in message
    assert NAME in message
