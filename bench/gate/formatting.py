"""The text and figures of a check, for the terminal and for CI."""

from __future__ import annotations

import math
from collections import Counter

from bench.gate.verdicts import Check, Verdict
from bench.report.formatting import NOTHING, mean, signed
from bench.runtime.text import counted

HEADINGS = ("was", "now", "change", "95 % interval", "detectable from")
EXPLAINED = (
    "The interval is of the change, by resampling the images in pairs. A regression smaller than "
    "“detectable from” could not have shown on these images."
)


def title(check: Check) -> str:
    if not check.recorded:
        return check.data
    return f"{check.data}, {counted(check.images, 'image')}, recorded {check.recorded}"


def summary(check: Check) -> str:
    """The number of rules with each outcome, the worst first."""
    counts = Counter(verdict.outcome for verdict in check.verdicts)
    parts = [counted(counts["regression"], "regression")] if counts["regression"] else []
    parts += [f"{counts[name]} {name}" for name in ("changed", "inconclusive") if counts[name]]
    passed = f"{counts['pass']} of {counted(len(check.verdicts), 'rule')} passed"
    return ", ".join([*parts, passed])


def figures(verdict: Verdict) -> tuple[str, ...]:
    """The verdict's figures, one for each heading."""
    if not math.isfinite(verdict.change):
        return (NOTHING,) * len(HEADINGS)
    low, high = verdict.interval or (math.nan, math.nan)
    return (
        _value(verdict, verdict.was),
        _value(verdict, verdict.now),
        _change(verdict, verdict.change),
        f"{_bare(verdict, low)} to {_bare(verdict, high)}" if verdict.interval else NOTHING,
        _minimum_detectable(verdict),
    )


def _value(verdict: Verdict, value: float) -> str:
    if verdict.rule.kind == "bd-rate":
        return signed(value, "%")
    if verdict.rule.kind == "time":
        return f"×{value:#.3g}"
    return mean(verdict.metric, value)


def _change(verdict: Verdict, value: float) -> str:
    unit = verdict.rule.unit
    return _bare(verdict, value) if unit == "×" else f"{_bare(verdict, value)} {unit}"


def _bare(verdict: Verdict, value: float) -> str:
    """A difference without its unit; for times, a factor."""
    if verdict.rule.kind == "time":
        return f"×{value:.2f}"
    if value == 0:
        return "0"
    return f"{value:+.2f}" if abs(value) >= 0.1 else f"{value:+.2g}"


def _minimum_detectable(verdict: Verdict) -> str:
    """The smallest detectable change: any, if only the last digits of floats scatter."""
    if verdict.rule.kind == "point":
        return f"{verdict.minimum_detectable:g} {verdict.rule.unit}"
    nothing = 1 if verdict.rule.kind == "time" else 0
    any_change = verdict.minimum_detectable - nothing < 1e-6
    return "any" if any_change else _change(verdict, verdict.minimum_detectable)
