"""A recording: what a baseline's codecs gave, as lines of JSON that a diff can show.

First what was measured, with what, when and where; then a line for each image, for each codec, and
for each codec's stream of an image at a point. Whatever is held against a recording goes through
the same lines, so that what has not changed differs by exactly nothing. Values have six decimals.
Encoding times are summed up for each image on the codec's own line: they change with every run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.codec import Point
from bench.errors import DataError
from bench.files import replacing
from bench.gate.match_text import from_text, to_text
from bench.machine import this_machine
from bench.metrics import wap_of
from bench.metrics.bjontegaard import FloatArray
from bench.metrics.bootstrap import Sample
from bench.metrics.task_sample import SetScore, TaskSample
from bench.report.results import CodecResults, Results
from bench.report.scorings import MatchArray, Scoring, looked_at
from bench.report.words import one_line
from bench.store import Store, point_key
from bench.words import counted

VERSION = 1
_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Recorded:
    """One codec: an image a row, a point a column."""

    name: str
    unit: str
    fingerprint: str
    points: tuple[Point, ...]
    rate: FloatArray
    curves: Mapping[str, Sample | TaskSample]  # by metric
    encode_cpu: FloatArray  # of each image, all its points together
    run: int | None  # which of the recording's runs timed it; None if no single one did

    def curve(self, metric: str) -> Sample | TaskSample:
        return Sample(self.rate, self.rate, self.name) if metric == "bpp" else self.curves[metric]


@dataclass(frozen=True, eq=False)
class Recording:
    """All codecs on one data set, and what all depends on."""

    lines: tuple[str, ...]
    date: str
    processor: str
    data: str
    digest: str
    labels: str  # names those that detections were held to
    versions: Mapping[str, str]  # what values of each metric, task networks too, depend on
    images: tuple[str, ...]
    codecs: Mapping[str, Recorded]


def take(results: Results, metrics: Mapping[str, str], store: Store) -> Recording:
    """What is to be written down of results, read again; each metric comes with its fingerprint."""
    return _read(tuple(_lines(results, metrics, store)), str(store.folder))


def read_recording(path: Path) -> Recording:
    try:
        with path.open(encoding="utf-8") as file:
            return _read(tuple(file), str(path))
    except FileNotFoundError as error:
        raise DataError(f"{path}: nothing is recorded yet; --record does it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def write_recording(recording: Recording, path: Path) -> None:
    try:
        with replacing(path) as temporary:
            temporary.write_text("".join(recording.lines), "utf-8", newline="\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def failures(results: Results) -> dict[str, str]:
    """Of each codec that lacks something, how much, and the first reason why."""
    told: dict[str, str] = {}
    for name, image, point, reason in sorted(results.failures, key=str):
        count = sum(failed == name for failed, *_ in results.failures)
        unit = results.codec(name).unit
        first = f"{image} at {unit} {point}: {one_line(reason)}"
        told.setdefault(name, f"{counted(count, 'operation')} of {name} failed, such as {first}")
    return told


def _lines(results: Results, metrics: Mapping[str, str], store: Store) -> Iterator[str]:
    machine = {name: said for name, said in this_machine().items() if name != "name"}
    heading = {
        "recording": VERSION,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine,
        "data": results.dataset,
        "digest": results.digest,
        "labels": _labels(store, results.digest),
        "metrics": dict(metrics),
        "tasks": {s.name: {"is": s.fingerprint, "masks": s.masks} for s in results.scorings},
    }
    yield _line(heading)
    for row, image in enumerate(results.images):
        width, height = results.sizes[row]
        instances = {scoring.name: _instances(scoring, row) for scoring in results.scorings}
        yield _line({"image": image, "size": [width, height], "instances": instances})
    runs: dict[object, int] = {}
    for codec in results.codecs:
        yield _line(_codec(codec, runs))
        for row, column in np.ndindex(*codec.bytes.shape):
            if np.isfinite(codec.bytes[row, column]):
                stream = {"codec": codec.name, "point": codec.points[column]}
                stream["image"] = results.images[row]
                yield _line(stream | _measured(codec, metrics, results.scorings, row, column))


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _labels(store: Store, digest: str) -> str:
    """Names the labels that results were held to."""
    rows = store.rows(
        "SELECT truth FROM members JOIN datasets ON datasets.id = dataset "
        "WHERE datasets.digest = ? ORDER BY position",
        (digest,),
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _instances(scoring: Scoring, row: int) -> list[list[int]] | None:
    """How many of each class are to be found in an image, and how many there are."""
    matches = scoring.originals[row]
    return [matches.valid.tolist(), matches.instances.tolist()] if matches else None


def _codec(codec: CodecResults, runs: dict[object, int]) -> dict[str, Any]:
    its_runs = {run for *_, run in codec.provenance.values()}
    numbers = [runs.setdefault(run, len(runs) + 1) for run in its_runs]
    seconds = codec.values["encode_cpu"].sum(axis=1)
    return {
        "codec": codec.name,
        "fingerprint": codec.fingerprint,
        "unit": codec.unit,
        "points": codec.points,
        "run": numbers[0] if len(numbers) == 1 else None,
        "encode_cpu": [float(f"{value:.4g}") if np.isfinite(value) else None for value in seconds],
    }


def _measured(
    codec: CodecResults,
    metrics: Iterable[str],
    scorings: Iterable[Scoring],
    row: int,
    column: int,
) -> dict[str, int | float | str]:
    """What is known of one stream; what is not, is not there."""
    found: dict[str, int | float | str] = {"bytes": int(codec.bytes[row, column])}
    for metric in metrics:
        value = codec.values[metric][row, column] if metric in codec.values else np.nan
        if np.isfinite(value):
            found[metric] = round(float(value), _DECIMALS)
    for scoring in scorings:
        seen = codec.matches.get(scoring.name)
        if seen is not None and seen[row, column] is not None:
            found[wap_of(scoring.name)] = to_text(seen[row, column])
    return found


def _read(lines: tuple[str, ...], where: str) -> Recording:
    number = 1
    images: dict[str, dict[str, Any]] = {}
    codecs: dict[str, dict[str, Any]] = {}
    streams: dict[str, list[dict[str, Any]]] = {}
    try:
        heading = json.loads(lines[0]) if lines else {}
        if heading.get("recording") != VERSION:
            raise DataError(f"{where}: not a recording of this bench; --record makes it anew")
        for line in lines[1:]:
            number += 1
            entry = json.loads(line)
            if "bytes" in entry:
                streams[entry["codec"]].append(entry)
            elif "codec" in entry:
                codecs[entry["codec"]], streams[entry["codec"]] = entry, []
            else:
                images[entry["image"]] = entry
        tasks = {wap_of(name): task["is"] for name, task in heading["tasks"].items()}
        return Recording(
            lines,
            heading["date"],
            heading["machine"]["processor"],
            heading["data"],
            heading["digest"],
            heading["labels"],
            heading["metrics"] | tasks,
            tuple(images),
            {name: _recorded(codecs[name], streams[name], images, heading) for name in codecs},
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"{where}: damaged, at line {number} or in what it says "
            f"({type(error).__name__}: {error}); --record makes it anew"
        ) from error


def _recorded(
    codec: dict[str, Any],
    streams: list[dict[str, Any]],
    images: dict[str, dict[str, Any]],
    heading: dict[str, Any],
) -> Recorded:
    row = {name: index for index, name in enumerate(images)}
    column = {point_key(point): index for index, point in enumerate(codec["points"])}
    shape = (len(row), len(column))
    rate = np.full(shape, np.nan)
    values = {metric: np.full(shape, np.nan) for metric in heading["metrics"]}
    seen: dict[str, MatchArray] = {task: np.full(shape, None) for task in heading["tasks"]}
    for stream in streams:
        image = images[stream["image"]]
        where = row[stream["image"]], column[point_key(stream["point"])]
        rate[where] = 8 * stream["bytes"] / (image["size"][0] * image["size"][1])
        for metric, table in values.items():
            table[where] = stream.get(metric, np.nan)
        for task, matches in seen.items():
            if (text := stream.get(wap_of(task))) is not None:
                matches[where] = from_text(text, *image["instances"][task])
    name = codec["codec"]
    curves: dict[str, Sample | TaskSample] = {
        metric: Sample(rate, table, name) for metric, table in values.items()
    }
    for task, matches in seen.items():
        curves[wap_of(task)] = _as_seen(name, rate, matches, heading["tasks"][task]["masks"])
    return Recorded(
        name,
        codec["unit"],
        codec["fingerprint"],
        tuple(codec["points"]),
        rate,
        curves,
        np.array([np.nan if value is None else value for value in codec["encode_cpu"]]),
        codec["run"],
    )


def _as_seen(name: str, rate: FloatArray, matches: MatchArray, masks: bool) -> TaskSample:
    there = looked_at(matches)
    scores = [
        SetScore(list(matches[:, column]), masks=masks) if there[:, column].all() else None
        for column in range(there.shape[1])
    ]
    return TaskSample(rate, scores, (~there).sum(axis=0), name)
