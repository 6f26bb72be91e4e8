"""The range of quality of a BD-rate: ``60%,95%``, ``30,40`` or ``psnr_y=30,40``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.errors import DataError
from bench.metrics.bjontegaard import FloatArray
from bench.metrics.measure import figure_called
from bench.metrics.table import Group, describe, scorer_of
from bench.metrics.task_sample import SetScore

EXPECTED = "expected LOW%,HIGH% of the uncompressed accuracy, or [METRIC=]LOW,HIGH in its unit"
_NUMBER = r"\d+(?:\.\d+)?"
_RANGE = re.compile(
    rf"(?:(?P<metric>.+)=)?(?P<low>{_NUMBER})(?P<percent>%?),(?P<high>{_NUMBER})(?P=percent)"
)


@dataclass(frozen=True)
class Between:
    """A range of quality as the user gives it."""

    low: float
    high: float
    percent: bool  # of the uncompressed accuracy, else in the metric's unit
    metric: str = ""  # empty: in units, of the only metric; in percent, of every task network

    def __str__(self) -> str:
        unit = "%" if self.percent else ""
        return f"{self.low:g}{unit},{self.high:g}{unit}"

    def applies_to(self, metric: str) -> bool:
        if self.of_tasks and scorer_of(metric):
            return self.metric in ("", metric.partition(":")[0])
        return metric == self.metric

    @property
    def of_tasks(self) -> bool:
        """Whether it is of every task network, or of those with a figure."""
        return figure_called(self.metric) is not None if self.metric else self.percent

    def among(self, compared: Sequence[str], named: Sequence[str]) -> Between:
        """The range among the compared metrics, of which the user may have named some."""
        invalid = f"invalid range of quality '{self}'"
        if self.of_tasks:
            if not any(map(self.applies_to, compared)):
                raise DataError(f"{invalid}: percentages need a task; there is no task here")
            return self
        candidates = [self.metric] if self.metric else list(dict.fromkeys(named or compared))
        if len(candidates) != 1:
            raise DataError(f"{invalid}: of which metric? write METRIC={self}")
        if candidates[0] not in compared:
            there = ", ".join(compared) or "none"
            raise DataError(f"{invalid}: {candidates[0]} is not compared; the metrics are {there}")
        return replace(self, metric=candidates[0])


def parse_between(text: str, metric: str = "") -> Between:
    """The range that a text names, of a given metric or of the one in the text."""
    invalid = f"invalid range of quality '{text}'"
    found = _RANGE.fullmatch(text.replace(" ", ""))
    if found is None:
        raise DataError(f"{invalid}; {EXPECTED}")
    low, high, percent = float(found["low"]), float(found["high"]), bool(found["percent"])
    if not low < high:
        raise DataError(f"{invalid}: {low:g} is not below {high:g}")
    if metric and found["metric"]:
        raise DataError(f"{invalid}: it is of {metric}; expected LOW,HIGH")
    metric = metric or found["metric"] or ""
    if metric and not scorer_of(metric) and figure_called(metric) is None:
        described = describe(metric)
        if described.group is not Group.QUALITY:
            raise DataError(f"{invalid}: {metric} is not a quality metric")
        if percent:
            unit = described.unit or "its own unit"
            raise DataError(f"{invalid}: {metric} has no percentages; expected LOW,HIGH in {unit}")
    return Between(low, high, percent, metric)


@dataclass(frozen=True, eq=False)
class QualityRange:
    """The qualities that a BD-rate is integrated over, of the set and of each resample."""

    asked: Between
    uncompressed: SetScore | None = None  # what the task network scores without a codec

    def missing(self) -> str | None:
        """Why the range is unknown."""
        if not self.asked.percent:
            return None
        if self.uncompressed is None:
            return "the task network has not seen all the uncompressed images"
        return None if self.uncompressed.value > 0 else "the uncompressed images score nothing"

    def of_set(self) -> tuple[float, float]:
        if not self.asked.percent:
            return self.asked.low, self.asked.high
        assert self.uncompressed is not None
        whole = self.uncompressed.value
        return self.asked.low / 100 * whole, self.asked.high / 100 * whole

    def resampled(self, weights: FloatArray) -> tuple[FloatArray | float, FloatArray | float]:
        """Of each resample, a row of ``resample_weights`` each.

        Percentages are of the resample's own uncompressed accuracy, since the bootstrap repeats
        all that is done with the set, and that accuracy is measured on the set, too. With the
        set's range for all, a draw of harder images, which lower the codecs' accuracy and the
        uncompressed one alike, would not reach the range, and the interval would be that of the
        easier draws alone.
        """
        if not self.asked.percent:
            return self.asked.low, self.asked.high
        assert self.uncompressed is not None
        whole = self.uncompressed.resampled(weights)
        return self.asked.low / 100 * whole, self.asked.high / 100 * whole
