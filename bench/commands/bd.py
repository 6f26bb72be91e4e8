"""Bjøntegaard figures of curves in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack, overload

from bench.errors import DataError
from bench.metrics.bjontegaard import Delta, Method, bd_quality, bd_rate
from bench.report.curve_files import FileCurve, read_pair
from bench.report.file_curves import draw_files

_FORMATS = (".pdf", ".png", ".svg")
_FIGURES = (bd_rate, bd_quality)


@dataclass(frozen=True)
class Difference:
    """One curve against another, by both Bjøntegaard figures."""

    anchor: FileCurve
    test: FileCurve
    rate: Delta
    quality: Delta


class _Options(TypedDict, total=False):
    metric: str | None
    test_metric: str | None
    rate: str | None
    test_rate: str | None
    method: Method
    pareto: bool
    out: Path | None


@overload
def bd(anchor: str, test: str, **options: Unpack[_Options]) -> Difference: ...
@overload
def bd(
    anchor: str, test: list[str] | tuple[str, ...], **options: Unpack[_Options]
) -> list[Difference]: ...
def bd(
    anchor: str,
    test: str | list[str] | tuple[str, ...],
    *,
    metric: str | None = None,
    test_metric: str | None = None,
    rate: str | None = None,
    test_rate: str | None = None,
    method: Method = "akima",
    pareto: bool = False,
    out: Path | None = None,
) -> Difference | list[Difference]:
    """Compare a curve, or each of several, with an anchor; each is ``FILE`` or ``FILE:CODEC``.

    ``out`` is a PDF, PNG or SVG file for the curves.
    """
    if out is not None and out.suffix.lower() not in _FORMATS:
        raise DataError(f"{out}: unknown format; expected {', '.join(_FORMATS)}")
    found = []
    for each in [test] if isinstance(test, str) else test:
        one, other = read_pair(
            anchor, each, metric=metric, test_metric=test_metric, rate=rate, test_rate=test_rate
        )
        figures = (of(one.curve, other.curve, method=method, pareto=pareto) for of in _FIGURES)
        found.append(Difference(one, other, *figures))
    if out is not None:
        draw_files([(each.anchor, each.test) for each in found], out)
    return found[0] if isinstance(test, str) else found
