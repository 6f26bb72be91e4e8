"""The NCN against what the published code computed with the same weights from the same picture."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from oracles.ncn import (
    EVERY,
    Weights,
    lsm_weights,
    narrow_lsm_weights,
    ncn_weights,
    recorded,
    save_checkpoint,
)

from bench.codecs.families.ncn import rate
from bench.codecs.families.ncn.checkpoint import load_ncn
from bench.codecs.families.ncn.masking import masked
from bench.codecs.families.ncn.model import NcnModel
from bench.codecs.families.ncn.network import NCN, bounded
from bench.codecs.families.ncn.portable import PortablePrior

CPU = torch.device("cpu")
Record = dict[str, NDArray[Any]]


class Published(NamedTuple):
    """One published network and all that it makes of the recorded picture."""

    name: str
    ncn: NCN
    model: NcnModel
    made: Record


@pytest.fixture(scope="session")
def record() -> Record:
    return recorded()


@pytest.fixture(scope="session", params=["ncn", "lsm"])
def published(
    request: pytest.FixtureRequest, record: Record, tmp_path_factory: pytest.TempPathFactory
) -> Published:
    path = tmp_path_factory.mktemp(request.param) / "ncn_lambda_0_02.pth.tar"
    save_checkpoint(ncn_weights() if request.param == "ncn" else lsm_weights(), path)
    ncn, lsm = load_ncn(path)
    path.unlink()  # of 76 and 111 MB
    model = NcnModel(ncn, lsm, PortablePrior(ncn, CPU), CPU)
    return Published(request.param, ncn, model, model.inspect(record["picture"]))


@pytest.mark.slow
class TestAgainstThePublishedCode:
    def test_the_files_hold_what_the_published_ones_do(self) -> None:
        ncn, lsm = ncn_weights(), lsm_weights()
        assert (len(ncn), learned(ncn)) == (43, 18_934_659)
        assert (len(lsm), learned(lsm)) == (260, 27_644_163)
        # Of the names, shapes and types that the published code's own networks have.
        assert (contents(ncn), contents(lsm)) == (1625877091, 3720413509)

    def test_what_is_coded_is_equal(self, published: Published, record: Record) -> None:
        np.testing.assert_array_equal(published.made["z_hat"][0], record["z_hat"])
        wanted = record[f"{published.name}.y_hat"]
        np.testing.assert_array_equal(published.made["y_hat"][0], wanted)

    def test_only_a_network_with_a_mask_has_one(self, published: Published, record: Record) -> None:
        if published.name == "ncn":
            assert "alpha" not in published.made and published.model.kind == "an NCN alone"
            return
        assert published.model.kind == "an NCN with an LSMnet on a ResNet"
        alpha = published.made["alpha"]
        np.testing.assert_allclose(alpha.ravel()[::EVERY], record["alpha"], atol=1e-5)
        assert alpha.min() < 0.01 and alpha.max() > 0.99

    def test_the_distributions_are_equal(self, published: Published, record: Record) -> None:
        for name in ("y_mu", "y_sigma"):
            some = published.made[name].ravel()[::EVERY]
            np.testing.assert_allclose(some, record[name], atol=1e-4)
        with torch.inference_mode():
            z_mu, z_raw = published.ncn.z_prior(torch.from_numpy(published.made["z_hat"]))
        np.testing.assert_allclose(z_mu.flatten(), record["z_mu"], atol=1e-5)
        np.testing.assert_allclose(rate.sigma(z_raw).flatten(), record["z_sigma"], atol=1e-5)

    def test_the_picture_is_equal(self, published: Published, record: Record) -> None:
        height, width, _ = record["picture"].shape
        x_hat = published.made["rec"]
        assert x_hat.shape == (1, 3, height, width)
        wanted = record[f"{published.name}.x_hat"]
        np.testing.assert_allclose(x_hat.ravel()[::EVERY], wanted, atol=1e-4)
        assert x_hat.min() < -1 and x_hat.max() > 1.3  # which pixels cannot be
        y_hat = published.made["y_hat"][0].astype(np.int16)
        pixels = published.model.synthesise(y_hat, width, height)
        samples = 255 * x_hat[0].transpose(1, 2, 0).clip(0, 1)
        assert pixels.dtype == np.uint8 and np.abs(pixels - samples).max() < 0.501

    def test_the_estimated_rate_is_equal(self, published: Published, record: Record) -> None:
        height, width, _ = record["picture"].shape
        y_bits, z_bits = float(published.made["bits_y"]), float(published.made["bits_z"])
        assert z_bits == pytest.approx(float(record["z_bits"]), rel=1e-4)
        in_all = float(record[f"{published.name}.bits_per_pixel"]) * height * width
        assert y_bits + z_bits == pytest.approx(in_all, rel=1e-4)


def learned(weights: Weights) -> int:
    """How many numbers training may change: no masks, and no frozen norms."""
    return sum(
        values.size
        for name, values in weights.items()
        if ".norm." not in name and not name.endswith(".mask")
    )


def contents(weights: Weights) -> int:
    rows = [f"{name} {values.shape} {values.dtype}" for name, values in weights.items()]
    return zlib.crc32("\n".join(sorted(rows)).encode())


class TestPictures:
    def test_of_other_sizes_are_padded_by_their_edges_and_cut(self, tmp_path: Path) -> None:
        path = tmp_path / "narrow.pth.tar"
        ncn, lsm = load_ncn(save_checkpoint(narrow_lsm_weights(), path))
        model = NcnModel(ncn, lsm, PortablePrior(ncn, CPU), CPU)
        pixels = np.random.default_rng(0).integers(0, 256, (70, 61, 3), np.uint8)
        padded = np.pad(pixels, ((0, 58), (0, 3), (0, 0)), mode="edge")
        y_hat, z_hat = model.analyse(pixels).whole()
        assert y_hat.shape == (8, 8, 4) and z_hat.shape == (4, 2, 1)
        assert np.array_equal(y_hat, model.analyse(padded).whole()[0])
        of_padded = model.synthesise(y_hat, 64, 128)
        assert np.array_equal(model.synthesise(y_hat, 61, 70), of_padded[:70, :61])

    def test_alpha_says_how_far_y_goes_to_mu(self) -> None:
        y, mu = torch.tensor([3.0, 3.0, 3.0]), torch.tensor([1.0, 1.0, 1.0])
        assert masked(y, mu, torch.tensor([0.0, 0.25, 1.0])).tolist() == [3.0, 2.5, 1.0]


class TestLogSigmoid:
    # Some rows of the published table.
    TABLE = (
        (-15.0, -15.0),
        (-12.699999809265137, -12.700002670288086),
        (-8.100000381469727, -8.100303649902344),
        (-3.5, -3.529750347137451),
        (-1.0, -1.31326162815094),
        (-0.10000002384185791, -0.7443966865539551),
        (-2.3841858265427618e-08, -0.6931471824645996),
        (0.09999997913837433, -0.6443966627120972),
        (3.4000000953674316, -0.032828439027071),
        (8.0, -0.00033539868309162557),
        (14.800000190734863, -3.576278118089249e-07),
    )

    def test_has_the_published_knots(self) -> None:
        raw, wanted = torch.tensor(self.TABLE).T
        np.testing.assert_allclose(-rate.sigma(raw), wanted, atol=1e-6, rtol=2e-7)

    def test_is_linear_between_knots(self) -> None:
        knots = np.arange(300) * 0.1 - 15
        on_knots = knots.astype(np.float32)
        raw = np.concatenate(
            [
                np.linspace(-20, 20, 7001, dtype=np.float32),
                *(np.nextafter(on_knots, np.float32(way)) for way in (-99, 99)),
                on_knots,
            ]
        )
        wanted = np.interp(raw, knots, -np.log1p(np.exp(-knots)))
        wanted = np.where(raw < -15, raw, np.where(raw >= on_knots[-1], 0, wanted))
        np.testing.assert_allclose(-rate.sigma(torch.from_numpy(raw)), wanted, atol=3e-6)

    def test_ends_in_zero_and_in_the_identity(self) -> None:
        last = torch.tensor(14.9)
        raw = torch.stack([last, torch.nextafter(last, -last), torch.tensor(-15.5)])
        zero, above, below = rate.sigma(raw).tolist()
        assert zero == 0 and 0 < above < 1e-6 and below == 15.5
        assert rate.sigma(torch.tensor([1e30, -1e30])).tolist() == [0, np.float32(1e30)]

    def test_is_an_approximation(self) -> None:
        raw = torch.linspace(-15, 14, 5000)
        apart = (rate.sigma(raw) - functional.softplus(-raw)).abs()
        assert 2e-4 < apart.max() < 4e-4

    def test_has_the_slope_of_its_piece(self) -> None:
        raw = torch.tensor([-16.0, -3.05, 0.05, 15.0], requires_grad=True)
        rate.sigma(raw).sum().backward()

        def knot(x: float) -> float:
            return -math.log1p(math.exp(-x))

        pieces = [(knot(x + 0.05) - knot(x - 0.05)) / 0.1 for x in (-3.05, 0.05)]
        assert raw.grad is not None
        np.testing.assert_allclose(-raw.grad, [1, *pieces, 0], atol=2e-5)


class TestBits:
    def test_are_those_of_laplace_distributions(self) -> None:
        def probability(value: float, mu: float, sigma: float) -> float:
            def below(x: float) -> float:
                tail = 0.5 * math.exp(-abs(x - mu) / sigma)
                return tail if x < mu else 1 - tail

            return below(value + 0.5) - below(value - 0.5)

        cases = [(0, 0, 1), (3, 0.4, 2), (-2, 1.5, 0.7), (5, 5, 0.1), (40, 3.3, 12), (-1, -0.5, 3)]
        value, mu, sigma = torch.tensor(cases, dtype=torch.float32).T
        wanted = [-math.log2(probability(*case)) for case in cases]
        np.testing.assert_allclose(rate.bits(value, mu, sigma), wanted, rtol=1e-4, atol=1e-5)

    def test_of_what_seems_impossible_are_33(self) -> None:
        far = rate.bits(torch.tensor([500.0, 1.0]), torch.zeros(2), torch.tensor([1.0, 0.0]))
        np.testing.assert_allclose(far, -math.log2(1e-10), rtol=1e-6)


def test_a_bound_lets_pass_only_gradients_that_raise_what_is_below_it() -> None:
    parameter = torch.tensor([0.1, 0.1, 2.0, 2.0], requires_grad=True)
    held = bounded(parameter, 1.0)
    assert held.tolist() == [1, 1, 2, 2]
    (held * torch.tensor([-1.0, 1.0, -1.0, 1.0])).sum().backward()
    assert parameter.grad is not None and parameter.grad.tolist() == [-1, 0, -1, 1]
