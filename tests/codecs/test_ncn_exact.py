"""The portable prior's sums are exact, and a decoder can make them from what it has so far."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from oracles import whole_numbers

from bench.codecs.families.ncn import portable
from bench.codecs.families.ncn.network import GDN, NCN
from bench.codecs.families.ncn.portable import PortablePrior, exact_prior
from bench.errors import DataError

CPU = torch.device("cpu")
CHANNELS = 4
# What the absolute weights of a row may add up to, of convolutions and of GDNs.
MAX, MAX_GAMMA = 2.0**19, 2.0**6


@pytest.fixture(autouse=True)
def _sums_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """While walking, the prior gives μ and r themselves, not the tables that they choose."""
    monkeypatch.setattr(portable, "choose_tables", lambda mu, raw, unit: (mu, raw))


def drawn(spread: float) -> NCN:
    """A small network of random weights."""
    torch.manual_seed(0)
    ncn = NCN(CHANNELS).requires_grad_(False)
    for layer in (*ncn.h_dec, *ncn.z_prior.children()):
        # A GDN's are squared.
        own_spread = min(spread, 1) if isinstance(layer, GDN) else spread
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * own_spread)
    return ncn


def full(share: float, *, positive: bool) -> NCN:
    """One whose rows add up to so much of what they may."""
    torch.manual_seed(0)
    ncn = NCN(CHANNELS).requires_grad_(False)
    for layer in (*ncn.h_dec, *ncn.z_prior.children()):
        fill(layer, share, positive=positive)
    return ncn


def fill(layer: Any, share: float, *, positive: bool = True) -> None:
    if isinstance(layer, GDN):
        rows = torch.rand_like(layer.gamma)
        layer.gamma.copy_(torch.sqrt(rows * (share * MAX_GAMMA) / rows.sum(1, keepdim=True)))
        return
    rows = torch.rand_like(layer.weight) * getattr(layer, "past", 1)
    if not positive:
        rows *= torch.randn_like(rows).sign()
    output = 1 if isinstance(layer, torch.nn.ConvTranspose2d) else 0
    others = [axis for axis in range(4) if axis != output]
    layer.weight.copy_(rows * (share * MAX) / rows.abs().sum(others, keepdim=True))
    layer.bias.fill_(3)


NETWORKS = {
    "usual": (drawn(0.1), 9),
    "large": (drawn(20), 30000),
    "largest": (full(0.999, positive=True), 30000),
    "largest of both signs": (full(0.999, positive=False), 30000),
}


def latent(most: int, height: int, width: int) -> NDArray[np.int16]:
    rng = np.random.default_rng(height * 100 + width)
    return rng.integers(-most, most + 1, (CHANNELS // 2, height, width)).astype(np.int16)


class TestSums:
    @pytest.mark.parametrize("name", NETWORKS)
    @pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 1)])
    def test_of_y_are_those_of_whole_numbers(self, name: str, size: tuple[int, int]) -> None:
        ncn, most = NETWORKS[name]
        z_hat = latent(most, *size)
        mu, raw = PortablePrior(ncn, CPU).y_parameters(z_hat)
        wanted_mu, wanted_raw = whole_numbers.mu_and_raw_of_y(ncn, z_hat)
        assert mu.shape == (CHANNELS, 4 * size[0], 4 * size[1])
        assert (mu == wanted_mu).all() and (raw == wanted_raw).all()
        assert name != "usual" or (raw % 2 == 1).any()  # it has all its digits

    @pytest.mark.parametrize("name", NETWORKS)
    def test_of_z_are_those_of_whole_numbers(self, name: str) -> None:
        ncn, most = NETWORKS[name]
        z_hat = latent(most, 5, 6)
        walked = walk(PortablePrior(ncn, CPU), z_hat)
        wanted_mu, wanted_raw = whole_numbers.mu_and_raw_of_z(ncn, z_hat)
        assert (walked.mu == wanted_mu).all() and (walked.raw == wanted_raw).all()

    def test_go_up_to_the_last_exact_one(self) -> None:
        ncn, most = NETWORKS["largest"]
        z_hat = np.full((CHANNELS // 2, 5, 6), most, np.int16)
        prior = PortablePrior(ncn, CPU)
        for mu, raw, wanted in (
            (*prior.y_parameters(z_hat), whole_numbers.mu_and_raw_of_y(ncn, z_hat)),
            (*walk(prior, z_hat)[:2], whole_numbers.mu_and_raw_of_z(ncn, z_hat)),
        ):
            assert 0.998 * 2**53 < raw.max() < 2**53
            assert (mu == wanted[0]).all() and (raw == wanted[1]).all()

    def test_have_a_root_that_is_rounded_correctly(self) -> None:
        # What torch computes on a CPU is not: it differs for one of some hundred numbers.
        numbers = np.floor(np.random.default_rng(0).uniform(0, 2**53, 50_000)) / 2**27
        roots = portable._root(torch.from_numpy(numbers))
        assert roots.tolist() == [math.sqrt(number) for number in numbers]


LAYERS = ["h_dec.0", "h_dec.1", "h_dec.2", "h_dec.3", "h_dec.4"] + [
    f"z_prior.conv{number}" for number in (1, 2, 3)
]


class TestWeights:
    @pytest.mark.parametrize("name", LAYERS)
    def test_that_are_too_large_are_refused(self, name: str) -> None:
        ncn = drawn(0.1)
        layer = ncn.get_submodule(name)
        fill(layer, 0.999)
        PortablePrior(ncn, CPU)
        fill(layer, 1.001)
        with pytest.raises(DataError, match="entropy model are too large"):
            PortablePrior(ncn, CPU)

    @pytest.mark.parametrize("name", LAYERS)
    def test_that_are_no_numbers_are_refused(self, name: str) -> None:
        ncn = drawn(0.1)
        layer: Any = ncn.get_submodule(name)
        (layer.gamma if isinstance(layer, GDN) else layer.weight)[0, 0] = math.nan
        with pytest.raises(DataError, match="entropy model are too large"):
            PortablePrior(ncn, CPU)

    def test_of_which_a_bias_is_too_large_are_refused(self) -> None:
        for name, part, value in (
            ("h_dec.4", "bias", -(2.0**29)),
            ("z_prior.conv1", "bias", 2.0**29),
            ("h_dec.1", "beta", 2.0**13),
        ):
            ncn = drawn(0.1)
            getattr(ncn.get_submodule(name), part)[1] = value
            with pytest.raises(DataError, match="entropy model are too large"):
                PortablePrior(ncn, CPU)

    def test_that_nothing_sees_may_be_any(self) -> None:
        ncn = drawn(0.1)
        z_hat = latent(9, 3, 3)
        before = walk(PortablePrior(ncn, CPU), z_hat)
        for layer in ncn.z_prior.children():
            assert isinstance(layer, torch.nn.Conv2d)
            layer.weight[:, :, 1, 1:] = 1e9
            layer.weight[:, :, 2] = -1e9
        after = walk(PortablePrior(ncn, CPU), z_hat)
        assert (before.mu == after.mu).all() and (before.raw == after.raw).all()

    def test_are_refused_with_the_name_of_their_file(self) -> None:
        path = Path("some.pth.tar")
        exact_prior(drawn(0.1), path, CPU)
        with pytest.raises(DataError, match=r"^some\.pth\.tar: the weights of its entropy model"):
            exact_prior(full(1.1, positive=True), path, CPU)


class Walked(NamedTuple):
    mu: NDArray[np.float64]
    raw: NDArray[np.float64]
    turns: int


def walk(prior: PortablePrior, z_hat: NDArray[np.int16]) -> Walked:
    """As a decoder does: what it has not taken yet is garbage, another at each turn."""
    rng = np.random.default_rng(0)
    taken = np.zeros(z_hat.shape, bool)
    seen = np.empty_like(z_hat)
    mu, raw = np.empty((2, *z_hat.shape))
    turns = 0

    def garble() -> None:
        seen[...] = np.where(taken, z_hat, rng.integers(-(2**15), 2**15, z_hat.shape))

    def take(mu_here: NDArray[Any], raw_here: NDArray[Any], at: Any) -> None:
        nonlocal turns
        assert not taken[at].any()
        mu[at], raw[at], taken[at] = mu_here.T, raw_here.T, True
        turns += 1
        garble()

    garble()
    prior.walk_z(seen, take)
    assert taken.all()
    return Walked(mu, raw, turns)


class TestWalk:
    @pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (3, 4), (7, 9), (2, 12)])
    def test_is_the_convolution_of_the_whole_map(self, size: tuple[int, int]) -> None:
        ncn = drawn(0.3)
        height, width = size
        z_hat = latent(40, height, width)
        walked = walk(PortablePrior(ncn, CPU), z_hat)
        rng = np.random.default_rng(1)
        for y in range(height):
            for x in range(width):
                # A decoder that takes one position after the other has nothing from here on.
                so_far = z_hat.reshape(len(z_hat), -1).copy()
                here = y * width + x
                so_far[:, here:] = rng.integers(-(2**15), 2**15, so_far[:, here:].shape)
                mu, raw = whole_numbers.mu_and_raw_of_z(ncn, so_far.reshape(z_hat.shape))
                assert (walked.mu[:, y, x] == mu[:, y, x]).all()
                assert (walked.raw[:, y, x] == raw[:, y, x]).all()

    def test_sees_what_came_before(self) -> None:
        """Nine positions, as published, and not the left neighbour; all channels of them."""
        prior = PortablePrior(drawn(0.3), CPU)
        z_hat = latent(9, 5, 7)
        before = walk(prior, z_hat).raw[:, 3, 3]
        seen = set()
        for y, x in np.ndindex(5, 7):
            other = z_hat.copy()
            other[0, y, x] += 50
            if (walk(prior, other).raw[:, 3, 3] != before).any():
                seen.add((y - 3, x - 3))
        assert seen == {(0, -2)} | {(-1, x) for x in (-2, -1, 0)} | {(-2, x) for x in range(-2, 3)}

    def test_takes_many_positions_at_a_time(self) -> None:
        prior = PortablePrior(drawn(0.1), CPU)
        assert walk(prior, latent(9, 7, 9)).turns == 7 + 4
        assert walk(prior, latent(9, 1, 1)).turns == 1

    def test_takes_the_same_when_all_is_known(self) -> None:
        prior = PortablePrior(drawn(0.3), CPU)
        z_hat = latent(40, 6, 5)
        walked = walk(prior, z_hat)

        def compare(mu: NDArray[Any], raw: NDArray[Any], at: Any) -> None:
            assert (walked.mu[at] == mu.T).all() and (walked.raw[at] == raw.T).all()

        prior.walk_z(z_hat, compare)
