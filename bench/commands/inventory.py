"""The available codecs, data sets, tasks and metrics, and whether each can run here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.codecs.catalog import card_paths, load_codec
from bench.codecs.codec import Codec, Point, why_missing
from bench.codecs.points import one_point
from bench.commands.doctor import doctor, shipped_codecs
from bench.datasets import DATASETS
from bench.datasets.folder import Folder
from bench.errors import BenchError
from bench.images import colour
from bench.metrics import METRICS, Group, Metric
from bench.runtime.content import content_folder
from bench.tasks.task import TASKS, described_task

__all__ = [
    "CodecDescription",
    "CodecStatus",
    "DatasetStatus",
    "TaskStatus",
    "codecs",
    "datasets",
    "doctor",
    "metrics",
    "show_codec",
    "tasks",
]

Points = dict[str, tuple[Point, ...]]


@dataclass(frozen=True)
class CodecStatus:
    """A shipped card; an invalid one has its error in ``missing``, and no title."""

    name: str
    title: str
    unit: str
    points: Points
    anchor: bool
    oracle: bool
    available: bool
    missing: str | None
    remark: str | None


@dataclass(frozen=True)
class DatasetStatus:
    """A data set of ``--data``; ``variants`` may follow the name."""

    name: str
    title: str
    variants: tuple[str, ...]
    available: bool
    missing: str | None = None
    remark: str | None = None


@dataclass(frozen=True)
class TaskStatus:
    """A task network of ``--task``."""

    name: str
    title: str
    weights: str  # their source: 'shipped', a variable, or the package of the network
    available: bool
    missing: str | None = None


@dataclass(frozen=True)
class CodecDescription:
    """The description of a codec: its card, and what is missing on this machine."""

    name: str
    title: str
    about: str
    counted: str
    source: str
    path: Path
    family: str
    anchor: bool
    oracle: bool
    detects_damage: bool
    unit: str
    limits: tuple[float, float] | None
    points: Points
    weights: tuple[str, ...]  # the state of each of its weight sets
    options: dict[str, Any]
    point: Point | None  # None where no weights say which there are
    conversion: str | None  # from RGB to the YCbCr that it codes
    commands: tuple[str, ...]  # at that point
    missing: str | None
    remark: str | None
    fingerprint: str | None  # None where something is missing
    depends_on: dict[str, str]


def codecs() -> list[CodecStatus]:
    """Every shipped card, anchors first, whether it can run here or not."""
    return [_codec_status(name, codec) for name, codec in shipped_codecs().items()]


def _codec_status(name: str, codec: Codec | str) -> CodecStatus:
    if isinstance(codec, str):
        anchor = card_paths()[name].parent == content_folder("anchors")
        return CodecStatus(name, "", "", {}, anchor, False, False, codec, None)
    card, missing = codec.card, why_missing(codec)
    of_sets = {name: tuple(weights.paths) for name, weights in card.sets.items()}
    if of_sets:
        missing = None if any(of_sets.values()) else "no weights; see 'bench show'"
    return CodecStatus(
        name=name,
        title=card.title,
        unit=card.unit,
        points=card.points | of_sets,
        anchor=card.anchor,
        oracle=card.oracle,
        available=missing is None,
        missing=missing,
        remark=codec.remark() if missing is None else None,
    )


def datasets() -> list[DatasetStatus]:
    """The data sets of ``--data``."""
    return [*map(_dataset_status, DATASETS), DatasetStatus("FOLDER", Folder.title, (), True)]


def _dataset_status(name: str) -> DatasetStatus:
    try:
        with DATASETS.called(name):
            source = DATASETS[name]()
            missing = source.missing()
            remark = None if missing else source.remark()
    except BenchError as error:  # of another package: it must not hide others
        return DatasetStatus(name, "", (), False, str(error))
    return DatasetStatus(name, source.title, source.variants, missing is None, missing, remark)


def tasks() -> list[TaskStatus]:
    """bench's task networks, then those of other packages, which are not loaded."""
    return [_task_status(name) for name in TASKS]


def _task_status(name: str) -> TaskStatus:
    try:
        task = described_task(name)
    except BenchError as error:
        return TaskStatus(name, name, "", False, str(error))
    missing, package = task.missing(), TASKS.package(name)
    weights = f"package {package}" if package else task.variable or "shipped"
    return TaskStatus(name, task.title, weights, missing is None, missing)


def metrics() -> list[Metric]:
    """Every metric; those with ``default`` are measured unless others are named."""
    return [_metric(name) for name in METRICS]


def _metric(name: str) -> Metric:
    try:
        return METRICS[name]
    except BenchError as error:  # of another package: it must not hide others
        return Metric(name, str(error), "", False, "", Group.QUALITY, default=False)


def show_codec(codec: str, point: str | None = None) -> CodecDescription:
    """Describe a codec by its name or card; its commands at the point, or at a middle one."""
    its = load_codec(codec)
    card = its.card
    missing = its.missing()
    its_point = card.middle_point if point is None else one_point(its, point)
    return CodecDescription(
        name=card.name,
        title=card.title,
        about=card.about,
        counted=card.counted,
        source=card.source,
        path=card.path,
        family=card.family,
        anchor=card.anchor,
        oracle=card.oracle,
        detects_damage=card.detects_damage,
        unit=card.unit,
        limits=card.limits,
        points=card.points,
        weights=tuple(f"{name}: {weights.description()}" for name, weights in card.sets.items()),
        options=card.options,
        point=its_point,
        conversion=colour.to_ycbcr_command() if its.card.codes_ycbcr else None,
        commands=its.commands(card.unit if its_point is None else its_point),
        missing=missing,
        remark=None if missing else its.remark(),
        fingerprint=None if missing else its.fingerprint,
        depends_on={} if missing else its.dependencies(),
    )
