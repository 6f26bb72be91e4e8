"""What qualifies the figures of a report, or says why there are none: each thing once.

A note names the figures that it is about, with the codecs and the metrics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from bench.codecs.catalog import short_name
from bench.metrics import describe, scorer_of, why_undefined
from bench.metrics.bjontegaard import Delta
from bench.report.compare import MEAN_OF_IMAGES, Comparison, Report
from bench.report.formatting import short_title
from bench.runtime.leftovers import TEMPORARY
from bench.runtime.text import grouped, listed, one_line
from bench.store import CodecResults, TaskResults

_SHARED = "the curves have less than 25 % of their {} in common"


def notes(report: Report) -> list[str]:
    """All that one has to know of the figures."""
    told = [_missing(codec, report) for codec in report.results.codecs if codec.missing]
    told += [_between(report), _not_compared(report), *_of_figures(report)]
    told += [_truth(task) for task in report.results.tasks]
    told += [_too_small(metric, report) for metric in report.metrics if scorer_of(metric) is None]
    return [note for note in dict.fromkeys([*told, *report.results.notes]) if note]


def _between(report: Report) -> str:
    """Which qualities were asked for."""
    asked = report.between
    if asked is None or not report.complete_comparisons:
        return ""
    its = next(metric for metric in report.metrics if asked.applies_to(metric))
    of = "% of that of the uncompressed images" if asked.percent else describe(its).unit
    by, qualities = short_title(its), f"{asked.low:g} to {asked.high:g} {of}".rstrip()
    return f"BD-rates by {by} are over {qualities}; other figures, over all that two curves share"


def _not_compared(report: Report) -> str:
    """One sentence of all metrics by which codecs cannot be compared, and why."""
    comparisons = report.complete_comparisons
    everyone = {each.codec for each in comparisons}
    codecs = grouped(
        ((_why_not(each, report.anchor), short_title(each.metric)), each.codec)
        for each in comparisons
        if not each.defined
    )
    metrics = grouped(
        (why, ("" if {*its} == everyone else f" for {listed(_short(its, report))}", metric))
        for (why, metric), its in codecs.items()
    )
    told = []
    for why, groups in metrics.items():  # first what holds for all codecs
        by = [f"by {listed(titles)}{whom}" for whom, titles in sorted(grouped(groups).items())]
        told.append(f"{', nor '.join(by)}: {why}")
    return f"no comparison {'; '.join(told)}" if told else ""


def _why_not(comparison: Comparison, anchor: str | None) -> str:
    """Why neither figure of it is there."""
    rate, quality = comparison.rate, comparison.quality
    if np.isfinite(rate.overlap):
        return _SHARED.format("qualities and of their rates")
    return _cause(rate if rate.reason else quality, anchor)


def _cause(figure: Delta, anchor: str | None) -> str:
    """Why there is no figure, in words that are the same for all codecs; the CSV has the rest."""
    if np.isfinite(figure.overlap):
        return _SHARED.format("qualities" if figure.kind == "rate" else "rates")
    reason = str(figure.reason)
    if "not monotone" not in reason:
        return reason
    if reason.startswith(f"{anchor}'s curve"):
        return "the anchor's curve is not monotone (--pareto takes its Pareto front)"
    return "the codecs' curves are not monotone (--pareto takes their Pareto fronts)"


def _of_figures(report: Report) -> list[str]:
    """The notes of all figures that there are, and of others of the same comparisons why not."""
    shown = [comparison for comparison in report.complete_comparisons if comparison.defined]
    about = grouped(
        (text, (comparison.codec, (figure, short_title(comparison.metric))))
        for comparison in shown
        for figure, text in _figure_notes(comparison, report.anchor)
    )
    every = sum(len(comparison.figures) for comparison in shown)
    told = []
    for text, figures in about.items():
        whom = "all figures" if len(figures) == every else _figures_and_codecs(figures, report)
        told.append(f"{whom}: {text}")
    return told


def _figure_notes(comparison: Comparison, anchor: str | None) -> Iterator[tuple[str, str]]:
    for name, figure in comparison.defined.items():
        yield from ((name, note) for note in figure.notes)
    rate, quality, images = comparison.rate, comparison.quality, comparison.per_image
    for name, delta in ("BD-rate", rate), ("BD-quality", quality):
        if delta.reason:
            yield name, f"no figure: {_cause(delta, anchor)}"
    if images and images.reason and not rate.reason:
        yield MEAN_OF_IMAGES, f"no figure: {images.reason}"


def _figures_and_codecs(figures: list[tuple[str, tuple[str, str]]], report: Report) -> str:
    """Which figures of which codecs; codecs of which the same is said together."""
    same = grouped((_by_metrics(its), codec) for codec, its in grouped(figures).items())
    return "; ".join(f"{listed(_short(names, report))}, {told}" for told, names in same.items())


def _by_metrics(figures: list[tuple[str, str]]) -> str:
    by_metrics = grouped((listed(metrics), name) for name, metrics in grouped(figures).items())
    return ", ".join(f"{listed(names)} by {metrics}" for metrics, names in by_metrics.items())


def _short(codecs: list[str], report: Report) -> list[str]:
    return [short_name(codec, [each.name for each in report.results.codecs]) for codec in codecs]


def _truth(task: TaskResults) -> str:
    """What a score is against, where that is not the data set's labels."""
    if task.pseudo is None:
        return ""
    return (
        f"{task.name}: no labels are involved; the truth is what the network itself finds in "
        f"the uncompressed images with a score of {task.pseudo:g} or more, and all else is wrong"
    )


def _too_small(metric: str, report: Report) -> str:
    """Why a metric has no value for images of some size, if there are any."""
    sizes = [size for size in report.results.sizes if 0 not in size]
    reasons = (why_undefined(metric, width, height) for width, height in sizes)
    return next((why for why in reasons if why), "")


def _missing(codec: CodecResults, report: Report) -> str:
    failed = sum(name == codec.name for name, *_ in report.results.failures)
    told = f"{codec.missing} of {codec.bytes.size} operations missing"
    coded = int((np.isfinite(codec.bytes) & ~codec.done).sum())
    parts = [f"{failed} failed"] * bool(failed) + [f"{coded} coded, to be measured"] * bool(coded)
    if parts:
        told += f" ({', '.join(parts)})"
    advice = "--incomplete compares on the images that all have"
    if report.anchor is None:
        return f"{codec.name}: {told}"
    if codec.name == report.anchor:
        return f"{codec.name}, the anchor: {told}, so there are no Bjøntegaard figures; {advice}"
    return f"{codec.name}: {told}, left out of the Bjøntegaard figures; {advice}"


def failure_lines(report: Report, most: int) -> list[str]:
    """Each reason once, with what failed for it; after the first few only how many more."""
    units = {codec.name: codec.unit for codec in report.results.codecs}
    by_reason = grouped(
        (_reason(reason), (codec, f"{image}, {units[codec]} {point}"))
        for codec, image, point, reason in report.results.failures
    )
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
