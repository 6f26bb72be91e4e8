"""What qualifies the figures of a report, or says why there are none: each thing once.

A note names the figures that it is about, with the codecs and the metrics.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.codecs.catalog import short_name
from bench.metrics import describe, scorer_of, why_undefined
from bench.metrics.bjontegaard import Delta
from bench.report.compare import MEAN_OF_IMAGES, Comparison, Report
from bench.report.formatting import compared, short_title
from bench.runtime.text import listed
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
    if asked is None or not compared(report):
        return ""
    its = next(metric for metric in report.metrics if asked.applies_to(metric))
    of = "% of that of the uncompressed images" if asked.percent else describe(its).unit
    by, qualities = short_title(its), f"{asked.low:g} to {asked.high:g} {of}".rstrip()
    return f"BD-rates by {by} are over {qualities}; other figures, over all that two curves share"


def _not_compared(report: Report) -> str:
    """One sentence of all metrics by which codecs cannot be compared, and why."""
    comparisons = compared(report)
    everyone = {comparison.codec for comparison in comparisons}
    codecs: dict[tuple[str, str], list[str]] = {}
    for comparison in comparisons:
        if not comparison.defined:
            key = _why_not(comparison, report.anchor), short_title(comparison.metric)
            codecs.setdefault(key, []).append(comparison.codec)
    metrics: dict[str, dict[str, list[str]]] = {}
    for (why, metric), its in codecs.items():
        whom = "" if {*its} == everyone else f" for {listed(_short(its, report))}"
        metrics.setdefault(why, {}).setdefault(whom, []).append(metric)
    told = []
    for why, groups in metrics.items():  # first what holds for all codecs
        by = [f"by {listed(titles)}{whom}" for whom, titles in sorted(groups.items())]
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
    about: dict[str, dict[str, dict[str, list[str]]]] = {}  # text, codec, figure: metrics
    shown = [comparison for comparison in compared(report) if comparison.defined]
    for comparison in shown:
        for figure, text in _figure_notes(comparison, report.anchor):
            figures = about.setdefault(text, {}).setdefault(comparison.codec, {})
            figures.setdefault(figure, []).append(short_title(comparison.metric))
    every = sum(len(comparison.figures) for comparison in shown)
    told = []
    for text, codecs in about.items():
        count = sum(len(metrics) for figures in codecs.values() for metrics in figures.values())
        whom = "all figures" if count == every else "; ".join(_figures_and_codecs(codecs, report))
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


def _figures_and_codecs(codecs: dict[str, dict[str, list[str]]], report: Report) -> Iterator[str]:
    """Which figures of which codecs; codecs of which the same is said together."""
    same: dict[str, list[str]] = {}
    for codec, figures in codecs.items():
        by_metrics: dict[str, list[str]] = {}
        for figure, metrics in figures.items():
            by_metrics.setdefault(listed(metrics), []).append(figure)
        told = ", ".join(f"{listed(each)} by {metrics}" for metrics, each in by_metrics.items())
        same.setdefault(told, []).append(codec)
    yield from (f"{listed(_short(names, report))}, {told}" for told, names in same.items())


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
