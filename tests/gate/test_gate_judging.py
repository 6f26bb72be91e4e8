"""What a rule says of curves and times that are known: made-up recordings, no codec is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets.cityscapes_labels import CLASSES
from bench.errors import DataError
from bench.gate.formatting import figures
from bench.gate.judging import judge
from bench.gate.match_text import from_text, to_text
from bench.gate.recording import RecordedCodec, Recording
from bench.gate.rules import parse_rule
from bench.gate.verdicts import Check, Verdict
from bench.metrics.average_precision import average_precision
from bench.metrics.bjontegaard import Curve, bd_rate
from bench.metrics.matches import FALSE_POSITIVE, IGNORED, OVERLAPS, TRUE_POSITIVE, Matches
from bench.metrics.resampling import CurveSample, resample_weights

Floats = NDArray[np.float64]
IMAGES = 40
POINTS = (47, 42, 37, 32)
BD = "bd-rate by psnr_y of ours against hm: at most +1 %"
TIME = "encode time of ours against hm: at most x1.3"
SPREAD = np.exp(np.random.default_rng(1).normal(0, 0.3, (IMAGES, 1)))
HEAVY = np.exp(1.5 * np.random.default_rng(3).normal(0, 1, IMAGES))
NOISE = np.random.default_rng(2).normal(0, 1, (IMAGES, 1))


def codec(
    name: str,
    rate: float | Floats = 1.0,
    quality: float | Floats = 0.0,
    seconds: float | Floats = 1.0,
    run: int | None = 1,
) -> RecordedCodec:
    """With so many times the rate of another at the same quality."""
    base = np.geomspace(0.1, 1.0, len(POINTS)) * SPREAD
    values = 40 + 3 * np.log2(base) + quality
    bpp = base * rate
    return RecordedCodec(
        name=name,
        title=name,
        unit="QP",
        anchor=False,
        oracle=False,
        fingerprint=f"{name} 1",
        points=POINTS,
        bytes=1000 * bpp,
        bpp=bpp,
        values={"bpp": bpp, "psnr_y": values},
        provenance={},
        encode_cpu=np.ones(IMAGES) * seconds,
        run=run,
    )


def recording(*codecs: RecordedCodec) -> Recording:
    return Recording(
        lines=(),
        date="2026-01-05",
        processor="A processor",
        data="street",
        digest="ab" * 32,
        labels="cd" * 32,
        versions={"psnr_y": "1"},
        images=tuple(f"{number:02d}" for number in range(IMAGES)),
        codecs={each.name: each for each in codecs},
    )


HM = codec("hm", rate=1.2)
THEN = recording(HM, codec("ours"))


def checked(now: Recording, *rules: str, then: Recording = THEN) -> Check:
    parsed = [parse_rule(rule, ["ours", "hm"]) for rule in rules]
    return judge(Path("gate.toml"), parsed, then, now, {})


def verdict(now: RecordedCodec, rule: str = BD, then: Recording = THEN) -> Verdict:
    return checked(recording(HM, now), rule, then=then).verdicts[0]


def test_what_has_not_changed_passes_by_exactly_nothing() -> None:
    found = verdict(codec("ours"))
    assert (found.outcome, found.change, found.interval) == ("pass", 0.0, (0.0, 0.0))
    assert found.was == pytest.approx(100 * (1 / 1.2 - 1))
    assert figures(found)[-1] == "any"


def test_more_rate_for_the_same_quality_is_a_regression() -> None:
    found = verdict(codec("ours", rate=1.03))
    assert found.outcome == "regression"
    assert found.change == pytest.approx(100 * 0.03 / 1.2)
    assert found.interval == pytest.approx((found.change, found.change))
    assert found.minimum_detectable == pytest.approx(0, abs=1e-9)


def test_less_than_is_allowed_passes_and_so_does_a_gain() -> None:
    assert verdict(codec("ours", rate=1.01)).outcome == "pass"
    assert verdict(codec("ours", rate=0.9)).outcome == "pass"


def test_what_scatters_too_much_could_hide_a_regression() -> None:
    found = verdict(codec("ours", rate=np.exp(0.2 * NOISE)))
    assert found.outcome == "inconclusive"
    assert found.minimum_detectable > 1
    assert found.why
    gained = verdict(codec("ours", rate=0.8 * np.exp(0.2 * NOISE)))
    assert gained.interval is not None and gained.interval[1] < 0
    assert gained.outcome == "inconclusive"  # its rule is blind, however well it went


def test_what_is_allowed_within_the_interval_is_no_pass() -> None:
    found = verdict(codec("ours", rate=1.012 * np.exp(0.02 * (NOISE - NOISE.mean()))))
    assert found.interval is not None
    assert found.interval[0] < 1 < found.interval[1]
    assert found.minimum_detectable < 1
    assert found.outcome == "inconclusive"
    assert "interval" in found.why


def test_the_interval_is_that_of_resampled_pairs() -> None:
    now = codec("ours", rate=np.exp(0.1 * NOISE), quality=0.1 * NOISE[::-1])
    found = verdict(now)
    then, hm, rate = THEN.codecs["ours"].sample("psnr_y"), HM.sample("psnr_y"), now.sample("psnr_y")
    assert (
        isinstance(then, CurveSample)
        and isinstance(hm, CurveSample)
        and isinstance(rate, CurveSample)
    )
    drawn = []
    for row in resample_weights(IMAGES)[:200]:
        images = np.repeat(np.arange(IMAGES), row.astype(int))
        anchor, before, after = (
            Curve(one.rate[images].mean(axis=0), one.quality[images].mean(axis=0))
            for one in (hm, then, rate)
        )
        drawn.append(bd_rate(anchor, after).value - bd_rate(anchor, before).value)
    assert found.interval == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.5)
    assert found.interval[0] < found.change < found.interval[1]


def test_a_rule_may_be_between_two_qualities() -> None:
    better_above = np.where(np.arange(len(POINTS)) > 1, 1.0, 0.0)
    now = codec("ours", quality=better_above)
    whole, below, beyond = (
        verdict(now, BD.replace("psnr_y", f"psnr_y{between}"))
        for between in ("", " between 31,34", " between 31,60")
    )
    assert whole.change < -1
    hm, ours = (each.sample("psnr_y").mean_curve for each in (HM, now))
    assert below.now == bd_rate(hm, ours, between=(31, 34)).value
    assert below.interval is not None
    assert beyond.outcome == "inconclusive"
    assert "does not span the range 31 to 60" in beyond.why


@pytest.mark.parametrize(
    ("result", "message"),
    [("5", "expected LOW%,HIGH%"), ("9,5", "9 is not below 5"), ("5%,9%", "LOW,HIGH in dB")],
)
def test_a_rule_with_an_invalid_range_is_refused(result: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_rule(BD.replace("psnr_y", f"psnr_y between {result}"), ["ours", "hm"])


def test_an_anchor_that_got_worse_makes_nobody_better() -> None:
    worse = recording(codec("hm", rate=2.0), codec("ours", rate=1.1))
    (found,) = checked(worse, BD).verdicts
    assert found.outcome == "regression"


def test_a_curve_that_bends_down_is_no_pass() -> None:
    bent = np.zeros((IMAGES, len(POINTS)))
    bent[:, -1] = -20
    found = verdict(codec("ours", quality=bent))
    assert found.outcome == "inconclusive"
    assert "ours's curve is not monotone" in found.why


def test_one_image_has_no_interval() -> None:
    def first(each: RecordedCodec) -> RecordedCodec:
        one = each.only(np.arange(IMAGES) == 0)
        return replace(one, encode_cpu=each.encode_cpu[:1])

    one = replace(recording(first(HM), first(codec("ours"))), images=("00",))
    assert [found.outcome for found in checked(one, BD, TIME, then=one).verdicts] == [
        "inconclusive",
        "inconclusive",
    ]


@pytest.mark.parametrize(
    ("rule", "rate", "quality", "outcome"),
    [
        ("bpp of ours: within 0.2 %", 1.001, 0.0, "pass"),
        ("bpp of ours: within 0.2 %", 1.003, 0.0, "regression"),
        ("bpp of ours: within 0.2 %", 0.997, 0.0, "changed"),
        ("bpp of ours: within 0.0001 %", 1.000002, 0.0, "regression"),
        ("psnr_y of ours: within 0.02 dB", 1.0, -0.01, "pass"),
        ("psnr_y of ours: within 0.02 dB", 1.0, -0.03, "regression"),
        ("psnr_y of ours: within 0.02 dB", 1.0, 0.03, "changed"),
        ("psnr_y of ours: within 0.02 dB", 1.0, np.nan, "inconclusive"),
    ],
)
def test_a_point_may_change_by_the_tolerance(
    rule: str, rate: float, quality: float, outcome: str
) -> None:
    assert verdict(codec("ours", rate, quality), rule).outcome == outcome


def test_points_are_compared_by_name_and_the_worst_is_told() -> None:
    quality = np.zeros((IMAGES, len(POINTS)))
    quality[:, 2] = -0.5
    changed = codec("ours", quality=quality)
    turned = changed.at([3, 1, 2, 0])
    found = verdict(turned, "psnr_y of ours: within 0.02 dB")
    assert (found.where, found.change) == ("QP 37", pytest.approx(-0.5))
    assert found.why == "lower at 1 of 4 points, beyond the tolerance"
    assert verdict(turned, "bpp of ours: within 0.0001 %").outcome == "pass"


def test_one_point_that_got_worse_makes_a_regression_of_several_that_got_better() -> None:
    quality = np.full((IMAGES, len(POINTS)), 0.5)
    quality[:, 2] = -0.1
    found = verdict(codec("ours", quality=quality), "psnr_y of ours: within 0.02 dB")
    assert (found.outcome, found.change) == ("regression", pytest.approx(-0.1))
    assert found.why == "higher at 3 and lower at 1 of 4 points, beyond the tolerance"


@pytest.mark.parametrize(
    ("ours", "hm", "outcome"),
    [
        (1.1, 1.0, "pass"),
        (1.5, 1.0, "regression"),
        (2.0, 2.0, "pass"),  # the machine is slower, the codec is not
        (HEAVY / HEAVY.mean(), 1.0, "inconclusive"),
    ],
)
def test_times_are_ratios_to_another_codec_s(ours: float | Floats, hm: float, outcome: str) -> None:
    now = recording(codec("hm", seconds=hm), codec("ours", seconds=ours))
    assert checked(now, TIME).verdicts[0].outcome == outcome


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"run": 2}, "were not timed in one run"),
        ({"run": None}, "were not timed in one run"),
        ({"encode_cpu": np.full(IMAGES, np.nan)}, "have no encoding time"),
        ({"points": (1, 2, 3, 4)}, "timed at other points"),
    ],
)
def test_times_that_do_not_compare(change: dict[str, object], why: str) -> None:
    found = verdict(replace(codec("ours"), **change), TIME)  # type: ignore[arg-type]
    assert found.outcome == "inconclusive"
    assert why in found.why


def test_one_regression_among_what_nothing_is_known_of_is_one() -> None:
    now = recording(HM, codec("ours", rate=1.1, run=2))
    assert checked(now, TIME, BD, "bpp of hm: within 1 %").status == 1
    assert checked(now, TIME, "bpp of hm: within 1 %").status == 2
    assert checked(now, "bpp of hm: within 1 %").status == 0
    assert checked(replace(now, digest="ef" * 32), BD).status == 2


def some_matches(seed: int, count: int = 40) -> Matches:
    draw = np.random.default_rng(seed)
    states = draw.choice([IGNORED, TRUE_POSITIVE, FALSE_POSITIVE], (count, OVERLAPS))
    right = draw.integers(0, OVERLAPS + 1, count)
    plain = np.where(np.arange(OVERLAPS) < right[:, None], TRUE_POSITIVE, FALSE_POSITIVE)
    states[: count // 2] = plain[: count // 2]
    scores = draw.random(count).astype(np.float32).astype(np.float64)
    scores[:3] = 0, 1, 1e-5
    valid = draw.integers(5, 9, 8)
    return Matches(draw.integers(0, 8, count).astype(np.uint8), scores, states, valid, valid + 2)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_matches_come_back_from_text(count: int) -> None:
    made = [some_matches(seed, max(count, 3)) for seed in range(5)] if count else []
    nothing = some_matches(9)
    empty = (array[:0] for array in (nothing.classes, nothing.scores, nothing.states))
    made.append(Matches(*empty, nothing.valid, nothing.instances))
    read = [
        from_text(to_text(one, CLASSES), CLASSES, one.valid.tolist(), one.instances.tolist())
        for one in made
    ]
    for one, other in zip(made, read, strict=True):
        order = np.argsort(one.classes, kind="stable")
        assert (other.classes == one.classes[order]).all()
        assert other.scores == pytest.approx(one.scores[order], abs=5e-7)
        assert (other.states == one.states[order]).all()
        assert to_text(other, CLASSES) == to_text(one, CLASSES)
    assert average_precision(read).wap == pytest.approx(average_precision(made).wap, abs=1e-12)


@pytest.mark.parametrize(
    "text", ["car .5:11", "car .5:TTT", ".5:3", "car x", "boat .5", "car .5:X"]
)
def test_a_line_that_is_no_matches_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        from_text(text, CLASSES, [0] * 8, [0] * 8)
