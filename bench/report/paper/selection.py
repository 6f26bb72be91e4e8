"""What a spec selects from results: each codec that it names, or why it has no results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from bench.codecs.catalog import full_name, load_codec, read_card
from bench.codecs.codec import Point, replace_version
from bench.errors import BenchError, DataError, StoreError
from bench.metrics.bjontegaard import Delta, Method
from bench.metrics.bootstrap import mean_curve_delta
from bench.report.compare import published_delta, quality_range
from bench.report.curve_styles import CurveStyle
from bench.report.paper.spec import WAP, Column, Part, Setting, Spec
from bench.report.published import PublishedCurve, read_published_curve
from bench.store import CodecResults, Results, TaskResults, point_key

NOT_RUN = "not run"


@dataclass(frozen=True, eq=False)
class Shown:
    """A codec as a report shows it."""

    key: str  # in the spec
    codec: str  # whose results are shown or missing: its own, or those of a stand-in
    style: CurveStyle  # whose label also names the codec that it replaces
    results: CodecResults | None
    lacking: str = ""  # why there are no results
    published: PublishedCurve | None = None  # in place of results


def select(spec: Spec, results: Results, method: Method, *, pareto: bool) -> Selection:
    """The results that the spec is about; it has to know their data and task."""
    setting = spec.settings.get(results.kind)
    if setting is None:
        there = ", ".join(spec.settings)
        raise DataError(
            f"{spec.path}: no settings for data such as {results.dataset}; "
            f"it has [data.NAME] for {there}, and --data chooses among those of the store"
        )
    for task in results.tasks:
        if task.name == setting.task:
            return Selection(spec, setting, task, results, method, pareto)
    there = ", ".join(task.name for task in results.tasks) or "none"
    raise StoreError(
        f"no results of the task '{setting.task}' on {results.dataset}; there are {there}"
    )


@dataclass(frozen=True, eq=False)
class Selection:
    """A spec, and the results that it is about."""

    spec: Spec
    setting: Setting
    task: TaskResults  # of the setting's own task network
    results: Results
    method: Method
    pareto: bool

    def metric(self, name: str) -> str:
        return self.task.metric if name == WAP else name

    @property
    def labelled(self) -> list[TaskResults]:
        """The task networks whose detections were scored against labels."""
        return [task for task in self.results.tasks if task.pseudo is None]

    @cached_property
    def shown(self) -> Callable[[str], Shown]:
        """A codec of the spec, or the first codec with results that may replace it."""
        return cache(self._shown)

    def _shown(self, key: str) -> Shown:
        if key in self.spec.published:
            style = self.spec.styles[key]
            style = replace(style, label=f"{style.label} (published)")
            return Shown(key, key, style, None, "a published curve", self._published(key))
        candidates = self.setting.instead.get(key, (key,))
        for candidate in candidates:
            if found := self._results_of(candidate):
                return Shown(key, candidate, self._style_of(key, candidate), found)
        first = candidates[0]
        lacking = _lacking(first, self.results.kind)
        return Shown(key, first, self._style_of(key, first), None, lacking)

    def _published(self, key: str) -> PublishedCurve:
        """A curve of a file, which is named relative to the spec."""
        file = str(self.spec.path.parent / self.spec.published[key])
        panels = (name for part in self.spec.parts for name in part.panels)
        columns = (column.metric for part in self.spec.parts for column in part.columns)
        metrics = list(dict.fromkeys(map(self.metric, (*panels, *columns))))
        return read_published_curve(file, key, metrics)

    def _style_of(self, key: str, codec: str) -> CurveStyle:
        label = self.label(codec)
        if codec != key:
            label = f"{label} (for {self.spec.styles[key].label})"
        return replace(self.spec.styles[codec], label=label)

    def label(self, codec: str) -> str:
        """What the spec calls a codec, with the version that ran for the one its card expects."""
        label, found = self.spec.styles[codec].label, self._results_of(codec)
        if found is None:
            return label
        try:
            options = read_card(found.card, self.results.kind).options
        except BenchError:  # the card is gone
            return label
        ran = found.version or "(version unknown)"
        return replace_version(label, options, found.version, ran)

    def _results_of(self, codec: str) -> CodecResults | None:
        names = [each.name for each in self.results.codecs]
        name = full_name(codec, names)
        return self.results.codec(name) if name in names else None

    def anchor(self, part: Part, column: Column | None = None) -> Shown:
        named = column.against if column else ""
        return self.shown(named or part.anchor or self.setting.anchor)

    def delta(self, part: Part, column: Column, key: str) -> Delta:
        """A codec's Bjøntegaard figure; undefined, with the reason, if results are missing."""
        anchor, codec = self.anchor(part, column), self.shown(key)
        if codec.published is not None:
            return self._published_delta(codec.published, column, anchor)
        if codec.results is None:
            return self._undefined(column, codec.lacking)
        if anchor.results is None:
            return self._undefined(column, f"{anchor.lacking}: {anchor.style.plain}, the anchor")
        reference, test = anchor.results, codec.results
        if column.bend and (reference is self._anchor or test is self._anchor):
            if points := ", ".join(map(str, self.lacking_at_the_bend)):
                label = self.shown(self.setting.anchor).style.plain
                reason = f"{label} was not run at {self._anchor.unit} {points}"
                return self._undefined(column, reason)
            reference, test = (
                self._bend if each is self._anchor else each for each in (reference, test)
            )
        metric = self.metric(column.metric)
        return mean_curve_delta(
            reference.sample(metric),
            test.sample(metric),
            column.delta,
            method=self.method,
            pareto=self.pareto,
            between=quality_range(column.between, metric, self.results),
        )

    def _published_delta(self, codec: PublishedCurve, column: Column, anchor: Shown) -> Delta:
        metric = self.metric(column.metric)
        if anchor.results is None:
            return self._undefined(column, f"{anchor.lacking}: {anchor.style.plain}, the anchor")
        if metric not in codec.curves:
            return self._undefined(column, f"{codec.file} has no {column.metric}")
        between = quality_range(column.between, metric, self.results)
        return published_delta(
            anchor.results.sample(metric),
            codec.curves[metric],
            column.delta,
            method=self.method,
            pareto=self.pareto,
            between=between if column.delta == "rate" else None,
        )

    def _undefined(self, column: Column, reason: str) -> Delta:
        nothing = (np.nan, np.nan)
        return Delta(column.delta, self.method, np.nan, reason, (), nothing, np.nan)

    @cached_property
    def _anchor(self) -> CodecResults | None:
        return self.shown(self.setting.anchor).results

    @cached_property
    def lacking_at_the_bend(self) -> tuple[Point, ...]:
        """The points of the bend that the setting's anchor lacks, if it was run."""
        if self._anchor is None:
            return ()
        there = set(map(point_key, self._anchor.points))
        return tuple(point for point in self.setting.bend if point_key(point) not in there)

    @cached_property
    def _bend(self) -> CodecResults:
        """The setting's anchor at the bend of its curve."""
        assert self._anchor is not None
        keys = list(map(point_key, self._anchor.points))
        return self._anchor.at([keys.index(point_key(point)) for point in self.setting.bend])


def _lacking(name: str, kind: str) -> str:
    """Why a store may have no results of a codec."""
    try:
        codec = load_codec(name, kind)
        missing = codec.missing()
    except BenchError:
        return "no such codec"
    if missing and codec.card.sets:
        return "no weights"
    return "not available" if missing else NOT_RUN
