import math
import subprocess
import sys
import warnings

import bjontegaard as oracle  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

from bench.metrics.bjontegaard import (
    Curve,
    Curves,
    FloatArray,
    Kind,
    Method,
    bd,
    bd_quality,
    bd_rate,
    deltas,
)

METHODS: tuple[Method, ...] = ("akima", "pchip", "cubic")
KINDS: tuple[Kind, ...] = ("rate", "quality")
ORACLES = {"rate": oracle.bd_rate, "quality": oracle.bd_psnr}


def curve(rate: list[float], quality: list[float], name: str = "") -> Curve:
    return Curve(np.array(rate), np.array(quality), name)


def line(rates: FloatArray, name: str = "") -> Curve:
    """A curve whose quality is a hundred points per tenfold rate."""
    return Curve(rates, 100 * np.log10(rates), name)


def oracle_value(anchor: Curve, test: Curve, kind: Kind, method: Method) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns under 75 % overlap
        value = ORACLES[kind](
            *(anchor.rate, anchor.quality, test.rate, test.quality),
            method=method,
            require_matching_points=False,
        )
    return float(value)


README = (
    curve([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]),
    curve([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987]),
)
E137 = (  # document JCTVC-E137, whose sheet interpolates as pchip does
    curve([108048.8736, 61279.976, 33905.6656, 18883.6928], [43.6471, 40.3953, 37.247, 34.2911]),
    curve([108061.2784, 61299.9936, 33928.7472, 18910.912], [43.6768, 40.4232, 37.2761, 34.3147]),
)
E137_STEEP = (
    curve([40433.8848, 7622.7456, 2394.488, 1017.6184], [37.5761, 35.3756, 33.8977, 32.0603]),
    curve([40370.12, 7587.0024, 2390.0944, 1017.0984], [37.5982, 35.4025, 33.9194, 32.0822]),
)
SAMPLE = (  # the sample of a much copied port of the Matlab script
    curve([686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]),
    curve([893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]),
)


@pytest.mark.parametrize(
    ("curves", "method", "published", "digits"),
    [
        (README, "akima", -4.4252, 4),
        (README, "pchip", -4.4175, 4),
        (README, "cubic", -4.4205, 4),
        (E137, "pchip", -0.465215420752807, 9),
        (E137_STEEP, "pchip", -1.8779823450567612, 9),
    ],
)
def test_published_figures(
    curves: tuple[Curve, Curve], method: Method, published: float, digits: int
) -> None:
    delta = bd_rate(*curves, method=method)
    assert delta.value == pytest.approx(published, abs=0.6 * 10**-digits)
    assert delta.notes == ()


@pytest.mark.parametrize("curves", [README, E137, E137_STEEP, SAMPLE])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_published_curves(curves: tuple[Curve, Curve], method: Method, kind: Kind) -> None:
    expected = oracle_value(*curves, kind, method)
    assert bd(*curves, kind, method=method).value == pytest.approx(expected, abs=1e-9)


steps = st.floats(0.02, 1.0)


@st.composite
def curves(draw: st.DrawFn, fewest: int = 4) -> Curve:
    """Any rising curve over roughly 0.05 to 8 bpp and 25 to 45 dB."""
    points = draw(st.integers(fewest, 8))
    growth = np.array([draw(steps) for _ in range(points)])
    rise = np.array([draw(steps) for _ in range(points)])
    rate = draw(st.floats(0.05, 0.15)) * 10 ** (growth.cumsum() * 1.5 / growth.sum())
    quality = draw(st.floats(25, 32)) + rise.cumsum() * 13 / rise.sum()
    return Curve(rate, quality)


@settings(max_examples=150, deadline=None)
@given(curves(), curves(), st.sampled_from(METHODS), st.sampled_from(KINDS))
def test_equals_the_bjontegaard_package(
    anchor: Curve, test: Curve, method: Method, kind: Kind
) -> None:
    delta = bd(anchor, test, kind, method=method)
    if delta.reason is None:
        expected = oracle_value(anchor, test, kind, method)
        assert delta.value == pytest.approx(expected, abs=1e-6, rel=1e-8)
    else:
        assert delta.overlap < 0.25


@settings(max_examples=100, deadline=None)
@given(curves(fewest=2), curves(fewest=2), st.sampled_from(KINDS))
def test_equals_scipys_interpolators(anchor: Curve, test: Curve, kind: Kind) -> None:
    for method, interpolator in (("akima", Akima1DInterpolator), ("pchip", PchipInterpolator)):
        delta = bd(anchor, test, kind, method=method)  # type: ignore[arg-type]
        if delta.reason:
            assert delta.overlap < 0.25
            continue
        ends = np.array(delta.range) if kind == "rate" else np.log10(delta.range)
        means = []
        for one in (anchor, test):
            x, y = one.quality, np.log10(one.rate)
            if kind == "quality":
                x, y = y, x
            function = interpolator(x, y, extrapolate=True)
            means.append(float(function.integrate(*ends)) / (ends[1] - ends[0]))
        difference = means[1] - means[0]
        expected = 100 * (10**difference - 1) if kind == "rate" else difference
        assert delta.value == pytest.approx(expected, abs=1e-6, rel=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_akima_where_its_slope_is_undefined(kind: Kind) -> None:
    # Two straight stretches with one corner, which Akima's weights 0/0 leave to the extra rule.
    corner = Curve(10.0 ** np.array([0, 1, 2, 2.5, 3, 3.5]), np.array([30.0, 31, 32, 34, 36, 38]))
    anchor = Curve(10.0 ** np.array([0.2, 1.1, 2.3, 3.1]), np.array([30.0, 31.5, 33, 37]))
    expected = oracle_value(anchor, corner, kind, "akima")
    assert bd(anchor, corner, kind).value == pytest.approx(expected, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(curves(fewest=4), st.sampled_from(METHODS), st.floats(0.01, 20))
def test_a_scaled_rate_is_the_whole_difference(one: Curve, method: Method, factor: float) -> None:
    scaled = Curve(one.rate * factor, one.quality)
    delta = bd_rate(one, scaled, method=method)
    assert delta.value == pytest.approx(100 * (factor - 1), abs=1e-6)
    assert delta.overlap == 1


@pytest.mark.parametrize("method", METHODS)
def test_simple_truths(method: Method) -> None:
    rates = np.array([0.1, 0.2, 0.5, 1.0, 1.5])
    base = line(rates)
    assert bd_rate(base, base, method=method).value == 0
    assert bd_quality(base, base, method=method).value == 0
    half = Curve(rates / 2, base.quality)
    assert bd_rate(base, half, method=method).value == pytest.approx(-50)
    better = Curve(rates, base.quality + 1.5)
    assert bd_quality(base, better, method=method).value == pytest.approx(1.5)


@settings(max_examples=50, deadline=None)
@given(curves(), curves(), st.sampled_from(METHODS))
def test_swapping_the_curves_inverts_the_figure(a: Curve, b: Curve, method: Method) -> None:
    there, back = bd_rate(a, b, method=method), bd_rate(b, a, method=method)
    assert there.overlap == back.overlap
    assert there.range == pytest.approx(back.range, nan_ok=True)
    up, down = bd_quality(a, b, method=method).value, bd_quality(b, a, method=method).value
    assert up == pytest.approx(-down, nan_ok=True)
    assert (there.reason is None) == (back.reason is None)
    if there.reason is None:
        assert (1 + there.value / 100) * (1 + back.value / 100) == pytest.approx(1)


def test_order_of_points_does_not_matter() -> None:
    anchor, test = README
    shuffle = np.array([2, 0, 3, 1])
    shuffled = Curve(test.rate[shuffle], test.quality[shuffle])
    assert bd_rate(anchor, shuffled) == bd_rate(anchor, test)
    rows = deltas(
        _one(anchor), Curves(test.rate[shuffle][None], test.quality[shuffle][None]), "rate"
    )
    assert rows.value[0] == bd_rate(anchor, test).value


def test_range_and_overlap() -> None:
    anchor, test = line(np.array([1, 2, 5, 10.0])), line(np.array([2, 5, 10, 20.0]))
    rate, quality = bd_rate(anchor, test), bd_quality(anchor, test)
    assert rate.range == pytest.approx((100 * math.log10(2), 100))
    assert quality.range == pytest.approx((2, 10))
    share = math.log10(5) / math.log10(20)
    assert rate.overlap == pytest.approx(share)
    assert quality.overlap == pytest.approx(share)
    assert (rate.kind, rate.method) == ("rate", "akima")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_not_monotone(kind: Kind, method: Method) -> None:
    dips = curve([0.2, 0.4, 0.5, 0.9, 1.4], [30.0, 31.2, 31.0, 33, 36], "x265")
    anchor = curve([0.2, 0.4, 0.7, 1.4], [30.0, 31, 33, 36])
    for delta in (bd(anchor, dips, kind, method=method), bd(dips, anchor, kind, method=method)):
        assert math.isnan(delta.value)
        assert delta.reason == (
            "x265's curve is not monotone: quality falls from 31.2 to 31 "
            "between the rates 0.4 and 0.5"
        )


def test_flat_and_doubled_points_are_not_monotone() -> None:
    anchor = curve([1, 2, 3], [30.0, 31, 32])
    flat = bd_rate(anchor, curve([1, 2, 3], [30.0, 30, 32]))
    assert flat.reason is not None
    assert "the test's curve is not monotone: quality stays at 30" in flat.reason
    doubled = bd_rate(curve([1, 2, 2], [30.0, 31, 32]), anchor)
    assert doubled.reason == "the anchor's curve has two points at the rate 2.0"
    close = bd_rate(anchor, curve([1, 2, 3], [30.0, 31.00000002, 31.00000001]))
    assert "from 31.00000002 to 31.00000001" in (close.reason or "")


def test_pareto_front() -> None:
    anchor = curve([0.2, 0.4, 0.7, 1.4], [30.0, 31, 33, 36])
    dips = curve([0.2, 0.4, 0.5, 0.9, 1.4], [30.0, 31.2, 31.0, 33.5, 36], "x265")
    front = curve([0.2, 0.4, 0.9, 1.4], [30.0, 31.2, 33.5, 36])
    treated = bd_rate(anchor, dips, pareto=True)
    assert treated.value == bd_rate(anchor, front).value
    assert treated.notes == ("the Pareto front dropped 1 of 5 points of x265's curve",)
    assert bd_rate(anchor, front, pareto=True) == bd_rate(anchor, front)
    peak = curve([0.2, 0.3, 0.4], [33.0, 32, 31])
    alone = bd_rate(anchor, peak, pareto=True)
    assert math.isnan(alone.value)
    assert alone.reason == "the test's curve has too few points: 1, and akima needs 2"


def test_pareto_front_keeps_the_best_of_equal_rates() -> None:
    front = curve([1, 2, 2, 3, 4], [30.0, 33, 32, 33, 34]).pareto_front()
    assert front.rate.tolist() == [1, 2, 4]
    assert front.quality.tolist() == [30, 33, 34]


@pytest.mark.parametrize("kind", KINDS)
def test_overlap(kind: Kind) -> None:
    anchor = line(np.array([1, 2, 5, 10.0]))
    apart = bd(anchor, line(np.array([20, 50, 100, 200.0])), kind)
    assert (apart.overlap, math.isnan(apart.value)) == (0, True)
    axis = "quality" if kind == "rate" else "rate"
    assert apart.reason == f"the curves have no {axis} in common"
    little = bd(anchor, line(np.array([7, 20, 50, 100.0])), kind)
    assert little.overlap == pytest.approx(math.log10(10 / 7) / 2)
    assert math.isnan(little.value)
    assert "8 % of their joint range" in (little.reason or "")


@pytest.mark.parametrize(("overlap", "defined"), [(0.245, False), (0.255, True)])
def test_a_quarter_must_overlap(overlap: float, defined: bool) -> None:
    # Two equal curves of length 1 in log-rate, shifted along a common line.
    shift = (1 - overlap) / (1 + overlap)
    log_rates = np.array([0, 0.3, 0.6, 1])
    for kind in KINDS:
        delta = bd(line(10**log_rates), line(10 ** (log_rates + shift)), kind)
        assert delta.overlap == pytest.approx(overlap)
        assert (delta.reason is None) == defined
        assert delta.value == pytest.approx(0 if defined else math.nan, abs=1e-9, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(curves(), curves(), st.sampled_from(METHODS), st.floats(0, 0.9), st.floats(0.05, 1))
def test_between_two_qualities_equals_a_numerical_integral(
    anchor: Curve, test: Curve, method: Method, start: float, share: float
) -> None:
    least = max(anchor.quality[0], test.quality[0])
    most = min(anchor.quality[-1], test.quality[-1])
    if most - least < 0.01:
        return
    low = float(least + start * (most - least))
    high = float(low + share * (most - low))
    delta = bd_rate(anchor, test, method=method, between=(low, high))
    assert (delta.reason, delta.range) == (None, (low, high))
    means = []
    for one in (anchor, test):
        x, y = one.quality, np.log10(one.rate)
        if method == "cubic":
            function = np.polynomial.Polynomial.fit(x, y, 3)
        else:
            function = {"akima": Akima1DInterpolator, "pchip": PchipInterpolator}[method](x, y)
        inside = x[(low < x) & (x < high)]
        means.append(quad(function, low, high, points=inside, limit=200)[0] / (high - low))
    assert delta.value == pytest.approx(100 * (10 ** (means[1] - means[0]) - 1), abs=1e-5, rel=1e-6)


def test_between_two_qualities_however_little_the_curves_share() -> None:
    anchor, test = line(np.array([1, 2, 5, 10.0])), line(np.array([7, 20, 50, 100.0]))
    assert bd_rate(anchor, test).reason is not None
    delta = bd_rate(anchor, test, between=(90.0, 95.0))
    assert (delta.value, delta.reason) == (pytest.approx(0, abs=1e-9), None)
    assert delta.overlap == pytest.approx(math.log10(10 / 7) / 2)


@pytest.mark.parametrize("between", [(31.0, 41.0), (25.0, 33.0), (50.0, 60.0)])
def test_no_figure_where_a_curve_does_not_span_the_range(between: tuple[float, float]) -> None:
    short = curve([0.2, 0.4, 0.7, 1.4], [30.0, 31, 33, 36], "x265")
    long = curve([0.1, 0.4, 0.7, 9.4], [24.0, 31, 33, 42], "vtm")
    for one, other in (short, long), (long, short):
        delta = bd_rate(one, other, between=between)
        assert math.isnan(delta.value)
        assert "curve does not span the range" in (delta.reason or "")
        assert np.isnan(deltas(_one(one), _one(other), "rate", between=between).value[0])
    ends = bd_rate(short, long, between=(30.0, 36.0))
    assert ends.value == bd_rate(short, long).value


def test_a_batch_has_a_range_for_each_of_its_rows() -> None:
    anchors, tests = (
        Curves(np.repeat(one.rate[None], 3, 0), np.repeat(one.quality[None], 3, 0))
        for one in README
    )
    low, high = np.array([35.0, 36, 30]), np.array([37.0, 40, 37])
    batch = deltas(anchors, tests, "rate", between=(low, high))
    alone = [
        bd_rate(*README, between=limits).value
        for limits in zip(low.tolist(), high.tolist(), strict=True)
    ]
    assert np.isnan(alone).tolist() == [False, False, True]
    np.testing.assert_allclose(batch.value, alone)


def test_a_range_of_quality_is_of_a_bd_rate() -> None:
    with pytest.raises(ValueError, match="BD-rate only"):
        bd(*README, "quality", between=(36.0, 38.0))


def test_few_points_are_said() -> None:
    anchor = line(np.array([1, 2, 5, 10.0]), "vtm")
    three = bd_rate(anchor, line(np.array([1, 4, 10.0]), "ncn"))
    assert three.notes == ("ncn's curve has only 3 points",)
    assert three.value == pytest.approx(0, abs=1e-9)
    two = curve([1, 10], [10.0, 110])
    assert bd_quality(anchor, two).value == pytest.approx(10)  # a straight line
    cubic = bd_rate(anchor, two, method="cubic")
    assert cubic.reason == "the test's curve has too few points: 2, and cubic needs 4"
    assert math.isnan(bd_rate(anchor, curve([1], [2.0])).value)
    assert math.isnan(bd_rate(curve([], []), anchor).value)


@pytest.mark.parametrize("pareto", [False, True])
def test_what_is_no_number_is_no_figure(pareto: bool) -> None:
    anchor = curve([1, 2, 3], [30.0, 31, 32])
    cases = {
        "the test's curve has no finite quality at rate 2": curve([1, 2, 3], [30, math.nan, 32]),
        "the test's curve has no finite quality at rate 3": curve([1, 2, 3], [30, 31, math.inf]),
        "the test's curve has a rate that is not a positive number": curve([0, 2], [30.0, 31]),
    }
    for reason, broken in cases.items():
        delta = bd_rate(anchor, broken, pareto=pareto)
        assert (math.isnan(delta.value), delta.reason) == (True, reason)
        batch = deltas(_one(anchor), _one(broken), "rate", pareto=pareto)
        assert np.isnan(batch.value).all()


def test_points_too_far_apart_to_compute_with() -> None:
    tiny = curve([1e-320, 1e-310, 1e-300], [30.0, 30.5, 31])
    huge = curve([1, 1e300, 1.7e308], [30.0, 30.5, 31])
    delta = bd_rate(tiny, huge)
    assert math.isnan(delta.value)
    assert "too far apart" in (delta.reason or "")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS), st.sampled_from(KINDS), st.booleans())
def test_a_batch_is_its_curves_one_by_one(
    seed: int, method: Method, kind: Kind, pareto: bool
) -> None:
    """Ragged Pareto fronts, undefined curves and unsorted points included."""
    rng = np.random.default_rng(seed)
    base = np.linspace(30, 36, 6)
    rate = np.exp(rng.uniform(-2, 1, (12, 6))).round(1) + 0.1
    quality = np.sort(rng.normal(base, 1.0, (12, 6)), axis=1)
    quality[rng.random((12, 6)) < 0.03] = np.nan
    rate[::2] = np.sort(rate[::2], axis=1)
    anchor, test = Curves(rate[:, :4], quality[:, :4]), Curves(rate, quality[::-1])
    batch = deltas(anchor, test, kind, method, pareto)
    for i in range(12):
        one, other = Curve(rate[i, :4], quality[i, :4]), Curve(rate[i], quality[11 - i])
        alone = bd(one, other, kind, method=method, pareto=pareto)
        assert batch.value[i] == pytest.approx(alone.value, rel=1e-9, abs=1e-9, nan_ok=True)
        if not np.isnan(alone.overlap):
            assert batch.overlap[i] == pytest.approx(alone.overlap)
            assert batch.changed[i] == any("dropped" in note for note in alone.notes)


def test_shapes_that_are_no_curves_are_refused() -> None:
    with pytest.raises(ValueError, match="rates and"):
        curve([1, 2], [30.0])
    with pytest.raises(ValueError, match="curves of"):
        Curves(np.ones((3, 4)), np.ones((3, 5)))


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(ValueError, match="no Bjøntegaard delta of rate by makima"):
        bd_rate(*README, method="makima")  # type: ignore[arg-type]


def test_scipy_is_not_imported() -> None:
    code = "import sys, bench.metrics.bootstrap; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _one(one: Curve) -> Curves:
    return Curves(one.rate[None], one.quality[None])
