"""The available codecs, data sets, tasks and metrics, and whether each can run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.codecs.catalog import card_paths
from bench.codecs.codec import Codec, Point, why_missing
from bench.commands.doctor import shipped_codecs
from bench.datasets import DATASETS
from bench.datasets.folder import Folder
from bench.errors import BenchError
from bench.metrics import METRICS, Group, Metric
from bench.metrics.measure import MEASURES
from bench.runtime.content import content_folder
from bench.tasks.task import TASKS, described_task


@dataclass(frozen=True, kw_only=True)
class Status:
    """A name of ``bench list``; one that is invalid has its error in ``missing``, and no title."""

    name: str
    title: str = ""
    missing: str | None = None
    remark: str | None = None

    @property
    def available(self) -> bool:
        return self.missing is None


@dataclass(frozen=True, kw_only=True)
class CodecStatus(Status):
    """A shipped card."""

    anchor: bool
    unit: str = ""
    points: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    oracle: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetStatus(Status):
    """A data set of ``--data``; ``variants`` may follow the name."""

    variants: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskStatus(Status):
    """A task network of ``--task``."""

    weights: str = ""  # their source: 'shipped', a variable, or the package of the network


def codecs() -> list[CodecStatus]:
    """Every shipped card, anchors first, whether it can run here or not."""
    return [_codec_status(name, codec) for name, codec in shipped_codecs().items()]


def _codec_status(name: str, codec: Codec | str) -> CodecStatus:
    if isinstance(codec, str):
        anchor = card_paths()[name].parent == content_folder("anchors")
        return CodecStatus(name=name, anchor=anchor, missing=codec)
    card, missing = codec.card, why_missing(codec)
    of_sets = {name: tuple(weights.paths) for name, weights in card.sets.items()}
    if of_sets:
        missing = None if any(of_sets.values()) else "no weights; see 'bench show'"
    return CodecStatus(
        name=name,
        title=card.title,
        missing=missing,
        remark=codec.remark() if missing is None else None,
        anchor=card.anchor,
        unit=card.unit,
        points=card.points | of_sets,
        oracle=card.oracle,
    )


def datasets() -> list[DatasetStatus]:
    """The data sets of ``--data``."""
    folder = DatasetStatus(name="FOLDER", title=Folder.title)
    return [*map(_dataset_status, DATASETS), folder]


def _dataset_status(name: str) -> DatasetStatus:
    try:
        with DATASETS.called(name):
            source = DATASETS[name]()
            missing = source.missing()
            remark = None if missing else source.remark()
    except BenchError as error:  # of another package: it must not hide others
        return DatasetStatus(name=name, missing=str(error))
    return DatasetStatus(
        name=name, title=source.title, missing=missing, remark=remark, variants=source.variants
    )


def tasks() -> list[TaskStatus]:
    """bench's task networks, then those of other packages, which are not loaded."""
    return [_task_status(name) for name in TASKS]


def _task_status(name: str) -> TaskStatus:
    try:
        task = described_task(name)
    except BenchError as error:
        return TaskStatus(name=name, title=name, missing=str(error))
    package = TASKS.package(name)
    weights = f"package {package}" if package else task.variable or "shipped"
    return TaskStatus(name=name, title=task.title, missing=task.missing(), weights=weights)


def measures() -> list[Status]:
    """The measures of what task networks find, by which ``--task NAME:MEASURE`` judges."""
    return [_measure_status(name) for name in MEASURES]


def _measure_status(name: str) -> Status:
    try:
        return Status(name=name, title=MEASURES[name].title)
    except BenchError as error:  # of another package: it must not hide others
        return Status(name=name, title=name, missing=str(error))


def metrics() -> list[Metric]:
    """Every metric; those with ``default`` are measured unless others are named."""
    return [_metric(name) for name in METRICS]


def _metric(name: str) -> Metric:
    try:
        return METRICS[name]
    except BenchError as error:  # of another package: it must not hide others
        return Metric(name, str(error), "", False, "", Group.QUALITY, default=False)
