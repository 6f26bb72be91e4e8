"""Compares codecs with an anchor, by all Bjøntegaard figures that the results allow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.errors import StoreError
from bench.metrics import METRICS, quality_metrics, scorer_of
from bench.metrics.between import Between, QualityRange
from bench.metrics.bjontegaard import Curve, Delta, Kind, Method, bd
from bench.metrics.bootstrap import PerImageDelta, mean_curve_delta, per_image_delta
from bench.metrics.resampling import CurveSample
from bench.metrics.task_sample import TaskSample
from bench.report.published import PublishedCurve, read_published
from bench.runtime.text import counted, grouped
from bench.store import CodecResults, Results

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

_TIMES = ("encode_cpu", "decode_cpu")
MEAN_OF_IMAGES = "mean of the images' BD-rates"


@dataclass(frozen=True, eq=False)
class Comparison:
    """One codec against the anchor by one metric."""

    codec: str
    metric: str
    rate: Delta
    quality: Delta
    per_image: PerImageDelta | None  # None for a task network, and between two qualities

    @property
    def figures(self) -> dict[str, Delta | PerImageDelta]:
        """All figures by name, also undefined ones."""
        figures = {"BD-rate": self.rate, "BD-quality": self.quality, MEAN_OF_IMAGES: self.per_image}
        return {name: figure for name, figure in figures.items() if figure is not None}

    @property
    def defined(self) -> dict[str, Delta | PerImageDelta]:
        """The figures that are defined."""
        return {name: figure for name, figure in self.figures.items() if not figure.reason}

    @property
    def reasons(self) -> list[str]:
        """Why figures are undefined: each reason once, after the names of its figures."""
        return about_figures((name, figure.reason) for name, figure in self.figures.items())

    @property
    def notes(self) -> list[str]:
        """What else qualifies figures: each note once, after the names of its figures."""
        figures = self.figures.items()
        return about_figures((name, note) for name, figure in figures for note in figure.notes)


def about_figures(texts: Iterable[tuple[str, str | None]]) -> list[str]:
    """Each text once, after the names of the figures that have it."""
    figures = grouped((text, figure) for figure, text in texts if text)
    return [f"{', '.join(names)}: {text}" for text, names in figures.items()]


@dataclass(frozen=True, eq=False)
class Report:
    """Results, and the comparison of each codec with the anchor."""

    results: Results
    metrics: tuple[str, ...]
    anchor: str | None
    method: Method
    comparisons: tuple[Comparison, ...]
    anchor_why: str = ""  # why that codec is the anchor
    between: Between | None = None  # which qualities BD-rates are over
    published: tuple[PublishedCurve, ...] = ()  # shown beside the codecs

    def __repr__(self) -> str:
        codecs = ", ".join(codec.name for codec in self.results.codecs)
        anchor = f", against {self.anchor}" if self.anchor else ""
        return f"<Report of {self.title}: {codecs}{anchor}>"

    def _repr_markdown_(self) -> str:
        from bench.report.markdown_report import summary

        return summary(self)

    def _repr_html_(self) -> str:
        from bench.report.notebook import html

        return html(self)

    def plot(self, *metrics: str) -> Figure:
        """The curves as a matplotlib figure, by all metrics or by those that are named."""
        from bench.report.plotting import figure_of

        return figure_of(self, *metrics)

    def to_latex(self) -> str:
        """The BD-rates and their intervals as a table, for the package booktabs."""
        from bench.report.latex import deltas_table

        return deltas_table(self)

    @property
    def title(self) -> str:
        """The data set and the number of images."""
        return f"{self.results.dataset}, {counted(len(self.results.images), 'image')}"

    @property
    def image_metrics(self) -> list[str]:
        """The metrics that every image has of its own; a network's figure is of the whole set."""
        return [metric for metric in self.metrics if scorer_of(metric) is None]

    @property
    def complete_comparisons(self) -> list[Comparison]:
        """The comparisons of two curves without missing images."""
        incomplete = {codec.name for codec in self.results.codecs if codec.missing}
        if self.anchor in incomplete:
            return []
        return [each for each in self.comparisons if each.codec not in incomplete]

    @property
    def records(self) -> pandas.DataFrame:
        """One row per image, codec and point."""
        return self.results.records

    @property
    def means(self) -> pandas.DataFrame:
        """One row per codec and point."""
        return self.results.means

    @property
    def points(self) -> pandas.DataFrame:
        """One row per codec and point: rate, and quality by the report's metrics."""
        import pandas

        return pandas.DataFrame(self.point_rows)

    @cached_property
    def point_rows(self) -> list[dict[str, Any]]:
        """``points`` as plain rows."""
        quality = [f"{name}{end}" for name in self.metrics for end in ("", "_low", "_high")]
        shown = ("codec", "unit", "point", "images", "complete", "bpp", *quality, *_TIMES)
        rows = self.results.mean_rows
        own = [{name: row[name] for name in shown if name in row} for row in rows]
        return own + [row for curve in self.published for row in curve.rows]

    @property
    def deltas(self) -> pandas.DataFrame:
        """One row per codec and metric: the Bjøntegaard figures with intervals and notes."""
        import pandas

        return pandas.DataFrame(self.delta_rows)

    @cached_property
    def delta_rows(self) -> list[dict[str, Any]]:
        """``deltas`` as plain rows."""
        return [
            {
                "dataset": self.results.dataset,
                "images": len(self.results.images),
                "codec": comparison.codec,
                "anchor": self.anchor,
                "metric": comparison.metric,
                "method": self.method,
                **_curve_figure("bd_rate", comparison.rate),
                **_curve_figure("bd_quality", comparison.quality),
                **_named("bd_rate_mean_of_images", comparison.per_image),
                "images_undefined": comparison.per_image.undefined
                if comparison.per_image
                else math.nan,
                "reason": "; ".join(comparison.reasons),
                "notes": "; ".join(comparison.notes),
            }
            for comparison in self.comparisons
        ]


def _curve_figure(name: str, delta: Delta) -> dict[str, float]:
    """A figure of two curves, in columns of that name."""
    low, high = delta.range
    return {
        **_named(name, delta),
        f"{name}_from": low,
        f"{name}_to": high,
        f"{name}_overlap": delta.overlap,
    }


def _named(name: str, figure: Delta | PerImageDelta | None) -> dict[str, float]:
    """A figure and its interval, in columns of that name; NaN if there is none."""
    low, high = (figure and figure.interval) or (math.nan, math.nan)
    return {name: figure.value if figure else math.nan, f"{name}_low": low, f"{name}_high": high}


def choose_anchor(named: str | None, codecs: Iterable[tuple[str, bool]]) -> tuple[str | None, str]:
    """The anchor, and why it is; ``codecs`` are names, each with whether it is conventional."""
    if named is not None:
        return named, "named by --anchor"
    conventional = [name for name, is_conventional in codecs if is_conventional]
    if not conventional:
        return None, ""
    which = "only" if len(conventional) == 1 else "first"
    return conventional[0], f"the {which} conventional codec here; --anchor CODEC names another"


def compare(
    results: Results,
    *,
    anchor: str | None = None,
    metrics: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
    between: Between | None = None,
    published: Sequence[str | PublishedCurve] = (),
) -> Report:
    """Every codec against the anchor, by each metric and by each task (all, or those named).

    The anchor is the first conventional codec, unless one is named. Curves with missing images
    have no figures; with ``incomplete``, all curves are of the images that every codec has.
    BD-rates are over all qualities that two curves share, or ``between`` two. ``published`` names
    files of curves that are compared, too.
    """
    measured = {name for codec in results.codecs for name in codec.values}
    wanted = wanted_metrics(metrics)
    chosen = tuple(name for name in METRICS if name in wanted and name in measured)
    known = [task.name for task in results.tasks]
    if absent_tasks := [name for name in tasks or () if name not in known]:
        there = ", ".join(known) or "none yet"
        raise StoreError(f"no results of the task '{absent_tasks[0]}'; there are {there}")
    shown = [name for name in known if tasks is None or name in tasks]
    results = results.seen_by(shown)
    chosen += tuple(task.metric for task in results.tasks)
    if between is not None:
        between = between.among(chosen, metrics or ())
    if incomplete:
        results = results.on_common_images(chosen)
    if metrics and (absent := [name for name in wanted if name not in measured]):
        note = f"no codec has a value of {', '.join(absent)} here; 'bench run' measures"
        results = replace(results, notes=(*results.notes, note))
    anchor, why = choose_anchor(anchor, ((codec.name, codec.anchor) for codec in results.codecs))
    limits = {metric: quality_range(between, metric, results) for metric in chosen}
    reference = results.codec(anchor) if anchor is not None else None
    names = [codec.name for codec in results.codecs]
    curves = read_published(published, chosen, names)
    comparisons = tuple(
        _compare(reference, codec, metric, method, pareto, limits[metric])
        for codec in results.codecs
        if reference is not None and codec is not reference
        for metric in chosen
    )
    if reference is not None:
        comparisons += tuple(
            _compare_published(reference, curve, metric, method, pareto, limits[metric])
            for curve in curves
            for metric in curve.curves
        )
    return Report(results, chosen, anchor, method, comparisons, why, between, curves)


def _compare_published(
    anchor: CodecResults,
    published: PublishedCurve,
    metric: str,
    method: Method,
    pareto: bool,
    between: QualityRange | None,
) -> Comparison:
    """A published curve against the anchor's: it has no images to resample, so no interval."""
    sample, curve = anchor.sample(metric), published.curves[metric]
    rate = published_delta(sample, curve, "rate", method=method, pareto=pareto, between=between)
    quality = published_delta(sample, curve, "quality", method=method, pareto=pareto)
    return Comparison(published.name, metric, rate, quality, None)


def published_delta(
    anchor: CurveSample | TaskSample,
    curve: Curve,
    kind: Kind,
    *,
    method: Method,
    pareto: bool,
    between: QualityRange | None = None,
) -> Delta:
    """The figure of a published curve against the anchor's mean curve."""
    if missing := anchor.missing() or (between.missing() if between else None):
        return Delta(kind, method, math.nan, missing)
    limits = between.of_set() if between else None
    return bd(anchor.mean_curve, curve, kind, method=method, pareto=pareto, between=limits)


def wanted_metrics(named: Sequence[str] | None) -> list[str]:
    """The metrics of quality that a report shows if they were measured."""
    return [metric.name for metric in quality_metrics(named) if named or metric.headline]


def quality_range(between: Between | None, metric: str, results: Results) -> QualityRange | None:
    """The range of a metric's qualities, if it is a range of that metric."""
    if between is None or not between.applies_to(metric):
        return None
    ceilings = {task.name: task.ceiling for task in results.tasks}
    return QualityRange(between, ceilings.get(scorer_of(metric) or ""))


def _compare(
    anchor: CodecResults,
    codec: CodecResults,
    metric: str,
    method: Method,
    pareto: bool,
    between: QualityRange | None,
) -> Comparison:
    reference, test = anchor.sample(metric), codec.sample(metric)
    per_image = None
    # Few images' own curves span a range of the set's: the mean would be that of those images.
    if between is None and isinstance(reference, CurveSample) and isinstance(test, CurveSample):
        per_image = per_image_delta(reference, test, "rate", method=method, pareto=pareto)
    return Comparison(
        codec.name,
        metric,
        mean_curve_delta(reference, test, "rate", method=method, pareto=pareto, between=between),
        mean_curve_delta(reference, test, "quality", method=method, pareto=pareto),
        per_image,
    )
