"""Codecs against an anchor: every Bjøntegaard figure that a set of results allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.errors import StoreError
from bench.metrics import METRICS, quality_metrics, scorer_of, wap_of
from bench.metrics.between import Between, QualityRange
from bench.metrics.bjontegaard import Delta, Method
from bench.metrics.bootstrap import CurveSample, PerImageDelta, mean_curve_delta, per_image_delta
from bench.runtime.text import counted, grouped
from bench.store import CodecResults, Results

if TYPE_CHECKING:
    import pandas

MEAN_OF_IMAGES = "mean of the images' BD-rates"


@dataclass(frozen=True, eq=False)
class Comparison:
    """One codec against the anchor by one metric."""

    codec: str
    metric: str
    rate: Delta
    quality: Delta
    per_image: PerImageDelta | None  # None of a metric that only a set has, or between qualities

    @property
    def figures(self) -> dict[str, Delta | PerImageDelta]:
        """By what they are called."""
        figures = {
            "BD-rate": self.rate,
            "BD-quality": self.quality,
            MEAN_OF_IMAGES: self.per_image,
        }
        return {name: figure for name, figure in figures.items() if figure is not None}

    @property
    def defined(self) -> dict[str, Delta | PerImageDelta]:
        """Those that there are."""
        return {name: figure for name, figure in self.figures.items() if not figure.reason}

    @property
    def reasons(self) -> list[str]:
        """Why figures of it are undefined, each reason once, after the figures that it is about."""
        return about_figures((name, figure.reason) for name, figure in self.figures.items())

    @property
    def notes(self) -> list[str]:
        """What else qualifies figures, each note once, after the figures that it is about."""
        figures = self.figures.items()
        return about_figures((name, note) for name, figure in figures for note in figure.notes)


def about_figures(said: Iterable[tuple[str, str | None]]) -> list[str]:
    """Each text once, after the figures that it is said of."""
    figures = grouped((text, figure) for figure, text in said if text)
    return [f"{', '.join(names)}: {text}" for text, names in figures.items()]


@dataclass(frozen=True, eq=False)
class Report:
    """Results, and what they say about each codec against the anchor."""

    results: Results
    metrics: tuple[str, ...]
    anchor: str | None
    method: Method
    comparisons: tuple[Comparison, ...]
    anchor_why: str = ""  # why that codec is the anchor
    between: Between | None = None  # which qualities BD-rates are over

    def __repr__(self) -> str:
        codecs = ", ".join(codec.name for codec in self.results.codecs)
        anchor = f", against {self.anchor}" if self.anchor else ""
        images = counted(len(self.results.images), "image")
        return f"<Report of {self.results.dataset}, {images}: {codecs}{anchor}>"

    def _repr_markdown_(self) -> str:
        from bench.report.markdown_report import summary

        return summary(self)

    @property
    def complete_comparisons(self) -> list[Comparison]:
        """Those of two curves that have all their images."""
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
    def deltas(self) -> pandas.DataFrame:
        """One row per codec and metric: the Bjøntegaard figures with all that qualifies them."""
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
                **_figure("bd_rate", comparison.rate),
                **_figure("bd_quality", comparison.quality),
                **_mean_of_images(comparison.per_image),
                "reason": "; ".join(comparison.reasons),
                "notes": "; ".join(comparison.notes),
            }
            for comparison in self.comparisons
        ]


def _mean_of_images(figure: PerImageDelta | None) -> dict[str, Any]:
    name = "bd_rate_mean_of_images"
    return {
        name: figure.value if figure else float("nan"),
        **_bounds(name, figure.interval if figure else None),
        "images_undefined": figure.undefined if figure else float("nan"),
    }


def _figure(name: str, delta: Delta) -> dict[str, Any]:
    return {
        name: delta.value,
        **_bounds(name, delta.interval),
        f"{name}_from": delta.range[0],
        f"{name}_to": delta.range[1],
        f"{name}_overlap": delta.overlap,
    }


def _bounds(name: str, interval: tuple[float, float] | None) -> dict[str, float]:
    low, high = interval or (float("nan"), float("nan"))
    return {f"{name}_low": low, f"{name}_high": high}


def choose_anchor(named: str | None, codecs: Iterable[tuple[str, bool]]) -> tuple[str | None, str]:
    """Whom to compare with, and why; ``codecs`` are names, each with whether it is conventional."""
    if named is not None:
        return named, "named by --anchor"
    conventional = [name for name, is_conventional in codecs if is_conventional]
    if not conventional:
        return None, ""
    which = (
        "the only conventional codec" if len(conventional) == 1 else "the first conventional codec"
    )
    return conventional[0], f"{which} here; --anchor CODEC names another"


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
) -> Report:
    """Every codec against the anchor, by each metric and by each task (all, or those named).

    The anchor is the first codec that is one unless named. Curves that lack images have no
    figure, unless ``incomplete`` asks for the images that every codec has. BD-rates are over all
    qualities that two curves share, or ``between`` two.
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
    chosen += tuple(map(wap_of, shown))
    if between is not None:
        between = between.among(chosen, metrics or ())
    if incomplete:
        results = results.on_common_images(chosen)
    if metrics and (absent := [name for name in wanted if name not in measured]):
        note = f"no codec has a value of {', '.join(absent)} here; 'bench run' measures"
        results = replace(results, notes=(*results.notes, note))
    anchor, why = choose_anchor(anchor, ((codec.name, codec.anchor) for codec in results.codecs))
    limits = {metric: quality_range(between, metric, results) for metric in chosen}
    comparisons = []
    if anchor is not None:
        reference = results.codec(anchor)
        for codec in results.codecs:
            if codec is not reference:
                comparisons += [
                    _compare(reference, codec, metric, method, pareto, limits[metric])
                    for metric in chosen
                ]
    return Report(
        results, chosen, anchor, method, tuple(comparisons), anchor_why=why, between=between
    )


def wanted_metrics(named: Sequence[str] | None) -> list[str]:
    """The metrics of quality that a report shows where they were measured."""
    return [metric.name for metric in quality_metrics(named) if named or metric.headline]


def quality_range(between: Between | None, metric: str, results: Results) -> QualityRange | None:
    """Which qualities by a metric a range is about, if it is about that metric."""
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
    # Few images' own curves span a range of the set's, and their mean would be of those alone.
    if between is None and isinstance(reference, CurveSample) and isinstance(test, CurveSample):
        per_image = per_image_delta(reference, test, "rate", method=method, pareto=pareto)
    return Comparison(
        codec.name,
        metric,
        mean_curve_delta(reference, test, "rate", method=method, pareto=pareto, between=between),
        mean_curve_delta(reference, test, "quality", method=method, pareto=pareto),
        per_image,
    )
