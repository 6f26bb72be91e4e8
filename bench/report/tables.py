"""The tables of a report as text, for the terminal, Markdown and the page alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from bench.metrics import describe
from bench.metrics.measure import Measure
from bench.metrics.task_sample import SetScore
from bench.report.compare import MEAN_OF_IMAGES, Comparison, Report
from bench.report.formatting import (
    NOTHING,
    gain,
    gain_interval,
    interval,
    mean,
    percent,
    signed,
    span,
)
from bench.runtime.text import listed
from bench.store import CodecResults, TaskResults

_MEANS = (
    "Rate and quality are means over the images at each point; times are seconds of CPU an image."
)
PARTIAL = "* some images are missing: the mean is over those that are there"
ALONE = "one codec: curves only; with a second --codec they are compared"
NO_ANCHOR = "no anchor: curves only; --anchor NAME compares"


def scores(measure: Measure) -> str:
    """What the figures of a task network are."""
    titles = listed([figure.title for figure in measure.figures])
    are = "are" if len(measure.figures) > 1 else "is"
    return f"{titles} {are} of the whole set, not means over its images."


def means(report: Report) -> str:
    """What the table of means shows, and what papers call its metrics."""
    footnotes = (describe(metric).footnote for metric in report.metrics)
    return " ".join([_MEANS, *filter(None, footnotes)])


def against(report: Report) -> str:
    """The anchor, and why it is."""
    return (
        f"Against {report.anchor} ({report.anchor_why}), by {report.method}; less rate is better."
    )


def averages(report: Report) -> str:
    """What the Bjøntegaard averages are."""
    which = "BD is that of the set's curve."
    if any(MEAN_OF_IMAGES in each.defined for each in report.complete_comparisons):
        which = (
            "In the first line the BD of the set's mean curve, in the second the mean of the "
            "images' own BD."
        )
    return f"{against(report)} {which} Intervals hold 95 %, by resampling the images."


def traits(codec: CodecResults, report: Report) -> str:
    """The notable traits of a codec, which stand beside its name."""
    traits = {
        "anchor": codec.name == report.anchor,
        "oracle": codec.oracle,
        "incomplete": codec.missing > 0,
    }
    return ", ".join(trait for trait, holds in traits.items() if holds)


def version(codec: CodecResults) -> str:
    """The version that ran, unless the codec's title names it."""
    if codec.version is None or codec.version in codec.title:
        return ""
    return f"version {codec.version}" if codec.version[0].isdigit() else codec.version


def mean_columns(report: Report) -> Sequence[str]:
    """The columns of the table of means; a network's figures are in a table of their own."""
    return ("bpp", *report.image_metrics, "encode_cpu", "decode_cpu")


def mean_rows(report: Report) -> Iterator[tuple[str, ...]]:
    """The codec, its point, and the means there."""
    columns = mean_columns(report)
    for row in report.results.mean_rows:
        point = f"{row['unit']} {row['point']}{'' if row['complete'] else ' *'}"
        yield row["codec"], point, *(mean(name, row.get(name, math.nan)) for name in columns)
    for row in (row for curve in report.published for row in curve.rows):
        point = f"{row['unit']} {row['point']}"
        yield row["codec"], point, *(mean(name, row.get(name, math.nan)) for name in columns)


def score_rows(
    report: Report, task: TaskResults
) -> Iterator[tuple[CodecResults | None, tuple[str, ...]]]:
    """A codec, its point and a network's scores there; the uncompressed images first."""
    metric, measure = task.metric, task.measure
    yield None, _score_cells(measure, metric, "uncompressed", math.nan, task.ceiling)
    for codec in report.results.codecs:
        if scores := codec.scores.get(task.name):
            rates, _, _ = codec.curve(metric)
            for point, rate, score in zip(codec.points, rates, scores, strict=True):
                where = f"{codec.unit} {point}"
                yield codec, _score_cells(measure, metric, where, float(rate), score)


def score_headings(measure: Measure, of_interval: str) -> tuple[str, ...]:
    """Of the columns after the point's."""
    first, *others = (figure.title for figure in measure.figures)
    return ("bpp", first, of_interval, *others)


def _score_cells(
    measure: Measure, metric: str, point: str, rate: float, score: SetScore | None
) -> tuple[str, ...]:
    """Point, rate, the first figure with its interval, and the others."""
    if score is None:
        return (point, mean("bpp", rate), *[NOTHING] * (1 + len(measure.figures)))
    text = partial(mean, metric)
    first, *others = (text(score.figures[figure.name]) for figure in measure.figures)
    return (point, mean("bpp", rate), first, interval(score.interval, text), *others)


def delta_cells(comparison: Comparison) -> dict[str, str]:
    """A codec against the anchor by one metric."""
    rate, quality, images = comparison.rate, comparison.quality, comparison.per_image
    return {
        "rate": signed(rate.value, "%"),
        "rate_interval": interval(rate.interval),
        "qualities": span(rate.range),
        "overlap": percent(rate.overlap),
        "gain": gain(comparison.metric, quality.value),
        "gain_interval": gain_interval(comparison.metric, quality.interval),
        "images": signed(images.value, "%") if images else NOTHING,
        "images_interval": interval(images.interval if images else None),
    }
