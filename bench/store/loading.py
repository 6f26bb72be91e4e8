"""Loads results from the store's rows: an array of images by points for each codec and metric."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from bench.codecs.codec import Point
from bench.codecs.points import name_points
from bench.metrics.measure import MEASURES, Record
from bench.store import rows
from bench.store.choosing import PlannedCurve, choose_curves, choose_metrics, find_dataset
from bench.store.reader import Store
from bench.store.results import (
    COSTS,
    CodecResults,
    FloatArray,
    MatchArray,
    Results,
    Run,
    TaskResults,
)
from bench.store.rows import point_key
from bench.tasks.scorer import PSEUDO

Places: TypeAlias = Mapping[int, list[tuple[int, int]]]
"""Where each stream is in an array; a picture may be in a data set under several names."""


def load_results(
    store: Store,
    *,
    dataset: str | None = None,
    codecs: Sequence[str] | None = None,
    points: Mapping[str, Sequence[Point]] | Sequence[str] = (),
) -> Results:
    """The results on a dataset, by its digest or name; by default the one used last.

    ``points`` are by codec, or in the command line's form. A codec that they do not name has the
    points of its last run and all others that every image has.
    """
    with store.read_transaction():
        return _Loader(store, find_dataset(store, dataset)).results(codecs, points)


class _Loader:
    """The rows of one data set; its images are in order."""

    def __init__(self, store: Store, dataset: rows.Dataset) -> None:
        self.store, self.dataset = store, dataset
        members = store.select(rows.Member, dataset=dataset.id)
        self.members = sorted(members, key=lambda member: member.position)
        self.names = tuple(str(member.name) for member in self.members)
        self.digests = tuple(str(member.digest) for member in self.members)
        known = store.images_of(dataset.id)
        self.images: list[rows.Image | None] = [known.get(digest) for digest in self.digests]
        self.positions: dict[int, list[int]] = {}  # of each image that was ever coded
        for position, image in enumerate(self.images):
            if image is not None:
                self.positions.setdefault(image.id, []).append(position)
        self.runs = {
            run.id: Run(run.started, run.command, dict(json.loads(run.machine)))
            for run in store.select(rows.Run)
        }
        self.notes: list[str] = []
        self.scorers = self._scorers()

    def results(
        self,
        codecs: Sequence[str] | None,
        points: Mapping[str, Sequence[Point]] | Sequence[str],
    ) -> Results:
        dataset = self.dataset
        curves, notes = choose_curves(self.store, dataset, self.positions, codecs)
        versions, old = choose_metrics(self.store, curves)
        if not isinstance(points, Mapping):
            points = name_points({curve.name: curve.planned.unit for curve in curves}, points)
        found = tuple(self._codec(curve, points.get(curve.name), versions) for curve in curves)
        return Results(
            dataset.name,
            dataset.kind,
            dataset.digest,
            self.names,
            tuple((image.width, image.height) if image else (0, 0) for image in self.images),
            found,
            self._failures(curves, found),
            (*notes, *old, *self.notes),
            tuple(self.scorers.values()),
            self.digests,
            tuple(member.truth("instances") for member in self.members),
            dataset.folder or dataset.name.partition("[")[0],
            dataset.version,
        )

    def _scorers(self) -> dict[rows.Scorer, TaskResults]:
        """The newest network of each name, and its records of the uncompressed images."""
        newest = {scorer.name: scorer for scorer in self.store.scorers_of(self.dataset.id)}
        found = {}
        for scorer in newest.values():
            if scorer.measure not in MEASURES:
                self.notes.append(
                    f"{scorer.name} left out: unknown measure {scorer.measure}; install the "
                    "package that measured it"
                )
                continue
            measure = MEASURES[scorer.measure]
            originals: list[Record | None] = [None] * len(self.names)
            for original in self.store.select(rows.Original, scorer=scorer.id):
                positions = self.positions.get(original.image, ())
                if positions and original.truth == self._truth(scorer, positions[-1]):
                    for position in positions:
                        originals[position] = measure.read(original.matches)
            found[scorer] = TaskResults(
                scorer.name,
                scorer.title,
                measure,
                tuple(json.loads(scorer.classes)),
                scorer.pseudo,
                scorer.fingerprint,
                tuple(originals),
            )
        return found

    def _truth(self, scorer: rows.Scorer, position: int) -> str | None:
        """The name of the current ground truth, that of the last run."""
        if scorer.pseudo is not None:
            return PSEUDO
        return self.members[position].truth(MEASURES[scorer.measure].labels)

    def _codec(
        self, curve: PlannedCurve, chosen: Sequence[Point] | None, versions: Mapping[str, int]
    ) -> CodecResults:
        keys = _keys(curve, chosen, len(set(self.digests)))
        column = {key: index for index, key in enumerate(keys)}
        shape = (len(self.names), len(keys))
        size = np.full(shape, np.nan)
        costs = {cost: np.full(shape, np.nan) for cost in COSTS}
        parts: dict[str, FloatArray] = {}
        provenance: dict[tuple[int, int], tuple[str, str, Run]] = {}
        places: dict[int, list[tuple[int, int]]] = {}
        for stream in curve.streams:
            if stream.point not in column:
                continue
            if not isinstance(stream.bytes, int) or stream.bytes < 0:
                raise ValueError(f"a stream of {stream.bytes!r} bytes")
            positions = self.positions[stream.image]
            places[stream.id] = [(position, column[stream.point]) for position in positions]
            for where in places[stream.id]:
                size[where] = stream.bytes
                provenance[where] = stream.digest, stream.finished, self.runs[stream.run]
                for cost, values in costs.items():
                    values[where] = getattr(stream, cost)  # None is NaN
                for part, size_of_part in json.loads(stream.parts or "{}").items():
                    parts.setdefault(part, np.full(shape, np.nan))[where] = size_of_part
        pixels = np.array([i.width * i.height if i else 0 for i in self.images], dtype=np.float64)
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
            self._matches(curve, places, shape),
            {task.name: task.measure for task in self.scorers.values()},
            parts,
        )

    def _matches(
        self, curve: PlannedCurve, places: Places, shape: tuple[int, int]
    ) -> dict[str, MatchArray]:
        """Each scorer's record of each picture; None where it has not seen the picture."""
        known = {scorer.id: scorer for scorer in self.scorers}
        tables: dict[str, MatchArray] = {}
        for score in self.store.select_of_codec(rows.Scored, curve.codec.id):
            scorer, where = known.get(score.scorer), places.get(score.stream)
            if scorer and where and score.truth == self._truth(scorer, where[-1][0]):
                if scorer.name not in tables:
                    tables[scorer.name] = np.full(shape, None, dtype=object)
                record = self.scorers[scorer].measure.read(score.matches)
                for place in where:
                    tables[scorer.name][place] = record
        return tables

    def _failures(
        self, curves: Sequence[PlannedCurve], found: Sequence[CodecResults]
    ) -> tuple[tuple[str, str, Point, str], ...]:
        """The failures at the points that are shown, unless a later try succeeded."""
        names = dict(zip(self.digests, self.names, strict=True))
        return tuple(
            (codec.name, names[failure.image], point, str(failure.reason))
            for curve, codec in zip(curves, found, strict=True)
            for failure in self.store.select(rows.Failure, codec=curve.codec.id)
            if failure.image in names and (point := json.loads(failure.point)) in codec.points
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


def _keys(curve: PlannedCurve, chosen: Sequence[Point] | None, images: int) -> list[str]:
    """The keys of the points to show, by rising rate."""
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
