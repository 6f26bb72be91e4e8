"""A recording: the results of a baseline's codecs, as lines of JSON that a diff can show.

The first line holds the data set, versions, date and machine. Then there is a line for each image,
for each codec, and for each codec's stream of an image at a point. New results are converted to the
same lines before a comparison, so that unchanged values are exactly equal. Values have six
decimals. Encoding times change with every run, so the codec's line has only their sum by image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.errors import DataError
from bench.gate.match_text import read_record
from bench.metrics.bjontegaard import FloatArray
from bench.metrics.measure import MEASURES, Measure
from bench.metrics.task_sample import SetScore
from bench.runtime.files import check_regular, write_text
from bench.store import CodecResults, MatchArray, point_key
from bench.store.schema import FORMER_CLASSES

VERSION = 1
# Raised on reading lines that are not a recording.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, eq=False)
class RecordedCodec(CodecResults):
    """A codec's recorded results; times at single points and provenance are not recorded."""

    encode_cpu: FloatArray = field(kw_only=True)  # of each image, all its points together
    run: int | None = field(kw_only=True)  # the one of the recording's runs that timed it, if one

    @property
    def point_keys(self) -> list[str]:
        """The points, to be compared with those of another recording."""
        return list(map(point_key, self.points))


@dataclass(frozen=True, eq=False)
class Recording:
    """All codecs on one data set, and the versions and labels that their values depend on."""

    lines: tuple[str, ...]
    date: str
    processor: str
    data: str
    digest: str
    labels: str  # a digest of the ground truth
    versions: Mapping[str, str]  # what values of each metric, task networks too, depend on
    images: tuple[str, ...]
    codecs: Mapping[str, RecordedCodec]
    uncompressed: Mapping[str, SetScore] = field(default_factory=dict)  # by metric
    version: str | None = None  # of the data set, if it has versions


def read_recording(path: Path) -> Recording:
    try:
        check_regular(path)
        with path.open(encoding="utf-8") as file:
            return read_lines(tuple(file), str(path))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no recording; make one with --record") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def write_recording(recording: Recording, path: Path) -> None:
    write_text(path, "".join(recording.lines))


def read_lines(lines: tuple[str, ...], where: str) -> Recording:
    """Parse the lines of a recording; ``where`` names their file in errors."""
    number = 1
    images: dict[str, dict[str, Any]] = {}
    codecs: dict[str, dict[str, Any]] = {}
    streams: dict[str, list[dict[str, Any]]] = {}
    try:
        heading = json.loads(lines[0]) if lines else {}
        if heading.get("recording") != VERSION:
            raise DataError(
                f"{where}: not a recording of this version of bench; record again with --record"
            )
        for line in lines[1:]:
            number += 1
            entry = json.loads(line)
            if "bytes" in entry:
                streams[entry["codec"]].append(entry)
            elif "codec" in entry:
                codecs[entry["codec"]], streams[entry["codec"]] = entry, []
            else:
                images[entry["image"]] = entry
        tasks = _tasks(heading)
        versions = {task.metric: heading["tasks"][task.name]["is"] for task in tasks}
        return Recording(
            lines,
            heading["date"],
            heading["machine"]["processor"],
            heading["data"],
            heading["digest"],
            heading["labels"],
            heading["metrics"] | versions,
            tuple(images),
            {name: _recorded(codecs[name], streams[name], images, heading) for name in codecs},
            _uncompressed(images, tasks),
            _version(heading),
        )
    except _DAMAGE as error:
        raise DataError(
            f"{where}: damaged at line {number} "
            f"({type(error).__name__}: {error}); record again with --record"
        ) from error


class _Task(NamedTuple):
    """A task network, and what its records mean."""

    name: str
    measure: Measure
    classes: tuple[str, ...]

    @property
    def metric(self) -> str:
        return self.measure.metric_of(self.name)


def _tasks(heading: dict[str, Any]) -> list[_Task]:
    """Earlier recordings say only whether a network finds masks."""
    return [
        _Task(
            name,
            MEASURES[task.get("measure") or ("cityscapes-ap" if task["masks"] else "box-ap")],
            tuple(task.get("classes", FORMER_CLASSES)),
        )
        for name, task in heading["tasks"].items()
    ]


def _version(heading: dict[str, Any]) -> str | None:
    """The version of the data set; recordings of bench 0.1 lack it."""
    only = "1" if heading["data"].startswith("toyscapes:") else None
    version: str | None = heading.get("version", only)
    return version


def _recorded(
    codec: dict[str, Any],
    streams: list[dict[str, Any]],
    images: dict[str, dict[str, Any]],
    heading: dict[str, Any],
) -> RecordedCodec:
    row = {name: index for index, name in enumerate(images)}
    column = {point_key(point): index for index, point in enumerate(codec["points"])}
    shape = (len(row), len(column))
    size, rate = np.full(shape, np.nan), np.full(shape, np.nan)
    values = {metric: np.full(shape, np.nan) for metric in heading["metrics"]}
    tasks = _tasks(heading)
    seen: dict[str, MatchArray] = {task.name: np.full(shape, None) for task in tasks}
    for stream in streams:
        image = images[stream["image"]]
        where = row[stream["image"]], column[point_key(stream["point"])]
        size[where] = stream["bytes"]
        rate[where] = 8 * stream["bytes"] / (image["size"][0] * image["size"][1])
        for metric, table in values.items():
            table[where] = stream.get(metric, np.nan)
        for task in tasks:
            if (text := stream.get(task.metric)) is not None:
                counts = image["instances"][task.name]
                record = read_record(text, task.measure, task.classes, counts)
                seen[task.name][where] = record
    if len(codec["encode_cpu"]) != len(row) or not isinstance(codec["fingerprint"], str):
        raise ValueError(f"{codec['codec']} has no time for each image, or no fingerprint")
    return RecordedCodec(
        name=codec["codec"],
        title=codec["codec"],
        unit=codec["unit"],
        anchor=False,
        oracle=False,
        fingerprint=codec["fingerprint"],
        points=tuple(codec["points"]),
        bytes=size,
        bpp=rate,
        values=values | {"bpp": rate},
        provenance={},
        matches=seen,
        measures={task.name: task.measure for task in tasks},
        encode_cpu=np.array([np.nan if time is None else time for time in codec["encode_cpu"]]),
        run=codec["run"],
    )


def _uncompressed(images: dict[str, dict[str, Any]], tasks: Sequence[_Task]) -> dict[str, SetScore]:
    """The score of each task network on all uncompressed images; older recordings lack it."""
    scores = {}
    for task in tasks:
        name = task.name
        if images and all(name in image.get("uncompressed", ()) for image in images.values()):
            records = [
                read_record(
                    image["uncompressed"][name],
                    task.measure,
                    task.classes,
                    image["instances"][name],
                )
                for image in images.values()
            ]
            scores[task.metric] = SetScore(records, task.measure)
    return scores
