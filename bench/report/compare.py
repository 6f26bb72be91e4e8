"""Codecs against an anchor: every Bjøntegaard figure that a set of results allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.metrics import METRICS, quality_metrics
from bench.metrics.bjontegaard import Delta, Method
from bench.metrics.bootstrap import PerImageDelta, Sample, mean_curve_delta, per_image_delta
from bench.report.results import CodecResults, Results

if TYPE_CHECKING:
    import pandas

    from bench.sweep import Outcome


@dataclass(frozen=True, eq=False)
class Comparison:
    """One codec against the anchor by one metric."""

    codec: str
    metric: str
    rate: Delta
    quality: Delta
    per_image: PerImageDelta

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why figures of it are undefined, each reason once."""
        three = self.rate.reason, self.quality.reason, self.per_image.reason
        return tuple(dict.fromkeys(reason for reason in three if reason))

    @property
    def notes(self) -> tuple[str, ...]:
        """What else qualifies its figures, each note once."""
        return tuple(dict.fromkeys(self.rate.notes + self.quality.notes + self.per_image.notes))


@dataclass(frozen=True, eq=False)
class Report:
    """Results, and what they say about each codec against the anchor."""

    results: Results
    metrics: tuple[str, ...]
    anchor: str | None
    method: Method
    comparisons: tuple[Comparison, ...]
    outcome: Outcome | None = None  # of the sweep that was run for it

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
                "bd_rate_mean_of_images": comparison.per_image.value,
                **_bounds("bd_rate_mean_of_images", comparison.per_image.interval),
                "images_undefined": comparison.per_image.undefined,
                "reason": "; ".join(comparison.reasons),
                "notes": "; ".join(comparison.notes),
            }
            for comparison in self.comparisons
        ]


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


def compare(
    results: Results,
    *,
    anchor: str | None = None,
    metrics: Sequence[str] | None = None,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
) -> Report:
    """Every codec against the anchor, by each metric.

    The anchor is the first codec that is one unless named. Curves that lack images have no
    figure, unless ``incomplete`` asks for the images that every codec has.
    """
    measured = {name for codec in results.codecs for name in codec.values}
    wanted = [metric.name for metric in quality_metrics(metrics) if metrics or metric.headline]
    chosen = tuple(name for name in METRICS if name in wanted and name in measured)
    if incomplete:
        results = results.on_common_images(chosen)
    if metrics and (absent := [name for name in wanted if name not in measured]):
        note = f"no codec has a value of {', '.join(absent)} here; 'bench run' measures"
        results = replace(results, notes=(*results.notes, note))
    if anchor is None:
        anchor = next((codec.name for codec in results.codecs if codec.anchor), None)
    comparisons = []
    if anchor is not None:
        reference = results.codec(anchor)
        for codec in results.codecs:
            if codec is not reference:
                comparisons += [
                    _compare(reference, codec, metric, method, pareto) for metric in chosen
                ]
    return Report(results, chosen, anchor, method, tuple(comparisons))


def _compare(
    anchor: CodecResults, codec: CodecResults, metric: str, method: Method, pareto: bool
) -> Comparison:
    reference, test = _sample(anchor, metric), _sample(codec, metric)
    return Comparison(
        codec.name,
        metric,
        mean_curve_delta(reference, test, "rate", method=method, pareto=pareto),
        mean_curve_delta(reference, test, "quality", method=method, pareto=pareto),
        per_image_delta(reference, test, "rate", method=method, pareto=pareto),
    )


def _sample(codec: CodecResults, metric: str) -> Sample:
    values = codec.values.get(metric)
    return Sample(
        codec.bpp, np.full_like(codec.bpp, np.nan) if values is None else values, codec.name
    )
