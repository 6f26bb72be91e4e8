"""The notes of a report: what qualifies its figures, or why there are none.

A note names the figures that it is about, with the codecs and the metrics.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from bench.codecs.catalog import short_name
from bench.datasets import DATASETS, dataset_source
from bench.metrics import describe, why_undefined
from bench.metrics.bjontegaard import Delta
from bench.report.compare import MEAN_OF_IMAGES, Comparison, Report
from bench.report.formatting import short_title
from bench.runtime.leftovers import TEMPORARY
from bench.runtime.text import grouped, listed, one_line
from bench.store import CodecResults, Results, TaskResults

_SHARED = "the curves have less than 25 % of their {} in common"


def notes(report: Report) -> list[str]:
    """All notes, each once."""
    found = [
        *(_missing(codec, report) for codec in report.results.codecs if codec.missing),
        *(_between(report), _not_compared(report), *_of_figures(report)),
        _earlier_version(report.results),
        *map(_truth, report.results.tasks),
        *(curve.note for curve in report.published),
        *(_too_small(metric, report) for metric in report.image_metrics),
        *report.results.notes,
    ]
    return [note for note in dict.fromkeys(found) if note]


def _earlier_version(results: Results) -> str:
    """Whether the data set has become another since."""
    if results.version is None or results.kind not in DATASETS:
        return ""
    now = dataset_source(results.kind).version
    if now in (None, results.version):
        return ""
    return (
        f"recorded on version {results.version} of {results.kind}, which now is version {now}; run "
        "again for figures on it"
    )


def _between(report: Report) -> str:
    """The range of quality of BD-rates."""
    asked = report.between
    if asked is None or not report.complete_comparisons:
        return ""
    metric = next(metric for metric in report.metrics if asked.applies_to(metric))
    of = "% of that of the uncompressed images" if asked.percent else describe(metric).unit
    by, qualities = short_title(metric), f"{asked.low:g} to {asked.high:g} {of}".rstrip()
    return f"BD-rates by {by} are over {qualities}; other figures, over all that two curves share"


def _not_compared(report: Report) -> str:
    """One sentence on all metrics by which codecs cannot be compared, and why."""
    comparisons = report.complete_comparisons
    all_codecs = {each.codec for each in comparisons}
    codecs = grouped(
        ((_why_not(each, report.anchor), short_title(each.metric)), each.codec)
        for each in comparisons
        if not each.defined
    )
    metrics = grouped(
        (why, ("" if {*names} == all_codecs else f" for {listed(_short(names, report))}", metric))
        for (why, metric), names in codecs.items()
    )
    reasons = []
    for why, groups in metrics.items():  # those that apply to all codecs first
        by = [f"by {listed(titles)}{codecs}" for codecs, titles in sorted(grouped(groups).items())]
        reasons.append(f"{', nor '.join(by)}: {why}")
    return f"no comparison {'; '.join(reasons)}" if reasons else ""


def _why_not(comparison: Comparison, anchor: str | None) -> str:
    """Why a comparison has neither figure."""
    rate, quality = comparison.rate, comparison.quality
    if np.isfinite(rate.overlap):
        return _SHARED.format("qualities and of their rates")
    return _cause(rate if rate.reason else quality, anchor)


def _cause(figure: Delta, anchor: str | None) -> str:
    """Why there is no figure, in the same words for all codecs; the CSV has the details."""
    if np.isfinite(figure.overlap):
        return _SHARED.format("qualities" if figure.kind == "rate" else "rates")
    reason = str(figure.reason)
    if "not monotone" not in reason:
        return reason
    if reason.startswith(f"{anchor}'s curve"):
        return "the anchor's curve is not monotone (--pareto takes its Pareto front)"
    return "the codecs' curves are not monotone (--pareto takes their Pareto fronts)"


def _of_figures(report: Report) -> list[str]:
    """The notes of comparisons with a figure, and why their other figures are undefined."""
    shown = [comparison for comparison in report.complete_comparisons if comparison.defined]
    about = grouped(
        (text, (comparison.codec, (figure, short_title(comparison.metric))))
        for comparison in shown
        for figure, text in _figure_notes(comparison, report.anchor)
    )
    every = sum(len(comparison.figures) for comparison in shown)
    return [
        f"{_figures_and_codecs(figures, report) if len(figures) < every else 'all figures'}: {text}"
        for text, figures in about.items()
    ]


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
    """Which figures of which codecs; codecs with the same figures together."""
    same = grouped((_by_metrics(named), codec) for codec, named in grouped(figures).items())
    return "; ".join(f"{listed(_short(codecs, report))}, {by}" for by, codecs in same.items())


def _by_metrics(figures: list[tuple[str, str]]) -> str:
    by_metrics = grouped((listed(metrics), name) for name, metrics in grouped(figures).items())
    return ", ".join(f"{listed(names)} by {metrics}" for metrics, names in by_metrics.items())


def _short(codecs: list[str], report: Report) -> list[str]:
    return [short_name(codec, [each.name for each in report.results.codecs]) for codec in codecs]


def _truth(task: TaskResults) -> str:
    """The truth of a score that is not by the data set's labels."""
    if task.pseudo is None:
        return ""
    return (
        f"{task.name}: no labels are involved; the truth is what the network itself finds in "
        f"the uncompressed images with a score of {task.pseudo:g} or more, and all else is wrong"
    )


def _too_small(metric: str, report: Report) -> str:
    """Why a metric has no value for images of some size, if any."""
    sizes = [size for size in report.results.sizes if 0 not in size]
    reasons = (why_undefined(metric, width, height) for width, height in sizes)
    return next((why for why in reasons if why), "")


def _missing(codec: CodecResults, report: Report) -> str:
    failed = sum(name == codec.name for name, *_ in report.results.failures)
    missing = f"{codec.missing} of {codec.bytes.size} operations missing"
    coded = int((np.isfinite(codec.bytes) & ~codec.done).sum())
    parts = [f"{failed} failed"] * bool(failed) + [f"{coded} coded, to be measured"] * bool(coded)
    if parts:
        missing += f" ({', '.join(parts)})"
    advice = "--incomplete compares on the images that all have"
    if report.anchor is None:
        return f"{codec.name}: {missing}"
    if codec.name == report.anchor:
        return f"{codec.name}, the anchor: {missing}, so there are no Bjøntegaard figures; {advice}"
    return f"{codec.name}: {missing}, left out of the Bjøntegaard figures; {advice}"


def failure_lines(report: Report, most: int = 100) -> list[str]:
    """Each reason once, with what failed; after the first few, only how many more."""
    units = {codec.name: codec.unit for codec in report.results.codecs}
    by_reason = grouped(
        (_reason(reason), (codec, f"{image}, {units[codec]} {point}"))
        for codec, image, point, reason in report.results.failures
    )
    shown = [f"{_what_failed(failed)}: {reason}" for reason, failed in by_reason.items()][:most]
    more = sum(len(failed) for failed in list(by_reason.values())[most:])
    return [*shown, f"and {more} more"] if more else shown


def _what_failed(failed: Sequence[tuple[str, str]]) -> str:
    """One operation, or the number for each codec, with an example."""
    counts = Counter(codec for codec, _ in failed)
    codec, what = failed[0]
    if len(failed) == 1:
        return f"{codec}, {what}"
    if len(counts) == 1:
        return f"{codec}, {len(failed)} times, such as {what}"
    return ", ".join(f"{codec} ({n} times)" if n > 1 else codec for codec, n in counts.items())


def _reason(reason: str) -> str:
    """A reason without the names of temporary files, which differ from operation to operation."""
    return re.sub(rf"[^\s'\"]*/{TEMPORARY.pattern}\w*", "…", one_line(reason))
