"""From the store's rows to results: an array of images by points for each codec and metric."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from bench.codecs.codec import Point
from bench.codecs.points import name_points
from bench.metrics.matches import Matches
from bench.store import rows
from bench.store.choosing import PlannedCurve, choose_curves, choose_metrics, find_dataset
from bench.store.reader import Store
from bench.store.results import COSTS, CodecResults, FloatArray, Results, Run
from bench.store.rows import point_key
from bench.store.task_results import MatchArray, TaskResults
from bench.tasks.scorer import PSEUDO

Places: TypeAlias = Mapping[int, list[tuple[int, int]]]
"""Of each stream, where it is in an array: a picture may be in a data set under several names."""


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
    wanted: str | None,
    codecs: Sequence[str] | None,
    points: Mapping[str, Sequence[Point]],
) -> Results:
    dataset = find_dataset(store, wanted)
    of = _Images(store, dataset.id)
    curves, notes = choose_curves(store, dataset, of.rows, codecs)
    versions, old = choose_metrics(store, curves)
    runs = {
        run.id: Run(run.started, run.command, dict(json.loads(run.machine)))
        for run in store.select(rows.Run)
    }
    scorers = _scorers(store, of)
    found = tuple(
        _codec_results(store, curve, points.get(curve.name), of, runs, versions, scorers)
        for curve in curves
    )
    return Results(
        dataset.name,
        dataset.kind,
        dataset.digest,
        of.names,
        tuple((image.width, image.height) if image else (0, 0) for image in of.images),
        found,
        _failures(store, curves, of, found),
        (*notes, *old),
        tuple(scorers.values()),
        of.digests,
        tuple(member.truth for member in of.members),
        dataset.folder or dataset.name.partition("[")[0],
        dataset.version,
    )


class _Images:
    """The images of a data set, in order."""

    def __init__(self, store: Store, dataset: int) -> None:
        self.dataset = dataset
        members = store.select(rows.Member, dataset=dataset)
        self.members = sorted(members, key=lambda member: member.position)
        self.names = tuple(str(member.name) for member in self.members)
        self.digests = tuple(str(member.digest) for member in self.members)
        known = store.images_of(dataset)
        self.images: list[rows.Image | None] = [known.get(digest) for digest in self.digests]
        self.rows: dict[int, list[int]] = {}  # of those that were ever coded
        for row, image in enumerate(self.images):
            if image is not None:
                self.rows.setdefault(image.id, []).append(row)

    def truth(self, scorer: rows.Scorer, image: int) -> str | None:
        """What names the labels that count: those of the last run."""
        return PSEUDO if scorer.pseudo is not None else self.members[self.rows[image][-1]].truth


def _codec_results(
    store: Store,
    curve: PlannedCurve,
    chosen: Sequence[Point] | None,
    of: _Images,
    runs: Mapping[int, Run],
    versions: Mapping[str, int],
    scorers: Mapping[rows.Scorer, TaskResults],
) -> CodecResults:
    keys = _keys(curve, chosen, len(set(of.digests)))
    column = {key: index for index, key in enumerate(keys)}
    shape = (len(of.names), len(keys))
    size = np.full(shape, np.nan)
    costs = {cost: np.full(shape, np.nan) for cost in COSTS}
    provenance: dict[tuple[int, int], tuple[str, str, Run]] = {}
    places: dict[int, list[tuple[int, int]]] = {}
    for stream in curve.streams:
        if stream.point not in column:
            continue
        if not isinstance(stream.bytes, int) or stream.bytes < 0:
            raise ValueError(f"a stream of {stream.bytes!r} bytes")
        places[stream.id] = [(row, column[stream.point]) for row in of.rows[stream.image]]
        for where in places[stream.id]:
            size[where] = stream.bytes
            provenance[where] = stream.digest, stream.finished, runs[stream.run]
            for cost, values in costs.items():
                values[where] = getattr(stream, cost)  # None is NaN
    pixels = np.array([i.width * i.height if i else 0 for i in of.images], dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        bpp = 8 * size / pixels[:, None]
    return CodecResults(
        curve.name,
        curve.title,
        curve.planned.unit,
        bool(curve.planned.anchor),
        bool(curve.planned.oracle),
        curve.codec.fingerprint,
        tuple(json.loads(key) for key in keys),
        size,
        bpp,
        _quality(curve, versions, places, shape) | costs,
        provenance,
        curve.planned.card,
        curve.codec.version,
        _matches(store, curve, of, scorers, places, shape),
        {task.name: task.masks for task in scorers.values()},
    )


def _quality(
    curve: PlannedCurve, versions: Mapping[str, int], places: Places, shape: tuple[int, int]
) -> dict[str, FloatArray]:
    tables = {metric: np.full(shape, np.nan) for metric in versions.values()}
    found = set()
    for stream, metric, value in curve.measured:
        if metric in tables:
            for where in places.get(stream, ()):
                tables[metric][where] = value
                found.add(metric)
    return {name: tables[metric] for name, metric in versions.items() if metric in found}


def _matches(
    store: Store,
    curve: PlannedCurve,
    of: _Images,
    scorers: Mapping[rows.Scorer, TaskResults],
    places: Places,
    shape: tuple[int, int],
) -> dict[str, MatchArray]:
    """What each task network made of it; None where the picture was not looked at."""
    known = {scorer.id: scorer for scorer in scorers}
    image = {stream.id: stream.image for stream in curve.streams}
    tables: dict[str, MatchArray] = {}
    for score in store.select_of_codec(rows.Scored, curve.codec.id):
        scorer = known.get(score.scorer)
        if scorer is None or score.stream not in image:
            continue
        if score.truth == of.truth(scorer, image[score.stream]):
            if scorer.name not in tables:
                tables[scorer.name] = np.full(shape, None, dtype=object)
            matches = Matches.from_bytes(score.matches)
            for where in places.get(score.stream, ()):
                tables[scorer.name][where] = matches
    return tables


def _keys(curve: PlannedCurve, chosen: Sequence[Point] | None, images: int) -> list[str]:
    """Of the points to show, by rising rate."""
    coded: dict[str, dict[int, int]] = {}
    for stream in curve.streams:
        coded.setdefault(stream.point, {})[stream.image] = stream.bytes
    if chosen is not None:
        keys = [point_key(point) for point in chosen]
    else:
        whole = [key for key, sizes in coded.items() if len(sizes) == images]
        keys = list(dict.fromkeys([*json.loads(curve.planned.points), *whole]))
    if all(key in coded for key in keys):
        keys.sort(key=lambda key: np.mean(list(coded[key].values())))
    return keys


def _scorers(store: Store, of: _Images) -> dict[rows.Scorer, TaskResults]:
    """The newest of each name that was shown images, and what it made of the uncompressed ones."""
    newest = {scorer.name: scorer for scorer in store.scorers_of(of.dataset)}
    found = {}
    for scorer in newest.values():
        originals: list[Matches | None] = [None] * len(of.names)
        for original in store.select(rows.Original, scorer=scorer.id):
            image = original.image
            if image in of.rows and original.truth == of.truth(scorer, image):
                for row in of.rows[image]:
                    originals[row] = Matches.from_bytes(original.matches)
        found[scorer] = TaskResults(
            scorer.name,
            scorer.title,
            bool(scorer.masks),
            scorer.pseudo,
            scorer.fingerprint,
            tuple(originals),
        )
    return found


def _failures(
    store: Store, curves: Sequence[PlannedCurve], of: _Images, found: Sequence[CodecResults]
) -> tuple[tuple[str, str, Point, str], ...]:
    """What went wrong and has not gone well since; whatever it was, a report lacks it."""
    names = dict(zip(of.digests, of.names, strict=True))
    return tuple(
        (codec.name, names[failure.image], point, str(failure.reason))
        for curve, codec in zip(curves, found, strict=True)
        for failure in store.select(rows.Failure, codec=curve.codec.id)
        if failure.image in names and (point := json.loads(failure.point)) in codec.points
    )
