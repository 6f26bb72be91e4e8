"""Applies the rules to results and a recording, image by image.

A BD-rate's change is that between two curves of a codec, the recorded and the present one, each
against the *recorded* curve of the anchor: a worse anchor cannot hide a regression. Its
95 % interval comes from resampling the images, the same draw for all three curves; so does that of
an encoding time's ratio. A rule is

- broken where the interval lies above what it allows;
- kept where the interval ends at or below that, and is no wider on its lower side than what is
  allowed: what scatters more could hide a regression that the rule is there to see;
- else nothing is known.

A point's rate and quality are means over the same images, then and now: their difference is exact,
and one beyond the tolerance, up or down, breaks the rule. It is a regression if any point got worse
(more bits or less quality); otherwise the codec has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from bench.codecs.catalog import full_name
from bench.gate.baseline import Baseline
from bench.gate.recording import RecordedCodec, Recording
from bench.gate.rules import WAP, Rule
from bench.gate.verdicts import Check, Outcome, Verdict
from bench.metrics.between import QualityRange
from bench.metrics.bjontegaard import FloatArray, bd, deltas
from bench.metrics.bootstrap import FEW_IMAGES, MAXIMUM_UNDEFINED, CurveSample, resample_weights
from bench.metrics.task_sample import TaskSample
from bench.runtime.text import counted
from bench.store import point_key


class _UnknownError(Exception):
    """Why a rule cannot be judged."""


def judge(
    baseline: Baseline, recorded: Recording, now: Recording, failures: Mapping[str, str]
) -> Check:
    """``failures`` has the failed operations of each codec, with the first reason."""
    verdicts = []
    for rule in baseline.rules:
        try:
            _comparable(recorded, now)
            verdicts.append(_JUDGES[rule.kind](rule, recorded, now))
        except _UnknownError as error:
            failed = failures.get(full_name(rule.codec, now.codecs))
            why = f"{error} ({failed})" if failed else str(error)
            verdicts.append(Verdict(rule, "inconclusive", why))
    return Check(
        baseline.path,
        now.data,
        recorded.date,
        len(now.images),
        tuple(verdicts),
        tuple(_notes(baseline, recorded, now)),
    )


def _comparable(recorded: Recording, now: Recording) -> None:
    if (recorded.digest, recorded.images) != (now.digest, now.images):
        raise _UnknownError(
            f"other images: {recorded.data} was recorded with digest {recorded.digest[:12]}, "
            f"here it is {now.digest[:12]}"
        )


def _codec(name: str, recording: Recording, whose: str) -> RecordedCodec:
    name = full_name(name, recording.codecs)
    if name not in recording.codecs:
        raise _UnknownError(f"{name} is not {whose}")
    return recording.codecs[name]


def _both(name: str, recorded: Recording, now: Recording) -> tuple[RecordedCodec, RecordedCodec]:
    then = _codec(name, recorded, "in the recording; --record makes one with it")
    return then, _codec(name, now, "among the results")


def _metric(rule: Rule, recorded: Recording, now: Recording) -> str:
    """The metric's full name, after checking that both sides measured it in the same way."""
    name = rule.metric
    if name == WAP:
        tasks = [name for name in now.versions if name.startswith(f"{WAP}:")]
        if len(tasks) != 1:
            known = ", ".join(f"wap:{task}" for task in tasks) or "no task networks"
            raise _UnknownError(f"ambiguous metric 'wap'; known: {known}")
        (name,) = tasks
    for recording, whose in (recorded, "recorded; --record does"), (now, "measured"):
        if name not in recording.versions:
            raise _UnknownError(f"{name} was not {whose}")
    if recorded.versions[name] != now.versions[name]:
        raise _UnknownError(
            f"{name} was recorded with another version of it; record again with --record"
        )
    if name.startswith(f"{WAP}:") and recorded.labels != now.labels:
        raise _UnknownError(f"{name} was recorded with other labels; record again with --record")
    return name


def _whole(curve: CurveSample | TaskSample, recording: str) -> None:
    if missing := curve.missing():
        raise _UnknownError(f"{recording}{missing}")


def _judge_points(rule: Rule, recorded: Recording, now: Recording) -> Verdict:
    then, here = _both(rule.codec, recorded, now)
    if {*map(point_key, then.points)} != {*map(point_key, here.points)}:
        had, has = (", ".join(map(str, codec.points)) for codec in (then, here))
        why = f"its points are {here.unit} {has}; {had} were recorded"
        return Verdict(rule, "changed", why)
    metric = rule.metric if rule.metric == "bpp" else _metric(rule, recorded, now)
    before, after = (codec.curve(metric) for codec in (then, here))
    _whole(before, "in the recording, ")
    _whole(after, "")
    order = [[*map(point_key, here.points)].index(point_key(point)) for point in then.points]
    was, is_now = _means(before), _means(after)[order]
    change = is_now - was
    if rule.unit == "%":
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.where(change == 0, 0, 100 * change / np.abs(was))
    if np.isnan(change).any():
        raise _UnknownError(f"{metric} is not defined at each point")
    if not change.any():
        points = counted(len(change), "point")
        return Verdict(
            rule, "pass", "", points, metric, change=0.0, minimum_detectable=rule.allowed
        )
    worse = change if metric == "bpp" else -change  # a point's rules are about rate and quality
    most = int((worse if (worse > rule.allowed).any() else np.abs(change)).argmax())
    outcome, why = _at_points(rule, change, worse)
    return Verdict(
        rule,
        outcome,
        why,
        f"{then.unit} {then.points[most]}",
        metric,
        float(was[most]),
        float(is_now[most]),
        float(change[most]),
        minimum_detectable=rule.allowed,
    )


def _at_points(rule: Rule, change: FloatArray, worse: FloatArray) -> tuple[Outcome, str]:
    """The outcome, and at how many points the value moved up or down."""
    directions = {"higher": change > rule.allowed, "lower": change < -rule.allowed}
    moved = {way: int(points.sum()) for way, points in directions.items() if points.any()}
    if not moved:
        return "pass", ""
    counts = " and ".join(f"{way} at {count}" for way, count in moved.items())
    why = f"{counts} of {counted(len(change), 'point')}, beyond the tolerance"
    if (worse > rule.allowed).any():
        return "regression", why
    return "changed", f"{why}; if this is intended, record again with --record"


def _means(curve: CurveSample | TaskSample) -> FloatArray:
    """The quality at each point; a task network's is that of the whole set."""
    if isinstance(curve, CurveSample):
        return np.asarray(curve.quality.mean(axis=0))
    return np.array([score.found.wap if score else np.nan for score in curve.scores])


def _judge_bd_rate(rule: Rule, recorded: Recording, now: Recording) -> Verdict:
    then, here = _both(rule.codec, recorded, now)
    metric = _metric(rule, recorded, now)
    anchor = _codec(str(rule.other), recorded, "in the recording; --record makes one with it")
    curves = [codec.curve(metric) for codec in (anchor, then, here)]
    for curve, whose in zip(curves, ("in the recording, ", "in the recording, ", ""), strict=True):
        _whole(curve, whose)
    yardstick, before, after = (curve.mean_curve() for curve in curves)
    qualities = _qualities(rule, metric, recorded)
    limits = qualities.of_set() if qualities else None
    was, is_now = (bd(yardstick, curve, "rate", between=limits) for curve in (before, after))
    if was.reason or is_now.reason:
        raise _UnknownError(f"in the recording, {was.reason}" if was.reason else str(is_now.reason))
    weights = _weights(len(now.images))
    bases, befores, afters = (curve.resampled(weights) for curve in curves)
    its_limits = qualities.resampled(weights) if qualities else None
    figures_now, figures_then = (
        deltas(bases, curves, "rate", pareto=True, between=its_limits).value
        for curves in (afters, befores)
    )
    difference = figures_now - figures_then
    change = is_now.value - was.value
    low, high = _interval(difference)
    minimum_detectable = max(change - low, 0.0)
    outcome, why = _outcome(rule, low, high, minimum_detectable)
    return Verdict(
        rule,
        outcome,
        why,
        "",
        metric,
        was.value,
        is_now.value,
        change,
        (low, high),
        minimum_detectable,
    )


def _qualities(rule: Rule, metric: str, recorded: Recording) -> QualityRange | None:
    """The range of both figures: percentages are of the *recorded* uncompressed wAP."""
    if rule.between is None:
        return None
    if rule.between.percent and metric not in recorded.uncompressed:
        raise _UnknownError(
            f"{metric} of the uncompressed images was not recorded; record again with --record"
        )
    qualities = QualityRange(rule.between, recorded.uncompressed.get(metric))
    if missing := qualities.missing():
        raise _UnknownError(missing)
    return qualities


def _judge_time(rule: Rule, recorded: Recording, now: Recording) -> Verdict:
    then, here = _both(rule.codec, recorded, now)
    beside_then, beside_here = _both(str(rule.other), recorded, now)
    for one, other, whose in (then, beside_then, "in the recording"), (here, beside_here, "here"):
        if one.run is None or one.run != other.run:
            raise _UnknownError(
                f"{whose}, {one.name} and {other.name} were not timed in one run; "
                "use an empty --results folder"
            )
        if not np.isfinite([one.encode_cpu, other.encode_cpu]).all():
            raise _UnknownError(f"{whose}, some streams have no encoding time: they were imported")
    for one, other in (then, here), (beside_then, beside_here):
        if {*map(point_key, one.points)} != {*map(point_key, other.points)}:
            raise _UnknownError(f"{one.name} was timed at other points")
    times = [codec.encode_cpu for codec in (then, beside_then, here, beside_here)]
    weights = _weights(len(now.images))
    codec_then, other_then, codec_now, other_now = (
        np.concatenate([[seconds.sum()], weights @ seconds]) for seconds in times
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        was, is_now = codec_then / other_then, codec_now / other_now
        change = is_now / was
    low, high = _interval(change[1:])
    minimum_detectable = max(float(change[0]) / low, 1.0)
    outcome, why = _outcome(rule, low, high, minimum_detectable)
    figures = float(was[0]), float(is_now[0]), float(change[0])
    return Verdict(rule, outcome, why, "", rule.metric, *figures, (low, high), minimum_detectable)


_JUDGES = {"point": _judge_points, "bd-rate": _judge_bd_rate, "time": _judge_time}


def _weights(images: int) -> FloatArray:
    if images < 2:
        raise _UnknownError("one image has no interval")
    return resample_weights(images)


def _interval(values: FloatArray) -> tuple[float, float]:
    defined = np.isfinite(values)
    if (~defined).mean() > MAXIMUM_UNDEFINED:
        share = 100 * (~defined).mean()
        raise _UnknownError(f"no interval: {share:.3g} % of the resamples are undefined")
    low, high = np.percentile(values[defined], [2.5, 97.5])
    return float(low), float(high)


def _outcome(rule: Rule, low: float, high: float, minimum_detectable: float) -> tuple[Outcome, str]:
    if low > rule.allowed:
        return "regression", "the whole interval lies beyond what is allowed"
    if minimum_detectable > rule.allowed:
        return "inconclusive", "the images scatter by more than is allowed; use more images"
    if high > rule.allowed:
        return "inconclusive", "the allowed change is within the interval; use more images"
    return "pass", ""


def _notes(baseline: Baseline, recorded: Recording, now: Recording) -> Iterator[str]:
    for name, codec in now.codecs.items():
        then = recorded.codecs.get(name)
        if then and then.fingerprint != codec.fingerprint:
            yield (
                f"{name} has changed since recorded: fingerprint {then.fingerprint[:12]} then, "
                f"{codec.fingerprint[:12]} now (its card, its program or its weights)"
            )
    if len(now.images) < FEW_IMAGES and any(rule.kind != "point" for rule in baseline.rules):
        yield f"only {counted(len(now.images), 'image')}: the intervals are too narrow"
    then_on, now_on = recorded.processor, now.processor
    if then_on != now_on and any(rule.kind == "time" for rule in baseline.rules):
        yield f"times were recorded on another processor, {then_on}; this is {now_on}"
