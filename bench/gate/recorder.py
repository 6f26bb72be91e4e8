"""Makes a recording from results."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.gate.match_text import record_text
from bench.gate.recording import VERSION, Recording, read_lines
from bench.metrics.matches import Matches
from bench.runtime.machine import this_machine
from bench.runtime.text import counted, grouped, one_line
from bench.store import CodecResults, Results, TaskResults

_DECIMALS = 6


def to_recording(results: Results, metrics: Mapping[str, str], source: Path) -> Recording:
    """The recording of results; each metric is given with its fingerprint."""
    return read_lines(tuple(_lines(results, metrics)), str(source))


def failures(results: Results) -> dict[str, str]:
    """For each codec with failures, how many there are, with the first reason."""
    failed = grouped(
        (codec, f"{image} at {results.codec(codec).unit} {point}: {one_line(reason)}")
        for codec, image, point, reason in sorted(results.failures, key=str)
    )
    return {
        codec: f"{counted(len(operations), 'operation')} of {codec} failed, such as {operations[0]}"
        for codec, operations in failed.items()
    }


def _lines(results: Results, metrics: Mapping[str, str]) -> Iterator[str]:
    machine = {key: value for key, value in this_machine().items() if key != "name"}
    heading = {
        "recording": VERSION,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine,
        "data": results.dataset,
        "version": results.version,
        "digest": results.digest,
        "labels": _labels(results),
        "metrics": dict(metrics),
        "tasks": {
            task.name: {
                "is": task.fingerprint,
                "measure": task.measure.name,
                "classes": task.classes,
            }
            for task in results.tasks
        },
    }
    yield _line(heading)
    for row, image in enumerate(results.images):
        width, height = results.sizes[row]
        instances = {task.name: _instances(task, row) for task in results.tasks}
        entry = {"image": image, "size": [width, height], "instances": instances}
        if uncompressed := {
            task.name: record_text(record, task.classes)
            for task in results.tasks
            if (record := task.originals[row]) is not None
        }:
            entry["uncompressed"] = uncompressed
        yield _line(entry)
    runs: dict[object, int] = {}
    for codec in results.codecs:
        yield _line(_codec(codec, runs))
        for row, column in np.ndindex(*codec.bytes.shape):
            if np.isfinite(codec.bytes[row, column]):
                stream = {"codec": codec.name, "point": codec.points[column]}
                stream["image"] = results.images[row]
                yield _line(stream | _measured(codec, metrics, results.tasks, row, column))


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _labels(results: Results) -> str:
    """A digest of the labels that results were scored against; empty if there were none."""
    if all(task.pseudo is not None for task in results.tasks):
        return ""
    return hashlib.sha256(json.dumps([[truth] for truth in results.truths]).encode()).hexdigest()


def _instances(task: TaskResults, row: int) -> list[list[int]] | None:
    """The number of instances of each class in an image, those that count and all."""
    record = task.originals[row]
    if not isinstance(record, Matches):
        return None
    return [record.valid.tolist(), record.instances.tolist()]


def _codec(codec: CodecResults, runs: dict[object, int]) -> dict[str, Any]:
    numbers = {runs.setdefault(run, len(runs) + 1) for *_, run in codec.provenance.values()}
    seconds = codec.values["encode_cpu"].sum(axis=1)
    return {
        "codec": codec.name,
        "fingerprint": codec.fingerprint,
        "unit": codec.unit,
        "points": codec.points,
        "run": numbers.pop() if len(numbers) == 1 else None,
        "encode_cpu": [float(f"{value:.4g}") if np.isfinite(value) else None for value in seconds],
    }


def _measured(
    codec: CodecResults,
    metrics: Iterable[str],
    tasks: Iterable[TaskResults],
    row: int,
    column: int,
) -> dict[str, int | float | str]:
    """The values of one stream; unknown ones are left out."""
    found: dict[str, int | float | str] = {"bytes": int(codec.bytes[row, column])}
    for metric in metrics:
        if metric in codec.values and np.isfinite(value := codec.values[metric][row, column]):
            found[metric] = round(float(value), _DECIMALS)
    for task in tasks:
        matches = codec.matches.get(task.name)
        if matches is not None and matches[row, column] is not None:
            found[task.metric] = record_text(matches[row, column], task.classes)
    return found
