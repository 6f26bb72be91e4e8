"""The tables that ŷ and ẑ are coded with: whole numbers that are as good as the distributions."""

from __future__ import annotations

import decimal
import hashlib
from decimal import Decimal
from fractions import Fraction
from typing import Any

import constriction
import numpy as np
import pytest
from numpy.typing import NDArray

from bench.codecs.families.ncn import laplace
from bench.codecs.families.ncn.laplace import (
    FRACTIONS,
    SCALES,
    choose_tables,
    reaches,
    scale,
    weights,
)

TOTAL = 2**24
UNIT = 2**24
# Of all that a decoder needs. Another one means that older streams can no longer be decoded.
DIGEST = "b6675240af6b7533605bfa91f7f6541ced35b81a79c72c7bae9044ac3a1f1260"
EXACT = decimal.Context(prec=60)


def digest() -> str:
    """Computed for every number."""
    for kept in (scale, laplace._first_tables, reaches, weights):
        kept.cache_clear()
    found = hashlib.sha256()
    every_raw = np.arange(-81 * 64, 9 * 64).astype(np.float64) * (UNIT // 64)
    tables, _ = choose_tables(np.zeros_like(every_raw), every_raw, UNIT)
    all_numbers: list[NDArray[Any]] = [reaches(), tables]
    all_numbers += [weights(table) for table in range(SCALES * FRACTIONS)]
    for numbers in all_numbers:
        assert (numbers == np.rint(numbers)).all()
        found.update(numbers.astype("<i8").tobytes())
    return found.hexdigest()


class TestTables:
    def test_are_what_they_were(self) -> None:
        assert digest() == DIGEST

    @pytest.mark.slow
    @pytest.mark.parametrize("rounding", [decimal.ROUND_UP, decimal.ROUND_FLOOR])
    def test_do_not_depend_on_a_precision_set_elsewhere(self, rounding: str) -> None:
        with decimal.localcontext() as context:
            context.prec, context.rounding = 7, rounding
            assert digest() == DIGEST

    def test_hold_whole_numbers_that_leave_each_its_own(self) -> None:
        for table in range(SCALES * FRACTIONS):
            numbers = weights(table)
            assert len(numbers) == 2 * reaches()[table] + 2
            assert (numbers >= 0).all() and (numbers == np.rint(numbers)).all()
            assert numbers.sum() == TOTAL - len(numbers)

    @pytest.mark.slow
    def test_are_the_distributions(self) -> None:
        for table in range(SCALES * FRACTIONS):
            wanted = probabilities(table)
            numbers = weights(table)
            np.testing.assert_allclose(numbers / numbers.sum(), wanted, atol=2e-7, rtol=0)
            # With what the coder gives to each, as it is coded.
            np.testing.assert_allclose((numbers + 1) / TOTAL, wanted, atol=2e-6, rtol=0)

    def test_reach_so_far_that_hardly_anything_is_beyond(self) -> None:
        beyond = np.array([weights(table)[-1] for table in range(SCALES * FRACTIONS)])
        assert beyond.max() <= 1
        by_scale = reaches().reshape(SCALES, FRACTIONS)
        assert (by_scale == by_scale[:, :1]).all()
        assert (by_scale[0, 0], by_scale[-1, 0]) == (16, 1600)

    def test_of_opposite_fractions_are_mirror_images(self) -> None:
        for index in range(0, SCALES, 9):
            for fraction in range(1, FRACTIONS // 2):
                right = weights(index * FRACTIONS + FRACTIONS // 2 + fraction)
                left = weights(index * FRACTIONS + FRACTIONS // 2 - fraction)
                np.testing.assert_array_equal(right[:-1], left[-2::-1])

    def test_have_scales_in_geometric_progression(self) -> None:
        scales = np.array([float(scale(index)) for index in range(SCALES)])
        np.testing.assert_allclose(scales, np.geomspace(0.005, 64, SCALES), rtol=1e-13)


def probabilities(table: int) -> NDArray[np.float64]:
    """In floating point, from the definition."""
    index, fraction = divmod(table, FRACTIONS)
    sigma, mu = float(scale(index)), fraction / FRACTIONS - 0.5
    reach = int(reaches()[table])
    edges = np.arange(-reach, reach + 2) - 0.5 - mu
    tails = 0.5 * np.exp(-np.abs(edges) / sigma)
    inside = np.where(edges < 0, 1 - tails, tails)  # what is above each edge
    outside = np.where(edges < 0, tails, 1 - tails)
    # Of the two ways to tell a difference, the one whose numbers are small.
    cells = np.where(edges[1:] <= 0, np.diff(outside), -np.diff(inside))
    return np.append(cells, tails[0] + tails[-1])


class TestChoice:
    @pytest.fixture
    def chosen(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rng = np.random.default_rng(0)
        mu = rng.normal(0, 8, 4000) * UNIT
        mu[:500] = rng.integers(-3000, 3000, 500) * (UNIT // 128)  # in the middle of two
        mu[500:600] = rng.uniform(-3e4, 3e4, 100) * UNIT
        raw = rng.uniform(-70, 12, 4000) * UNIT
        raw[:1000] = rng.integers(-80 * 64, 9 * 64, 1000) * (UNIT // 64) - rng.integers(0, 2, 1000)
        return np.rint(mu), np.rint(raw)

    def test_is_that_of_exact_arithmetic(
        self, chosen: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        mu, raw = chosen
        tables, centres = choose_tables(mu, raw, UNIT)
        for table, centre, its_mu, its_raw in zip(tables, centres, mu, raw, strict=True):
            fine = round(Fraction(int(its_mu), UNIT) * FRACTIONS)
            assert int(centre) * FRACTIONS + int(table) % FRACTIONS - FRACTIONS // 2 == fine
            assert int(table) // FRACTIONS == nearest_scale(int(its_raw))

    def test_keeps_the_shape(self) -> None:
        rng = np.random.default_rng(0)
        mu, raw = np.rint(rng.normal(0, 3, (2, 3, 4, 5)) * UNIT)
        tables, centres = choose_tables(mu, raw, UNIT)
        assert tables.shape == centres.shape == (3, 4, 5)
        assert tables.dtype == np.uint16 and centres.dtype == np.int32
        flat, flat_centres = choose_tables(mu.ravel(), raw.ravel(), UNIT)
        assert (tables.ravel() == flat).all() and (centres.ravel() == flat_centres).all()

    def test_of_what_no_latent_can_be_stays_where_latents_are(self) -> None:
        mu = np.array([2.0**53 - 1, 40000.25 * UNIT, -40000.25 * UNIT, 1 - 2.0**53])
        tables, centres = choose_tables(mu, np.zeros(4), UNIT)
        assert centres.tolist() == [2**15, 2**15, -(2**15), -(2**15)]
        assert (tables < SCALES * FRACTIONS).all()

    def test_of_extreme_scales_is_the_last_of_either_end(self) -> None:
        raw = np.array([-(2.0**53), 2.0**53])
        tables, _ = choose_tables(np.zeros(2), raw, UNIT)
        assert (tables // FRACTIONS).tolist() == [SCALES - 1, 0]


def nearest_scale(raw: int) -> int:
    """Of σ = log(1 + exp(-r)) in the geometric sense, for the middle of r's 64th."""
    middle = EXACT.divide(Decimal(2 * (raw // (UNIT // 64)) + 1), Decimal(128))
    sigma = EXACT.ln(EXACT.add(1, EXACT.exp(-middle)))
    lowest, highest = Decimal("0.005"), Decimal(64)
    step = EXACT.divide(EXACT.ln(EXACT.divide(highest, lowest)), Decimal(SCALES - 1))
    place = EXACT.divide(EXACT.ln(EXACT.divide(sigma, lowest)), step)
    return min(max(round(place), 0), SCALES - 1)


class TestConstriction:
    @pytest.mark.parametrize("table", range(31, SCALES * FRACTIONS, 419))
    def test_has_exactly_these_numbers(self, table: int) -> None:
        """A coder whose next 24 bits are known gives the symbol that has them in its share."""
        numbers = weights(table)
        model = constriction.stream.model.Categorical(numbers, perfect=False)
        ends = np.cumsum(numbers.astype(np.int64) + 1)
        assert ends[-1] == TOTAL
        symbols = np.arange(len(ends))
        for at in (ends - numbers.astype(np.int64) - 1, ends - 1):  # the first and last of each
            assert [decoded(model, int(place)) for place in at] == symbols.tolist()


def decoded(model: Any, place: int) -> int:
    state = np.array([5 << 24 | place, 77], np.uint32)
    return int(constriction.stream.stack.AnsCoder(state).decode(model, 1)[0])
