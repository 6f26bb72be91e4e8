"""What a report says in words and numbers, for the terminal and for the page alike."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.metrics import Group, describe, scorer_of, wap_of
from bench.metrics.task_sample import SetScore
from bench.report.compare import MEAN_OF_IMAGES, Comparison, Report
from bench.runtime.leftovers import TEMPORARY
from bench.runtime.text import one_line
from bench.store import CodecResults, TaskResults

NOTHING = "–"
_MEANS = (
    "Rate and quality are means over the images at each point; times are seconds of CPU an image."
)
SCORES = "wAP, AP and AP50 are of the whole set, not means over its images."
PARTIAL = "* some images are missing: the mean is over those that are there"
ALONE = "one codec: curves only; with a second --codec they are compared"
NO_ANCHOR = "no anchor: curves only; --anchor NAME compares"


def means(report: Report) -> str:
    """What the table of means holds, and what a paper calls its metrics."""
    footnotes = (describe(metric).footnote for metric in report.metrics)
    return " ".join([_MEANS, *filter(None, footnotes)])


def against(report: Report) -> str:
    """Whom the codecs are compared with, and why."""
    return (
        f"Against {report.anchor} ({report.anchor_why}), by {report.method}; less rate is better."
    )


def averages(report: Report) -> str:
    """What the Bjøntegaard averages are."""
    two = any(MEAN_OF_IMAGES in each.defined for each in compared(report))
    which = (
        "In the first line the BD of the set's mean curve, in the second the mean of the images' "
        "own BD."
        if two
        else "BD is that of the set's curve."
    )
    return f"{against(report)} {which} Intervals hold 95 %, by resampling the images."


def heading(metric: str) -> str:
    """A metric's title, short, and its unit."""
    costs = {"encode_cpu": "encode CPU s", "decode_cpu": "decode CPU s", "bpp": "bpp"}
    return costs.get(metric) or f"{short_title(metric)} {describe(metric).unit}".rstrip()


def short_title(metric: str) -> str:
    """A metric's title without what follows a comma."""
    return describe(metric).title.partition(", ")[0]


def mean(metric: str, value: float) -> str:
    """The mean of a metric."""
    if not math.isfinite(value):
        return NOTHING
    if metric == "bpp":
        return f"{value:.4f}" if value < 100 else f"{value:.1f}"
    if describe(metric).unit == "s":
        return f"{value:.{4 if value < 0.01 else 3 if value < 10 else 1}f}"
    if describe(metric).group is Group.TASK:
        return f"{value:.3f}"
    return f"{value:.2f}"


def gain(metric: str, value: float) -> str:
    """A difference of quality."""
    if describe(metric).group is Group.TASK and math.isfinite(value):
        return f"{value:+.4f}"
    return signed(value, describe(metric).unit)


def precision(value: float) -> str:
    """An average precision."""
    return f"{value:.3f}" if math.isfinite(value) else NOTHING


def precision_interval(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:.3f} to {bounds[1]:.3f}" if bounds else NOTHING


def signed(value: float, unit: str = "") -> str:
    """A difference with its sign, in about four digits."""
    if not math.isfinite(value):
        return NOTHING
    digits = 2 if abs(value) < 100 else 1 if abs(value) < 1000 else 0
    return f"{value:+.{digits}f} {unit}".rstrip()


def interval(bounds: tuple[float, float] | None) -> str:
    return f"{signed(bounds[0])} to {signed(bounds[1])}" if bounds else NOTHING


def span(bounds: tuple[float, float]) -> str:
    """What was integrated over."""
    low, high = bounds
    return f"{_four_digits(low)} to {_four_digits(high)}" if math.isfinite(low + high) else NOTHING


def _four_digits(value: float) -> str:
    whole = math.floor(math.log10(abs(value))) + 1 if value else 1
    return f"{value:.{min(max(4 - whole, 0), 3)}f}"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else NOTHING


def traits(codec: CodecResults, report: Report) -> str:
    """What one has to know of a codec wherever it is shown."""
    told = {
        "anchor": codec.name == report.anchor,
        "oracle": codec.oracle,
        "incomplete": codec.missing > 0,
    }
    return ", ".join(trait for trait, holds in told.items() if holds)


def version(codec: CodecResults) -> str:
    """The version that ran, where the codec's title does not say it."""
    if codec.version is None or codec.version in codec.title:
        return ""
    return f"version {codec.version}" if codec.version[0].isdigit() else codec.version


def compared(report: Report) -> list[Comparison]:
    """The comparisons of two curves that have all their images."""
    incomplete = {codec.name for codec in report.results.codecs if codec.missing}
    if report.anchor in incomplete:
        return []
    return [comparison for comparison in report.comparisons if comparison.codec not in incomplete]


def failures(report: Report, most: int) -> list[str]:
    """Each reason once, with what failed for it; after the first few only how many more."""
    by_reason: dict[str, list[tuple[str, str]]] = {}
    units = {codec.name: codec.unit for codec in report.results.codecs}
    for codec, image, point, reason in report.results.failures:
        what = f"{image}, {units[codec]} {point}"
        by_reason.setdefault(_reason(reason), []).append((codec, what))
    shown = [f"{_what_failed(failed)}: {said}" for said, failed in by_reason.items()][:most]
    more = sum(len(failed) for failed in list(by_reason.values())[most:])
    return [*shown, f"and {more} more"] if more else shown


def _what_failed(failed: Sequence[tuple[str, str]]) -> str:
    """One operation, or how many of each codec, with an example."""
    counts = Counter(codec for codec, _ in failed)
    codec, what = failed[0]
    if len(failed) == 1:
        return f"{codec}, {what}"
    if len(counts) == 1:
        return f"{codec}, {len(failed)} times, such as {what}"
    return ", ".join(f"{codec} ({n} times)" if n > 1 else codec for codec, n in counts.items())


def _reason(reason: str) -> str:
    """What went wrong, alike for all that it happened to: temporary folders have many names."""
    return re.sub(rf"[^\s'\"]*/{TEMPORARY.pattern}\w*", "…", one_line(reason))


def mean_columns(report: Report) -> Sequence[str]:
    """Of the table of means; what only a set has is in a table of its own."""
    measured = [metric for metric in report.metrics if scorer_of(metric) is None]
    return ("bpp", *measured, "encode_cpu", "decode_cpu")


@dataclass(frozen=True)
class ScoreRow:
    """What a task network scores at one point of a codec, or on the uncompressed images."""

    codec: CodecResults | None
    point: str
    bpp: float
    score: SetScore | None

    def cells(self) -> tuple[str, ...]:
        """Rate, wAP with its interval, AP and AP50."""
        rate = mean("bpp", self.bpp)
        if self.score is None:
            return rate, NOTHING, NOTHING, NOTHING, NOTHING
        found = self.score.found
        bounds = precision_interval(self.score.interval)
        return rate, precision(found.wap), bounds, precision(found.ap), precision(found.ap50)


def score_rows(report: Report, task: TaskResults) -> Iterator[ScoreRow]:
    """The uncompressed images first."""
    yield ScoreRow(None, "uncompressed", math.nan, task.ceiling)
    for codec in report.results.codecs:
        scores = codec.scores.get(task.name)
        if scores is None:
            continue
        rates, _, _ = codec.curve(wap_of(task.name))
        for point, rate, score in zip(codec.points, rates, scores, strict=True):
            yield ScoreRow(codec, f"{codec.unit} {point}", float(rate), score)
