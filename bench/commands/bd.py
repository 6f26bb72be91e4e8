"""Bjøntegaard figures of curves in files."""

from __future__ import annotations

from dataclasses import dataclass

from bench.metrics.bjontegaard import Delta, Method, bd_quality, bd_rate
from bench.report.curve_files import FileCurve, read_pair


@dataclass(frozen=True)
class Difference:
    """One curve against another, by both Bjøntegaard figures."""

    anchor: FileCurve
    test: FileCurve
    rate: Delta
    quality: Delta


def bd(
    anchor: str,
    test: str,
    *,
    metric: str | None = None,
    test_metric: str | None = None,
    rate: str | None = None,
    test_rate: str | None = None,
    method: Method = "akima",
    pareto: bool = False,
) -> Difference:
    """Compare two curves, each ``FILE`` or ``FILE:CODEC``."""
    one, other = read_pair(
        anchor, test, metric=metric, test_metric=test_metric, rate=rate, test_rate=test_rate
    )
    return Difference(
        one,
        other,
        bd_rate(one.curve, other.curve, method=method, pareto=pareto),
        bd_quality(one.curve, other.curve, method=method, pareto=pareto),
    )
