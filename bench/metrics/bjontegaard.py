"""Bjøntegaard deltas: how far one rate–quality curve lies from another, on average.

BD-rate is the mean difference of log-rate over the qualities both curves reach, in percent of
rate; BD-quality is the mean difference of quality over the log-rates both reach. Quality rises
with what is better. Each curve is interpolated and integrated in closed form
(``bench.metrics.interpolation``); a bootstrap asks for thousands of deltas, so they are computed
many at a time.

A figure that means nothing is NaN with the reason in words: where a curve's quality does not
rise strictly with its rate (unless the Pareto front is used), or where the overlap is
under 25 %. The overlap is the length of the range that both curves cover over the length of
the range that either covers: of quality for BD-rate, of log-rate for BD-quality.

A BD-rate may be limited to a range of quality: then it is the mean over exactly that range,
however little of the curves it is, and undefined where a curve does not span it. BD-quality has
no such range: its mean is over rates, and the same qualities are other rates on each curve.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bench.metrics.interpolation import FloatArray as FloatArray
from bench.metrics.interpolation import Integral, interpolate
from bench.metrics.interpolation import Method as Method

BoolArray = NDArray[np.bool_]
Kind = Literal["rate", "quality"]

MINIMUM_OVERLAP = 0.25


@dataclass(frozen=True, eq=False)
class Curve:
    """One codec's rate–quality curve, sorted by rate on creation."""

    rate: FloatArray
    quality: FloatArray
    name: str = ""

    def __post_init__(self) -> None:
        rate, quality = (np.asarray(v, dtype=np.float64) for v in (self.rate, self.quality))
        if rate.ndim != 1 or rate.shape != quality.shape:
            raise ValueError(f"a curve of {rate.shape} rates and {quality.shape} qualities")
        order = np.lexsort((-quality, rate))
        object.__setattr__(self, "rate", rate[order])
        object.__setattr__(self, "quality", quality[order])

    def __len__(self) -> int:
        return len(self.rate)

    @cached_property
    def alone(self) -> "Curves":
        """As the only one of many."""
        return Curves(self.rate[None], self.quality[None])

    def pareto_front(self) -> "Curve":
        """Only the points that no cheaper or equally cheap point reaches in quality."""
        kept = _raises_quality(self.quality)
        return Curve(self.rate[kept], self.quality[kept], self.name)


@dataclass(frozen=True, eq=False)
class Curves:
    """Many curves of equally many points: a curve a row, a point a column.

    Intermediate results are kept, as they are compared with several others.
    """

    rate: FloatArray
    quality: FloatArray

    def __post_init__(self) -> None:
        if self.rate.ndim != 2 or self.rate.shape != self.quality.shape:
            raise ValueError(f"curves of {self.rate.shape} rates, {self.quality.shape} qualities")

    @cached_property
    def _known(self) -> "dict[tuple[Kind, bool], _Functions]":
        return {}

    def functions(self, kind: Kind, pareto: bool) -> "_Functions":
        """These curves as functions, of quality for BD-rate, of rate for BD-quality."""
        if (kind, pareto) not in self._known:
            self._known[kind, pareto] = _Functions.of(self, kind, pareto)
        return self._known[kind, pareto]


@dataclass(frozen=True)
class Delta:
    """One Bjøntegaard figure, with all that qualifies it."""

    kind: Kind
    method: Method
    value: float  # percent of rate, or units of quality; NaN where undefined
    reason: str | None = None  # why it is undefined
    notes: tuple[str, ...] = ()
    # What was integrated over: qualities for BD-rate, rates for BD-quality.
    range: tuple[float, float] = (np.nan, np.nan)
    overlap: float = np.nan  # what both curves cover over what either covers, 0 to 1
    interval: tuple[float, float] | None = None  # 95 %


@dataclass(frozen=True, eq=False)
class Deltas:
    """One figure per pair of curves, as `Delta` has it, without the words."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    overlap: FloatArray  # NaN where a curve of the pair is not usable
    changed: BoolArray  # the Pareto front dropped a point of either curve


def bd(
    anchor: Curve,
    test: Curve,
    kind: Kind,
    *,
    method: Method = "akima",
    pareto: bool = False,
    between: tuple[float, float] | None = None,
) -> Delta:
    """BD-rate (optionally `between` two qualities) or BD-quality of `test` against `anchor`."""
    notes: list[str] = []
    pair: list[Curves] = []
    for curve, role in (anchor, "the anchor"), (test, "the test"):
        name = f"{curve.name or role}'s curve"
        reason = _not_numbers(curve, name)
        if pareto and not reason:
            front = curve.pareto_front()
            if dropped := len(curve) - len(front):
                notes.append(f"the Pareto front dropped {dropped} of {len(curve)} points of {name}")
            curve = front
        reason = reason or _too_short(curve, name, method) or _not_monotone(curve, name)
        reason = reason or _too_narrow(curve, name, between)
        if reason:
            return Delta(kind, method, np.nan, reason, tuple(notes))
        if len(curve) < 4:
            notes.append(f"{name} has only {len(curve)} points")
        pair.append(curve.alone)
    figures = deltas(pair[0], pair[1], kind, method, between=between)
    value, overlap, low, high = (
        float(v[0]) for v in (figures.value, figures.overlap, figures.low, figures.high)
    )
    reason = None
    axis = "quality" if kind == "rate" else "rate"
    if between is None and overlap == 0:
        reason, low, high = f"the curves have no {axis} in common", np.nan, np.nan
    elif between is None and overlap < MINIMUM_OVERLAP:
        reason = (
            f"the curves overlap only from {low:.4g} to {high:.4g} in {axis}, "
            f"{100 * overlap:.0f} % of their joint range; at least 25 % is needed"
        )
    elif np.isnan(value):
        reason = "the points lie too close together or too far apart to compute with"
    return Delta(kind, method, value, reason, tuple(notes), (low, high), overlap)


bd_rate = partial(bd, kind="rate")
"""How many percent more rate `test` needs than `anchor` for the same quality."""
bd_quality = partial(bd, kind="quality")
"""How much higher the quality of `test` is than `anchor`'s at the same rate."""


def _not_numbers(curve: Curve, name: str) -> str | None:
    if not np.isfinite(curve.rate).all() or (curve.rate <= 0).any():
        return f"{name} has a rate that is not a positive number"
    if not np.isfinite(curve.quality).all():
        bad = curve.rate[~np.isfinite(curve.quality)][0]
        return f"{name} has no finite quality at rate {bad:.4g}"
    return None


def _too_short(curve: Curve, name: str, method: Method) -> str | None:
    needed = 4 if method == "cubic" else 2
    if len(curve) >= needed:
        return None
    return f"{name} has too few points: {len(curve)}, and {method} needs {needed}"


def _not_monotone(curve: Curve, name: str) -> str | None:
    same_rate = np.diff(np.log10(curve.rate)) <= 0
    at_fault = np.flatnonzero(same_rate | (np.diff(curve.quality) <= 0))
    if not len(at_fault):
        return None
    i = at_fault[0]
    rate, next_rate = _two_numbers(curve.rate[i], curve.rate[i + 1])
    quality, next_quality = _two_numbers(curve.quality[i], curve.quality[i + 1])
    if same_rate[i]:
        return f"{name} has two points at the rate {rate}"
    what = f"falls from {quality} to {next_quality}"
    if quality == next_quality:
        what = f"stays at {quality}"
    return f"{name} is not monotone: quality {what} between the rates {rate} and {next_rate}"


def _too_narrow(curve: Curve, name: str, between: tuple[float, float] | None) -> str | None:
    first, last = curve.quality[0], curve.quality[-1]
    if between is None or (first <= between[0] and between[1] <= last):
        return None
    asked = f"{between[0]:.4g} to {between[1]:.4g}"
    return f"{name} does not span the range {asked}: its quality is {first:.4g} to {last:.4g}"


def _two_numbers(first: float, second: float) -> tuple[str, str]:
    """Both numbers, short, but with all digits where short ones would look the same."""
    short = f"{first:.4g}", f"{second:.4g}"
    return short if short[0] != short[1] else (str(first), str(second))


def deltas(
    anchor: Curves,
    test: Curves,
    kind: Kind,
    method: Method = "akima",
    pareto: bool = False,
    between: tuple[FloatArray | float, FloatArray | float] | None = None,
) -> Deltas:
    """The figure of each row of `test` against the same row of `anchor`; NaN where undefined.

    A BD-rate may be `between` two qualities, the same for all rows or a pair a row.
    """
    if method not in get_args(Method) or kind not in get_args(Kind):
        raise ValueError(f"no Bjøntegaard delta of {kind} by {method}")
    if between is not None and kind != "rate":
        raise ValueError("a range of quality is of a BD-rate only")
    a, t = (curves.functions(kind, pareto) for curves in (anchor, test))
    (a_start, a_end), (t_start, t_end) = a.ends, t.ends
    low, high = np.maximum(a_start, t_start), np.minimum(a_end, t_end)
    span = np.maximum(a_end, t_end) - np.minimum(a_start, t_start)
    overlap = np.full(len(low), np.nan)
    usable = a.usable & t.usable
    np.divide(np.maximum(high - low, 0), span, out=overlap, where=usable)
    defined = overlap >= MINIMUM_OVERLAP
    if between is not None:
        asked_low, asked_high = (np.broadcast_to(limit, low.shape) for limit in between)
        defined = usable & (low <= asked_low) & (asked_low < asked_high) & (asked_high <= high)
        low, high = asked_low, asked_high
    with np.errstate(all="ignore"):  # points too close to compute with end as NaN below
        difference = t.integral(low, high, method) - a.integral(low, high, method)
        difference /= high - low
        value = 100 * np.expm1(np.log(10) * difference) if kind == "rate" else difference
        value[~(np.isfinite(value) & defined)] = np.nan
        if kind == "quality":
            low, high = 10**low, 10**high
    return Deltas(value, low, high, overlap, a.changed | t.changed)


@dataclass(frozen=True, eq=False)
class _Functions:
    """Curves as functions y(x) to integrate: a point a row, a curve a column, sorted."""

    x: FloatArray
    y: FloatArray
    kept: BoolArray  # which points count
    usable: BoolArray
    changed: BoolArray

    @classmethod
    def of(cls, curves: Curves, kind: Kind, pareto: bool) -> "_Functions":
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.log10(curves.rate.T, order="C")
        quality = np.ascontiguousarray(curves.quality.T)
        if not (rate[1:] > rate[:-1]).all():
            order = np.lexsort((-quality, rate), axis=0)
            rate, quality = (np.take_along_axis(v, order, axis=0) for v in (rate, quality))
        usable: BoolArray = np.logical_and.reduce(np.isfinite(rate) & np.isfinite(quality))
        kept = _raises_quality(quality)
        changed = usable & ~np.logical_and.reduce(kept)
        usable &= kept.sum(axis=0) >= 2
        if not pareto:
            usable &= ~changed
            changed = np.zeros_like(changed)
        x, y = (quality, rate) if kind == "rate" else (rate, quality)
        return cls(x, y, kept, usable, changed)

    @cached_property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        counts = self.kept & self.usable
        start = np.where(counts, self.x, np.inf).min(axis=0, initial=np.inf)
        end = np.where(counts, self.x, -np.inf).max(axis=0, initial=-np.inf)
        return start, end

    def integral(self, low: FloatArray, high: FloatArray, method: Method) -> FloatArray:
        """Of each usable curve, from low to high."""
        result = np.full(len(self.usable), np.nan)
        if method not in self._fits:
            self._fits[method] = list(self._fit(method))
        for columns, integral in self._fits[method]:
            result[columns] = integral(low[columns], high[columns])
        return result

    @cached_property
    def _fits(self) -> dict[Method, list[tuple[NDArray[np.intp], Integral]]]:
        return {}

    def _fit(self, method: Method) -> Iterator[tuple[NDArray[np.intp], Integral]]:
        """The curves of equally many points, at a time."""
        columns = np.flatnonzero(self.usable)
        count = self.kept[:, columns].sum(axis=0)
        for points in np.unique(count):
            these = columns[count == points]
            rows = np.argsort(~self.kept[:, these], axis=0, kind="stable")[:points]
            yield these, interpolate(self.x[rows, these], self.y[rows, these], method)


def _raises_quality(quality: FloatArray) -> BoolArray:
    """Where the quality exceeds that of all earlier rows."""
    raises: BoolArray = np.ones(quality.shape, dtype=np.bool_)
    raises[1:] = quality[1:] > np.maximum.accumulate(quality, axis=0)[:-1]
    return raises
