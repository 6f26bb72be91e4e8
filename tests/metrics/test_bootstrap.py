import math
import time
from functools import partial

import numpy as np
import pytest

from bench.metrics import bootstrap
from bench.metrics.bjontegaard import Curve, Curves, FloatArray, Kind, Method, bd, bd_rate, deltas
from bench.metrics.bootstrap import delta_interval, mean_curve_delta, per_image_delta
from bench.metrics.resampling import CurveSample, Interval, interval_of, resample_weights

RATES = np.array([0.1, 0.2, 0.4, 0.8])
QUALITIES = np.array([30.0, 33, 36, 39])


def samples(
    images: int, saving: float = 0.1, spread: float = 0.05, seed: int = 0
) -> tuple[CurveSample, CurveSample]:
    """Images of various rates; the test saves on each of them about the same share."""
    rng = np.random.default_rng(seed)
    rate = RATES * np.exp(rng.normal(0, 0.4, (images, 1)))
    share = (1 - saving) * np.exp(rng.normal(0, spread, (images, 1)))
    quality = QUALITIES + rng.normal(0, 1, (images, 1))
    return CurveSample(rate, quality, "vtm"), CurveSample(rate * share, quality, "ncn")


def with_nan(sample: CurveSample) -> CurveSample:
    quality = sample.quality.copy()
    quality[3, 1] = quality[5, 0] = np.nan
    return CurveSample(sample.rate, quality, sample.name)


def test_weights_are_whole_draws_of_all_images() -> None:
    weights = resample_weights(50, 400, seed=1)
    assert weights.shape == (400, 50)
    assert (weights.sum(axis=1) == 50).all()
    assert (weights == np.round(weights)).all()
    # Each image is drawn 400 times on average, with a standard deviation of 20.
    assert np.abs(weights.sum(axis=0) - 400).max() < 100
    assert weights[:, 0].var() == pytest.approx(1, abs=0.35)


def test_weights_are_the_same_for_ever() -> None:
    first = resample_weights(6, 4, seed=0)
    resample_weights.cache_clear()
    np.testing.assert_array_equal(resample_weights(6, 4, seed=0), first)
    assert first.tolist() == [
        [2, 1, 0, 1, 1, 1],
        [1, 0, 0, 2, 2, 1],
        [1, 1, 0, 1, 1, 2],
        [2, 1, 1, 1, 1, 0],
    ]
    assert (resample_weights(6, 4, seed=1) != first).any()
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 2


@pytest.mark.parametrize("kind", ["rate", "quality"])
@pytest.mark.parametrize("method", ["akima", "pchip", "cubic"])
def test_the_interval_is_that_of_replicated_images(
    kind: Kind, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "resample_weights", partial(resample_weights, resamples=40))
    anchor, test = samples(9, spread=0.2)
    interval = delta_interval(anchor, test, kind, method=method)
    values = []
    for weights in resample_weights(9, resamples=40):
        images = np.repeat(np.arange(9), weights.astype(int))
        one, other = (
            Curve(s.rate[images].mean(axis=0), s.quality[images].mean(axis=0))
            for s in (anchor, test)
        )
        values.append(bd(one, other, kind, method=method, pareto=True).value)
    expected = np.percentile(values, [2.5, 97.5])
    assert (interval.low, interval.high) == pytest.approx(tuple(expected))
    assert (interval.changed, interval.undefined) == (0, 0)


def test_mean_curve_figure_and_its_interval() -> None:
    anchor, test = samples(60)
    delta = mean_curve_delta(anchor, test, "rate")
    means = [Curve(s.rate.mean(axis=0), s.quality.mean(axis=0)) for s in (anchor, test)]
    assert delta.value == bd_rate(*means).value
    assert delta.interval is not None
    low, high = delta.interval
    assert low < delta.value < high
    assert mean_curve_delta(anchor, test, "rate") == delta


def test_intervals_shrink_with_the_root_of_the_images() -> None:
    widths = []
    for images in (25, 100, 400):
        for figure in (mean_curve_delta, per_image_delta):
            interval = figure(*samples(images), "rate").interval
            assert interval is not None
            widths.append(interval[1] - interval[0])
    for few, more in zip(widths, widths[2:], strict=False):
        assert 1.3 < few / more < 3  # twice, but for chance


def test_pairing_removes_what_images_have_in_common() -> None:
    anchor, test = samples(80, spread=0)
    interval = delta_interval(anchor, test, "rate")
    assert (interval.low, interval.high) == pytest.approx((-10, -10))


@pytest.mark.parametrize("figure", [mean_curve_delta, per_image_delta])
def test_intervals_cover_the_truth(figure: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """In about 95 of 100 experiments; intervals half as wide would in 66."""
    monkeypatch.setattr(bootstrap, "resample_weights", partial(resample_weights, resamples=300))
    assert callable(figure)
    covered = 0
    for seed in range(100):
        anchor, test = samples(40, saving=0.1, spread=0.1, seed=seed)
        low, high = figure(anchor, test, "rate").interval
        truth = 100 * (0.9 * math.exp(0.1**2 / 2) - 1)
        covered += low <= truth <= high
    assert 85 <= covered < 100


def test_the_share_that_the_pareto_front_changed_is_told() -> None:
    anchor, test = samples(30)
    quality = test.quality.copy()
    quality[:, 2] -= 2.95  # hardly above the point before it
    quality[:10, 2] -= 0.2  # and below in a third of the images
    dips = CurveSample(test.rate, quality, "ncn")
    delta = mean_curve_delta(anchor, dips, "rate")
    changed = delta_interval(anchor, dips, "rate").changed
    below = resample_weights(30)[:, :10].sum(axis=1) * 0.2 >= 0.05 * 30 - 1e-9
    assert delta.reason is not None  # the mean curve itself bends down
    assert 0.5 < changed < 1
    assert changed == pytest.approx(below.mean(), abs=0.02)
    treated = mean_curve_delta(anchor, dips, "rate", pareto=True)
    assert treated.interval is not None
    assert treated.notes[-1] == f"the Pareto front changed {100 * changed:.2g} % of the resamples"


def apart(undefined: int) -> Interval:
    """A hundred resamples, of which some have curves that do not meet."""
    rate = np.tile(RATES, (100, 1))
    anchor = np.tile(QUALITIES, (100, 1))
    anchor[:undefined] += 20
    test = QUALITIES + np.linspace(-1, 1, 100)[:, None]
    return interval_of(deltas(Curves(rate, anchor), Curves(rate, test), "rate", pareto=True).value)


def test_above_five_percent_undefined_there_is_no_interval() -> None:
    few, many, all_of_them = apart(5), apart(6), apart(100)
    assert (few.undefined, many.undefined, all_of_them.undefined) == (0.05, 0.06, 1)
    assert few.bounds == (few.low, few.high)
    assert few.notes == ("5 % of the resamples are undefined",)
    assert many.bounds is None
    assert many.notes == ("no interval: 6 % of the resamples are undefined, more than 5 %",)
    assert all_of_them.bounds is None


def test_per_image_figures() -> None:
    anchor, test = samples(12, spread=0.2)
    mean = per_image_delta(anchor, test, "quality", method="pchip")
    each = [
        bd(Curve(a, b), Curve(c, d), "quality", method="pchip").value
        for a, b, c, d in zip(anchor.rate, anchor.quality, test.rate, test.quality, strict=True)
    ]
    np.testing.assert_allclose(mean.figures, each, rtol=1e-12)
    assert mean.value == pytest.approx(np.mean(each))
    assert (mean.undefined, mean.reason) == (0, None)
    assert mean.notes == ("only 12 images: the interval is too narrow",)
    assert mean.interval is not None
    resampled = resample_weights(12) @ np.array(each) / 12
    assert mean.interval == pytest.approx(tuple(np.percentile(resampled, [2.5, 97.5])))
    # The share of rate saved is the same for every image; the mean curve weighs by rate instead.
    assert mean_curve_delta(anchor, test, "rate").value != pytest.approx(
        per_image_delta(anchor, test, "rate").value, abs=0.1
    )


def part(sample: CurveSample, images: int, points: int) -> CurveSample:
    """Without the first images and points."""
    return CurveSample(sample.rate[images:, points:], sample.quality[images:, points:], sample.name)


def undefined_sample(sample: CurveSample, dips: int, aparts: int) -> CurveSample:
    quality: FloatArray = sample.quality.copy()
    quality[:dips, 2] -= 4
    quality[dips : dips + aparts] += 20
    return CurveSample(sample.rate, quality, sample.name)


def test_per_image_counts_the_images_without_a_figure() -> None:
    anchor, test = samples(40)
    few = per_image_delta(anchor, undefined_sample(test, 1, 1), "rate")
    assert few.undefined == 2
    assert few.notes == ("undefined for 2 of 40 images: 1 not monotone, 1 with too little overlap",)
    rest = per_image_delta(part(anchor, 2, 0), part(test, 2, 0), "rate")
    assert few.value == pytest.approx(rest.value)
    assert few.interval is not None
    more = per_image_delta(anchor, undefined_sample(test, 0, 3), "rate")
    assert (more.interval, more.undefined) == (None, 3)
    assert more.notes[-1] == "no interval: more than 5 % of the images are undefined"
    none = per_image_delta(anchor, undefined_sample(test, 40, 0), "rate")
    assert math.isnan(none.value)
    assert none.reason == "no image has a figure: undefined for 40 of 40 images: 40 not monotone"
    treated = per_image_delta(anchor, undefined_sample(test, 4, 0), "rate", pareto=True)
    assert treated.undefined == 0
    assert treated.notes == ("the Pareto front changed the curves of 4 of 40 images",)
    cubic = per_image_delta(part(anchor, 0, 1), part(test, 0, 1), "rate", method="cubic")
    assert "40 with too few points" in (cubic.reason or "")


def test_images_without_a_value_leave_no_figure() -> None:
    anchor, test = samples(20)
    for figure in (mean_curve_delta, per_image_delta):
        delta = figure(anchor, with_nan(test), "rate")
        assert math.isnan(delta.value)
        assert delta.reason == "ncn has no value for 2 of 20 images"
        assert delta.interval is None


def test_one_image_has_a_figure_but_no_interval() -> None:
    anchor, test = samples(1)
    for figure in (mean_curve_delta, per_image_delta):
        delta = figure(anchor, test, "rate")
        assert math.isfinite(delta.value)
        assert (delta.interval, delta.notes) == (None, ("no interval: one image",))


def test_samples_of_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same images: 5 and 6"):
        delta_interval(samples(5)[0], samples(6)[1], "rate")


def test_a_sweeps_tables_take_no_time() -> None:
    """Three pairs, six metrics, 500 images: 0.15 s of CPU when written; ten times that is wrong."""
    anchor, test = samples(500)
    start = time.process_time()
    for _ in range(3 * 6):
        mean_curve_delta(anchor, test, "rate")
        per_image_delta(anchor, test, "rate")
    assert time.process_time() - start < 1.5


def test_all_who_ask_for_the_same_resamples_share_them() -> None:
    assert resample_weights(6) is resample_weights(6)


def test_a_sample_is_resampled_once_for_all_comparisons() -> None:
    rng = np.random.default_rng(3)
    rate = np.geomspace(0.1, 1, 4) * rng.uniform(0.8, 1.2, (30, 1))
    sample = CurveSample(rate, np.log2(rate), "one")
    weights = resample_weights(30)
    assert sample.resampled(weights) is sample.resampled(weights)
    other = resample_weights(30, seed=1)
    np.testing.assert_allclose(sample.resampled(other).rate, other @ rate / 30)
