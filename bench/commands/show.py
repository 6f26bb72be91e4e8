"""Describes a codec, metric, measure, task or data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.codecs.catalog import card_name, card_paths, load_codec
from bench.codecs.codec import Card, Point
from bench.codecs.points import one_point
from bench.datasets import DATASETS, dataset_source
from bench.errors import CardError
from bench.images import colour
from bench.metrics import METRICS, Metric
from bench.metrics.measure import MEASURES, Measure
from bench.runtime.finding import Described
from bench.runtime.text import did_you_mean
from bench.tasks.task import TASKS, described_task


@dataclass(frozen=True)
class Description:
    """A metric, measure, task network or data set; the facts are labelled, in order."""

    kind: str
    name: str
    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    missing: str | None = None
    remark: str | None = None


@dataclass(frozen=True)
class CodecDescription:
    """A codec: its card, its exact commands, and what is missing on this machine."""

    card: Card
    point: Point | None  # None without weights, which determine the points
    conversion: str | None  # the command from RGB to YCbCr
    commands: tuple[str, ...]  # at that point
    missing: str | None
    remark: str | None
    fingerprint: str | None  # None if something is missing
    depends_on: dict[str, str]

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def title(self) -> str:
        return self.card.title


def show(name: str, point: str | None = None) -> CodecDescription | Description:
    """Describe a name of ``bench list``, or a card or a folder of images by its path.

    A codec's commands are at the point, or at a middle one.
    """
    card = name if name.endswith(".toml") else name.rpartition(":")[0]  # of a weight set
    if card.endswith(".toml") or card_name(name).partition(":")[0] in card_paths():
        return show_codec(name, point)
    if point is not None:
        raise CardError(f"--point {point}: only a codec has points, and '{name}' is not one")
    if name in METRICS:
        return _metric(METRICS[name])
    if name in MEASURES:
        return _measure(MEASURES[name])
    if name in TASKS:
        return _described("task", described_task(name))
    source = name.partition(":")[0]
    if source in DATASETS or Path(name).is_dir():
        with DATASETS.called(source):
            return _described("data set", dataset_source(name))
    raise CardError(f"unknown name '{name}'; {_hint(name)}")


def show_codec(codec: str, point: str | None = None) -> CodecDescription:
    """Describe a codec by its name or card; its commands at the point, or at a middle one."""
    found = load_codec(codec)
    card, missing = found.card, found.missing()
    shown_point = card.middle_point if point is None else one_point(found, point)
    return CodecDescription(
        card=card,
        point=shown_point,
        conversion=colour.to_ycbcr_command() if card.codes_ycbcr else None,
        commands=found.commands(card.unit if shown_point is None else shown_point),
        missing=missing,
        remark=None if missing else found.remark(),
        fingerprint=None if missing else found.fingerprint,
        depends_on={} if missing else found.dependencies(),
    )


def names() -> dict[str, list[str]]:
    """All names of ``bench list``, by kind."""
    return {
        "codec": list(card_paths()),
        "metric": list(METRICS),
        "measure": list(MEASURES),
        "task": list(TASKS),
        "data set": list(DATASETS),
    }


def _hint(name: str) -> str:
    if Path(f"{name}.toml").is_file():
        return f"did you mean './{name}.toml'?"
    known = [known for of_kind in names().values() for known in of_kind]
    return did_you_mean(name, known, "'bench list' shows all names")


def _metric(metric: Metric) -> Description:
    sides = f"pictures of at least {metric.smallest_side} pixels a side"
    facts = {
        "measured": "by default" if metric.default else f"with --metric {metric.name}",
        "unit": metric.unit,
        "better": "more" if metric.higher_is_better else "less",
        "from": metric.group.value,
        "compares": metric.compares,
        "needs": sides if metric.smallest_side > 1 else "",
        "model": metric.vmaf_model or "",
        "also called": metric.elsewhere,
        "version": metric.version,
    }
    return Description("metric", metric.name, metric.title, facts)


def _measure(measure: Measure) -> Description:
    facts = {
        "takes": " or ".join(measure.finds),
        "labels": measure.labels,
        "figures": ", ".join(f"{each.name} ({each.title})" for each in measure.figures),
        "use": f"--task NAME:{measure.name}",
        "version": measure.version,
    }
    return Description("measure", measure.name, measure.title, facts)


def _described(kind: str, thing: Described) -> Description:
    missing = thing.missing()
    remark = None if missing else thing.remark()
    return Description(kind, thing.name, thing.title, thing.facts(), missing, remark)
