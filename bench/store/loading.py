"""From the store's rows to results: which codecs, points and versions of metrics count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.codecs.catalog import full_name
from bench.codecs.codec import Point, title_with_version, what_changed
from bench.codecs.points import name_points
from bench.datasets import dataset_kind
from bench.errors import StoreError
from bench.metrics import METRICS, describe, version_in
from bench.store.results import COSTS, CodecResults, FloatArray, Results, Run
from bench.store.store import Store, point_key
from bench.store.task_results import load_task_results


@dataclass(frozen=True)
class _Planned:
    """A codec as a data set was to be coded by it."""

    codec: int  # in the store, where cards that code alike are one
    fingerprint: str
    name: str
    title: str
    unit: str
    anchor: bool
    oracle: bool
    card: str
    points: tuple[str, ...]  # their keys
    version: str | None  # of the software that ran


def load_results(
    store: Store,
    *,
    dataset: str | None = None,
    codecs: Sequence[str] | None = None,
    points: Mapping[str, Sequence[Point]] | None = None,
) -> Results:
    """What the store has on a dataset (its digest or name; by default the one used last).

    Of a codec that ``points`` does not name, these are the points of its last run and all others
    that every image has.
    """
    with store.read_transaction():
        return _load(store, dataset, codecs, points or {})


def _load(
    store: Store,
    dataset: str | None,
    codecs: Sequence[str] | None,
    points: Mapping[str, Sequence[Point]],
) -> Results:
    number, digest, kind, name, folder = _dataset(store, dataset)
    members: list[Any] = store.rows(
        "SELECT members.name, members.digest, width, height, truth FROM members "
        "LEFT JOIN images ON images.digest = members.digest WHERE dataset = ? ORDER BY position",
        (number,),
    )
    rows: dict[str, list[int]] = {}  # a picture may be in a dataset under several names
    for row, (_, image, *_) in enumerate(members):
        rows.setdefault(str(image), []).append(row)
    planned = _planned(store, number)
    if codecs is not None:
        stored = list(dict.fromkeys(plan.name for plan in planned))
        codecs = list(dict.fromkeys(full_name(codec, stored) for codec in codecs))
    newest: dict[str, _Planned] = {}
    notes = []
    for plan in planned:
        used = newest.setdefault(plan.name, plan)
        if used is not plan and (codecs is None or plan.name in codecs):
            its_inputs = store.inputs(plan.fingerprint), store.inputs(used.fingerprint)
            notes.append(
                f"{plan.name}: older results of fingerprint {plan.fingerprint[:12]} are left out; "
                f"changed since: {what_changed(*its_inputs)}"
            )
    chosen = list(reversed(newest.values()))
    if codecs is not None:
        missing = [codec for codec in codecs if codec not in newest]
        if missing:
            raise StoreError(f"{store.folder}: no results of '{missing[0]}' on {name}")
        chosen = [newest[codec] for codec in codecs]
    runs, (versions, old) = _runs(store), _metric_versions(store, number, chosen)
    tasks, seen = load_task_results(store, number, rows)
    masks = {task.name: task.masks for task in tasks}
    found = tuple(
        replace(
            _codec(store, plan, points.get(plan.name), members, rows, runs, versions), masks=masks
        ).with_matches(seen.get(plan.codec, {}), rows)
        for plan in chosen
    )
    notes += old
    return Results(
        name,
        kind,
        digest,
        tuple(str(member[0]) for member in members),
        tuple((width or 0, height or 0) for _, _, width, height, _ in members),
        found,
        _failures(store, chosen, members, found),
        tuple(notes),
        tasks,
        tuple(str(member[1]) for member in members),
        tuple(member[4] for member in members),
        folder or name.partition("[")[0],
    )


def _planned(store: Store, dataset: int) -> list[_Planned]:
    """All that a data set was to be coded by, the last used first."""
    rows: list[Any] = store.rows(
        "SELECT codec, fingerprint, name, title, unit, anchor, oracle, card, points, options, "
        "version "
        "FROM planned JOIN codecs ON codecs.id = codec WHERE dataset = ? ORDER BY used DESC",
        (dataset,),
    )
    return [
        _Planned(
            codec,
            mark,
            name,
            title_with_version(title, json.loads(options), version),
            unit,
            bool(anchor),
            bool(oracle),
            card,
            tuple(json.loads(keys)),
            version,
        )
        for codec, mark, name, title, unit, anchor, oracle, card, keys, options, version in rows
    ]


def stored_datasets(store: Store) -> list[str]:
    """The digests of the data sets that anything was to be coded of, the last used first."""
    rows = store.rows(
        "SELECT digest FROM datasets WHERE id IN (SELECT dataset FROM planned) ORDER BY used DESC"
    )
    return [str(digest) for (digest,) in rows]


def stored_name(store: Store, dataset: str, codec: str) -> str:
    """An anchor's full name; one that the store has nothing of is refused, before coding begins."""
    found = store.rows(
        "SELECT DISTINCT planned.name FROM planned JOIN datasets ON datasets.id = dataset "
        "WHERE digest = ?",
        (dataset,),
    )
    known = [str(name) for (name,) in found]
    if (codec := full_name(codec, known)) not in known:
        there = f"the store has {', '.join(known)}" if known else "the store has none there yet"
        raise StoreError(
            f"--anchor {codec}: not in this run, and without results on this data ({there}); "
            f"run it too, with --codec {codec}"
        )
    return codec


def _dataset(store: Store, wanted: str | None) -> tuple[int, str, str, str, str | None]:
    """By digest or name, or as --data says it to run: toyscapes, or a folder's path."""
    datasets: list[Any] = store.rows(
        "SELECT id, digest, kind, name, folder FROM datasets ORDER BY used DESC"
    )
    if not datasets:
        raise StoreError(f"{store.folder}: no results there yet; 'bench run' makes some")
    path = str(Path(wanted).resolve()) if wanted else None
    is_folder = wanted is not None and dataset_kind(wanted) == "folder" and Path(wanted).is_dir()
    for number, digest, kind, name, folder in datasets:
        said = (digest, name, name.partition("[")[0], kind)
        if wanted is None or path == folder or (wanted in said and not is_folder):
            return number, digest, kind, name, folder
    known = ", ".join(dict.fromkeys(str(row[4] or row[3]) for row in datasets))
    raise StoreError(f"{store.folder}: no results on '{wanted}'; there are some on {known}")


def _metric_versions(
    store: Store, dataset: int, plans: list[_Planned]
) -> tuple[dict[str, int], list[str]]:
    """Of each metric the one version that counts, the latest; and notes on values of others.

    Values of two versions are never compared, be it of one codec or of two.
    """
    rows: list[Any] = store.rows(
        "SELECT DISTINCT codec, metrics.name, metric, used, metrics.fingerprint FROM measured "
        "JOIN metrics ON metrics.id = metric JOIN streams ON streams.id = stream "
        "JOIN images ON images.id = image "
        "WHERE images.digest IN (SELECT digest FROM members WHERE dataset = ?)",
        (dataset,),
    )
    names = {plan.codec: plan.name for plan in plans}
    mine = sorted((row for row in rows if row[0] in names), key=lambda row: row[3])
    latest = {metric: version for _, metric, version, *_ in mine if metric in METRICS}
    marks = {metric: mark for _, metric, _, _, mark in mine}
    left_out: dict[str, list[str]] = {}  # by the codecs that have no value of the latest
    earlier = []
    for metric in (name for name in METRICS if name in latest):
        theirs = [(codec, version) for codec, name, version, *_ in mine if name == metric]
        counted = {codec for codec, version in theirs if version == latest[metric]}
        title = describe(metric).title
        if lacking := sorted({names[codec] for codec, _ in theirs if codec not in counted}):
            left_out.setdefault(", ".join(lacking), []).append(title)
        if version_in(marks[metric]) != METRICS[metric].version:
            earlier.append(title)
    remedy = "'bench run' measures anew, without coding"
    notes = [
        f"{codecs}: {', '.join(titles)} left out, as measured by another version of the metric, or "
        f"of ffmpeg; {remedy}"
        for codecs, titles in left_out.items()
    ]
    if earlier:
        notes.append(
            f"{', '.join(earlier)}: measured by an earlier version of the metric; {remedy}"
        )
    return {name: latest[name] for name in METRICS if name in latest}, notes


def _runs(store: Store) -> dict[int, Run]:
    rows: list[Any] = store.rows("SELECT id, started, command, machine FROM runs")
    return {
        number: Run(started, command, dict(json.loads(machine)))
        for number, started, command, machine in rows
    }


def load_some(
    store: Store,
    dataset: str | None,
    codecs: Sequence[str] | None,
    points: Sequence[str],
) -> Results:
    """``load_results`` with points as the command line gives them."""
    found = load_results(store, dataset=dataset, codecs=codecs)
    if not points:
        return found
    picked = name_points({codec.name: codec.unit for codec in found.codecs}, points)
    return load_results(store, dataset=found.digest, codecs=codecs, points=picked)


def _codec(
    store: Store,
    plan: _Planned,
    chosen: Sequence[Point] | None,
    members: list[Any],
    rows: dict[str, list[int]],
    runs: dict[int, Run],
    versions: dict[str, int],
) -> CodecResults:
    every: list[Any] = store.rows(
        "SELECT streams.id, images.digest, point, streams.digest, bytes, encode_cpu, encode_wall, "
        "decode_cpu, decode_wall, finished, run FROM streams "
        "JOIN images ON images.id = image WHERE codec = ?",
        (plan.codec,),
    )
    streams = [stream for stream in every if stream[1] in rows]
    keys = _keys(plan, chosen, streams, len(rows))
    column = {key: index for index, key in enumerate(keys)}
    shape = (len(members), len(keys))
    pixels = np.array([(w or 0) * (h or 0) for _, _, w, h, _ in members], dtype=np.float64)
    values = {cost: np.full(shape, np.nan) for cost in COSTS}
    size = np.full(shape, np.nan)
    provenance: dict[tuple[int, int], tuple[str, str, Run]] = {}
    places: dict[int, list[tuple[int, int]]] = {}
    for stream, image, point, digest, count, *costs, finished, run in streams:
        if point not in column:
            continue
        if not isinstance(count, int) or count < 0:
            raise ValueError(f"a stream of {count!r} bytes")
        places[stream] = [(row, column[point]) for row in rows[image]]
        for where in places[stream]:
            size[where] = count
            provenance[where] = digest, finished, runs[run]
            for cost, value in zip(COSTS, costs, strict=True):
                values[cost][where] = np.nan if value is None else value
    quality: dict[str, FloatArray] = {}
    for metric, version in versions.items():
        measured: list[Any] = store.rows(
            "SELECT stream, value FROM measured JOIN streams ON streams.id = stream "
            "WHERE codec = ? AND metric = ?",
            (plan.codec, version),
        )
        for stream, value in measured:
            for where in places.get(stream, ()):
                quality.setdefault(metric, np.full(shape, np.nan))
                quality[metric][where] = np.nan if value is None else value
    with np.errstate(invalid="ignore", divide="ignore"):
        bpp = 8 * size / pixels[:, None]
    return CodecResults(
        plan.name,
        plan.title,
        plan.unit,
        plan.anchor,
        plan.oracle,
        plan.fingerprint,
        tuple(json.loads(key) for key in keys),
        size,
        bpp,
        quality | values,
        provenance,
        plan.card,
        plan.version,
    )


def _keys(
    plan: _Planned, chosen: Sequence[Point] | None, streams: list[Any], images: int
) -> list[str]:
    """Of the points to show, by rising rate."""
    coded: dict[str, dict[str, int]] = {}
    for _, image, key, _, size, *_ in streams:
        coded.setdefault(key, {})[image] = size
    if chosen is not None:
        keys = [point_key(point) for point in chosen]
    else:
        whole = [key for key, sizes in coded.items() if len(sizes) == images]
        keys = list(dict.fromkeys([*plan.points, *whole]))
    if all(key in coded for key in keys):
        keys.sort(key=lambda key: np.mean(list(coded[key].values())))
    return keys


def _failures(
    store: Store,
    plans: list[_Planned],
    members: list[Any],
    found: tuple[CodecResults, ...],
) -> tuple[tuple[str, str, Point, str], ...]:
    """What went wrong and has not gone well since; whatever it was, a report lacks it."""
    names = {str(digest): str(name) for name, digest, *_ in members}
    failures = []
    for plan, codec in zip(plans, found, strict=True):
        rows: list[Any] = store.rows(
            "SELECT image, point, reason FROM failures WHERE codec = ?", (plan.codec,)
        )
        failures += [
            (codec.name, names[image], json.loads(point), str(reason))
            for image, point, reason in rows
            if image in names and json.loads(point) in codec.points
        ]
    return tuple(failures)
