"""The portable prior is the same on every machine, and close to the published one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from oracles.ncn import drawn_latents, ncn_weights, save_checkpoint
from support.paths import TESTS, environment

from bench.codecs.families.ncn.checkpoint import load_ncn
from bench.codecs.families.ncn.entropy import decode_latents, encode_latents
from bench.codecs.families.ncn.laplace import FRACTIONS, SCALES, scale
from bench.codecs.families.ncn.network import NCN
from bench.codecs.families.ncn.portable import PortablePrior

CPU = torch.device("cpu")
WIDTH, HEIGHT = 384, 256

# Others' computers: instructions that this one would have, but that are kept from its libraries.
OPTIONAL = " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))
ELSEWHERE = {
    "SSE": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": OPTIONAL,
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "threads": {"OMP_NUM_THREADS": "5", "MKL_DYNAMIC": "FALSE", "OPENBLAS_NUM_THREADS": "3"},
}
CHILD = "import sys, test_ncn_portable as here; here.main(*sys.argv[1:])"


class Coded(NamedTuple):
    """A network, latents, where both are on disk, and what is chosen for them."""

    ncn: NCN
    y_hat: NDArray[np.int16]
    z_hat: NDArray[np.int16]
    checkpoint: Path
    stream: Path
    choices: str


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coded]:
    folder = tmp_path_factory.mktemp("portable")
    checkpoint = save_checkpoint(ncn_weights(), folder / "ncn.pth.tar")
    ncn, _ = load_ncn(checkpoint)
    y_hat, z_hat = drawn_latents(ncn, WIDTH, HEIGHT)
    stream = folder / "stream"
    prior = PortablePrior(ncn, CPU)
    stream.write_bytes(encode_latents(y_hat, z_hat, prior))
    yield Coded(ncn, y_hat, z_hat, checkpoint, stream, choices(prior, z_hat))
    checkpoint.unlink()  # of 76 MB


def main(checkpoint: str, stream: str) -> None:
    """In another process: what it makes of a network and a stream."""
    ncn, _ = load_ncn(Path(checkpoint))
    prior = PortablePrior(ncn, CPU)
    y_hat, z_hat = decode_latents(Path(stream).read_bytes(), prior, ncn.channels, WIDTH, HEIGHT)
    found = {
        "latents": digest(y_hat, z_hat),
        "choices": choices(prior, z_hat),
        "floats": floats(ncn, z_hat),
    }
    print(json.dumps(found))


def choices(prior: PortablePrior, z_hat: NDArray[np.int16]) -> str:
    """A digest of all tables and centres."""
    parts: list[NDArray[np.generic]] = list(prior.y_tables(z_hat))
    prior.walk_z(z_hat, lambda tables, centres, at: parts.extend([tables, centres]))
    return digest(*parts)


def floats(ncn: NCN, z_hat: NDArray[np.int16]) -> str:
    """A digest of what the networks say in floating point."""
    with torch.inference_mode():
        mu, raw = ncn.y_distribution(torch.from_numpy(z_hat[None].astype(np.float32)))
    return digest(mu.numpy(), raw.numpy())


def digest(*arrays: NDArray[np.generic]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


class TestSameEverywhere:
    @pytest.mark.slow
    @pytest.mark.parametrize("threads", [1, 2])
    def test_with_any_number_of_threads(self, coded: Coded, threads: int) -> None:
        before = torch.get_num_threads()
        try:
            torch.set_num_threads(threads)
            assert choices(PortablePrior(coded.ncn, CPU), coded.z_hat) == coded.choices
        finally:
            torch.set_num_threads(before)

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore:TF32 acceleration")  # of how torch switches it off
    def test_without_a_library_for_networks(self, coded: Coded) -> None:
        with torch.backends.mkldnn.flags(enabled=False):
            assert choices(PortablePrior(coded.ncn, CPU), coded.z_hat) == coded.choices

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
    def test_on_a_gpu(self, coded: Coded) -> None:
        on_gpu = PortablePrior(coded.ncn, torch.device("cuda"))
        assert choices(on_gpu, coded.z_hat) == coded.choices

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ELSEWHERE)
    def test_with_other_instructions(self, coded: Coded, name: str) -> None:
        answer = elsewhere(coded, ELSEWHERE[name])
        assert answer["latents"] == digest(coded.y_hat, coded.z_hat)
        assert answer["choices"] == coded.choices
        if name == "SSE" and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"):
            # In floating point, there is a difference: the limits are felt.
            assert answer["floats"] != floats(coded.ncn, coded.z_hat)


def elsewhere(coded: Coded, limits: dict[str, str]) -> dict[str, str]:
    """What a process with such limits answers."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, coded.checkpoint, coded.stream],
        env=environment(Path(__file__).parent, TESTS) | limits,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    answer: dict[str, str] = json.loads(child.stdout)
    return answer


class TestAgainstFloats:
    """Measured: μ is 1.8 steps of the grid away at most, or 0.08 σ, and a quarter mostly; of the
    scales one in 25 is a neighbour of the nearest."""

    @pytest.mark.slow
    def test_of_y(self, coded: Coded) -> None:
        tables, centres = PortablePrior(coded.ncn, CPU).y_tables(coded.z_hat)
        with torch.inference_mode():
            z_hat = torch.from_numpy(coded.z_hat[None].astype(np.float32))
            mu, raw = coded.ncn.y_distribution(z_hat)
        assert_close(tables, centres, mu[0], raw[0])

    @pytest.mark.slow
    def test_of_z(self, coded: Coded) -> None:
        tables = np.empty(coded.z_hat.shape, np.uint16)
        centres = np.empty(coded.z_hat.shape, np.int32)

        def note(
            some: NDArray[np.uint16], their_centres: NDArray[np.int32], at: tuple[slice, int, int]
        ) -> None:
            tables[at], centres[at] = some.T, their_centres.T

        PortablePrior(coded.ncn, CPU).walk_z(coded.z_hat, note)
        with torch.inference_mode():
            mu, raw = coded.ncn.z_prior(torch.from_numpy(coded.z_hat[None].astype(np.float32)))
        assert_close(tables, centres, mu[0], raw[0])


def assert_close(
    tables: NDArray[np.uint16], centres: NDArray[np.int32], mu: torch.Tensor, raw: torch.Tensor
) -> None:
    """Rounded to the grid after what rounding of weights and activations has done."""
    index, fraction = np.divmod(tables.astype(np.int64), FRACTIONS)
    its_mu = centres + fraction / FRACTIONS - 0.5
    apart = np.abs(its_mu - mu.numpy()) * FRACTIONS
    sigma = functional.softplus(-raw.double()).numpy()
    scales = np.array([float(scale(number)) for number in range(SCALES)])
    off = np.abs(index - np.abs(np.log(sigma[..., None] / scales)).argmin(-1))
    assert apart.max() < 2 and np.quantile(apart, 0.99) < 1
    assert (apart / FRACTIONS / sigma).max() < 0.1
    assert off.max() <= 1 and off.mean() < 0.07
