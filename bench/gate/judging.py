"""Applies the rules to results and a recording, image by image.

A BD-rate's change is the difference between two curves of a codec, the recorded and the present
one, each against the *recorded* curve of the anchor: a worse anchor cannot hide a regression. Its
95 % interval comes from resampling the images, the same draw for all three curves; so does that of
an encoding time's ratio. A rule

- is broken if the interval lies above what it allows;
- passes if the interval ends at or below that, and is no wider on its lower side than what is
  allowed: values that scatter more could hide a regression that the rule is there to see;
- is inconclusive otherwise.

A point's rate and quality are means over the same images, then and now: their difference is exact,
and one beyond the tolerance, up or down, breaks the rule. It is a regression if any point got worse
(more bits or less quality); otherwise the codec has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.codecs.catalog import full_name
from bench.gate.recording import RecordedCodec, Recording
from bench.gate.rules import Rule
from bench.gate.verdicts import Check, Outcome, Verdict
from bench.metrics import scorer_of
from bench.metrics.between import QualityRange
from bench.metrics.bjontegaard import FloatArray, bd, deltas
from bench.metrics.measure import figure_called
from bench.metrics.resampling import FEW_IMAGES, CurveSample, interval_of, resample_weights
from bench.metrics.task_sample import TaskSample
from bench.runtime.text import counted


class _UnknownError(Exception):
    """Why a rule cannot be judged."""


def judge(
    baseline: Path,
    rules: Sequence[Rule],
    recorded: Recording,
    now: Recording,
    failures: Mapping[str, str],
) -> Check:
    """``failures`` has the failed operations of each codec, with the first reason."""
    verdicts = []
    for rule in rules:
        try:
            _check_images(recorded, now)
            verdicts.append(_JUDGES[rule.kind](rule, recorded, now))
        except _UnknownError as error:
            failed = failures.get(full_name(rule.codec, now.codecs))
            why = f"{error} ({failed})" if failed else str(error)
            verdicts.append(Verdict(rule, "inconclusive", why))
    notes = tuple(_notes(rules, recorded, now))
    return Check(baseline, now.data, recorded.date, len(now.images), tuple(verdicts), notes)


def _check_images(recorded: Recording, now: Recording) -> None:
    if recorded.version != now.version:
        raise _UnknownError(
            f"recorded on version {recorded.version} of {recorded.data}, this is version "
            f"{now.version}; record again with --record"
        )
    if (recorded.digest, recorded.images) != (now.digest, now.images):
        raise _UnknownError(
            f"other images: {recorded.data} was recorded with digest {recorded.digest[:12]}, "
            f"here it is {now.digest[:12]}"
        )


def _recorded(name: str, recorded: Recording) -> RecordedCodec:
    return _codec(name, recorded, "in the recording; --record makes one with it")


def _both(name: str, recorded: Recording, now: Recording) -> tuple[RecordedCodec, RecordedCodec]:
    return _recorded(name, recorded), _codec(name, now, "among the results")


def _codec(name: str, recording: Recording, where: str) -> RecordedCodec:
    name = full_name(name, recording.codecs)
    if name not in recording.codecs:
        raise _UnknownError(f"{name} is not {where}")
    return recording.codecs[name]


def _metric(rule: Rule, recorded: Recording, now: Recording) -> str:
    """The metric's full name, after checking that both sides measured it in the same way."""
    name = rule.metric
    if figure_called(name):
        tasks = [task for task in now.versions if scorer_of(task) and task.startswith(f"{name}:")]
        if len(tasks) != 1:
            known = ", ".join(tasks) or "no task networks"
            raise _UnknownError(f"ambiguous metric '{name}'; known: {known}")
        (name,) = tasks
    for recording, measured in (recorded, "recorded; --record does"), (now, "measured"):
        if name not in recording.versions:
            raise _UnknownError(f"{name} was not {measured}")
    if recorded.versions[name] != now.versions[name]:
        raise _UnknownError(
            f"{name} was recorded with another version of it; record again with --record"
        )
    if scorer_of(name) and recorded.labels != now.labels:
        raise _UnknownError(f"{name} was recorded with other labels; record again with --record")
    return name


def _curves(
    metric: str, *codecs: RecordedCodec, now: RecordedCodec
) -> list[CurveSample | TaskSample]:
    """The curves of recorded codecs, and of the one that was run now; all are complete."""
    curves = [codec.sample(metric) for codec in (*codecs, now)]
    for curve in curves:
        if missing := curve.missing():
            raise _UnknownError(missing if curve is curves[-1] else f"in the recording, {missing}")
    return curves


def _judge_points(rule: Rule, recorded: Recording, now: Recording) -> Verdict:
    then, here = _both(rule.codec, recorded, now)
    if set(then.point_keys) != set(here.point_keys):
        had, has = (", ".join(map(str, codec.points)) for codec in (then, here))
        why = f"its points are {here.unit} {has}; {had} were recorded"
        return Verdict(rule, "changed", why)
    metric = rule.metric if rule.metric == "bpp" else _metric(rule, recorded, now)
    _curves(metric, then, now=here)
    order = [here.point_keys.index(key) for key in then.point_keys]
    (_, was, _), (_, is_now, _) = then.curve(metric), here.curve(metric)
    is_now = is_now[order]
    change = is_now - was
    if rule.unit == "%":
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.where(change == 0, 0, 100 * change / np.abs(was))
    if np.isnan(change).any():
        raise _UnknownError(f"{metric} is not defined at each point")
    points = counted(len(change), "point")
    if not change.any():
        return Verdict(
            rule, "pass", "", points, metric, change=0.0, minimum_detectable=rule.allowed
        )
    worse = change if metric == "bpp" else -change  # a point's rules are about rate and quality
    is_worse = bool((worse > rule.allowed).any())
    most = int((worse if is_worse else np.abs(change)).argmax())
    beyond = {"higher": change > rule.allowed, "lower": change < -rule.allowed}
    moved = [f"{way} at {which.sum()}" for way, which in beyond.items() if which.any()]
    outcome: Outcome = "regression" if is_worse else "changed" if moved else "pass"
    why = f"{' and '.join(moved)} of {points}, beyond the tolerance" if moved else ""
    if outcome == "changed":
        why += "; if this is intended, record again with --record"
    figures = float(was[most]), float(is_now[most]), float(change[most])
    where = f"{then.unit} {then.points[most]}"
    return Verdict(rule, outcome, why, where, metric, *figures, minimum_detectable=rule.allowed)


def _judge_bd_rate(rule: Rule, recorded: Recording, now: Recording) -> Verdict:
    then, here = _both(rule.codec, recorded, now)
    metric = _metric(rule, recorded, now)
    anchor = _recorded(str(rule.other), recorded)
    curves = _curves(metric, anchor, then, now=here)
    reference, before, after = (curve.mean_curve for curve in curves)
    qualities = _qualities(rule, metric, recorded)
    limits = qualities.of_set() if qualities else None
    was, is_now = (bd(reference, curve, "rate", between=limits) for curve in (before, after))
    if was.reason or is_now.reason:
        raise _UnknownError(f"in the recording, {was.reason}" if was.reason else str(is_now.reason))
    weights = _weights(len(now.images))
    limits_of_each = qualities.resampled(weights) if qualities else None
    references, befores, afters = (curve.resampled(weights) for curve in curves)
    figures_then, figures_now = (
        deltas(references, curves, "rate", pareto=True, between=limits_of_each).value
        for curves in (befores, afters)
    )
    change = is_now.value - was.value
    figures = was.value, is_now.value, change
    return _by_interval(rule, metric, figures, figures_now - figures_then)


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
    other_then, other_here = _both(str(rule.other), recorded, now)
    for one, other, where in (then, other_then, "in the recording"), (here, other_here, "here"):
        if one.run is None or one.run != other.run:
            raise _UnknownError(
                f"{where}, {one.name} and {other.name} were not timed in one run; "
                "use an empty --results folder"
            )
        if not np.isfinite([one.encode_cpu, other.encode_cpu]).all():
            raise _UnknownError(f"{where}, some streams have no encoding time: they were imported")
    for one, other in (then, here), (other_then, other_here):
        if set(one.point_keys) != set(other.point_keys):
            raise _UnknownError(f"{one.name} was timed at other points")
    weights = _weights(len(now.images))
    # Each array has the sum over all images, then that of each resample.
    codec_then, reference_then, codec_now, reference_now = (
        np.concatenate([[codec.encode_cpu.sum()], weights @ codec.encode_cpu])
        for codec in (then, other_then, here, other_here)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        was, is_now = codec_then / reference_then, codec_now / reference_now
        change = is_now / was
    figures = float(was[0]), float(is_now[0]), float(change[0])
    return _by_interval(rule, rule.metric, figures, change[1:])


_JUDGES = {"point": _judge_points, "bd-rate": _judge_bd_rate, "time": _judge_time}


def _weights(images: int) -> FloatArray:
    if images < 2:
        raise _UnknownError("one image has no interval")
    return resample_weights(images)


def _by_interval(
    rule: Rule, metric: str, figures: tuple[float, float, float], changes: FloatArray
) -> Verdict:
    """The verdict on ``figures``: was, now and change; ``changes`` are those of the resamples."""
    interval = interval_of(np.where(np.isfinite(changes), changes, np.nan))
    if interval.bounds is None:
        share = f"{100 * interval.undefined:.3g} % of the resamples are undefined"
        raise _UnknownError(f"no interval: {share}")
    low, high = interval.bounds
    change = figures[-1]
    detectable = max(change / low, 1.0) if rule.kind == "time" else max(change - low, 0.0)
    outcome: Outcome = "inconclusive"
    if low > rule.allowed:
        outcome, why = "regression", "the whole interval lies beyond what is allowed"
    elif detectable > rule.allowed:
        why = "the images scatter by more than is allowed; use more images"
    elif high > rule.allowed:
        why = "the allowed change is within the interval; use more images"
    else:
        outcome, why = "pass", ""
    return Verdict(rule, outcome, why, "", metric, *figures, (low, high), detectable)


def _notes(rules: Sequence[Rule], recorded: Recording, now: Recording) -> Iterator[str]:
    for name, codec in now.codecs.items():
        then = recorded.codecs.get(name)
        if then and then.fingerprint != codec.fingerprint:
            yield (
                f"{name} has changed since recorded: fingerprint {then.fingerprint[:12]} then, "
                f"{codec.fingerprint[:12]} now (its card, its program or its weights)"
            )
    if len(now.images) < FEW_IMAGES and any(rule.kind != "point" for rule in rules):
        yield f"only {counted(len(now.images), 'image')}: the intervals are too narrow"
    then_on, now_on = recorded.processor, now.processor
    if then_on != now_on and any(rule.kind == "time" for rule in rules):
        yield f"times were recorded on another processor, {then_on}; this is {now_on}"
