"""What the store holds of a dataset, as one table of images by points for each codec."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.codec import Point
from bench.errors import StoreError
from bench.metrics import METRICS
from bench.plan import name_points
from bench.store import Store, point_key

if TYPE_CHECKING:
    import pandas

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
COSTS = ("encode_cpu", "encode_wall", "decode_cpu", "decode_wall")


@dataclass(frozen=True, eq=False)
class Run:
    """A command that made results, and the machine that it ran on."""

    started: str
    command: str
    machine: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class CodecResults:
    """One codec on one dataset: every array has an image a row and an operating point a column."""

    name: str
    title: str
    unit: str
    anchor: bool
    oracle: bool
    fingerprint: str
    points: tuple[Point, ...]
    bytes: FloatArray
    bpp: FloatArray
    values: dict[str, FloatArray]  # quality metrics and costs; NaN where there is none
    provenance: dict[tuple[int, int], tuple[str, str, Run]]  # stream, finished, by which run

    @cached_property
    def done(self) -> BoolArray:
        """Which of its images × points were coded and decoded."""
        return np.isfinite(self.bytes) & np.isfinite(self.values["decode_wall"])

    @property
    def missing(self) -> int:
        """How many of its images × points were not coded, or not decoded."""
        return int((~self.done).sum())

    def mean(self, metric: str) -> FloatArray:
        """The mean over the images at each point."""
        values = self.bpp if metric == "bpp" else self.values[metric]
        return np.asarray(values.mean(axis=0))

    def only(self, images: BoolArray) -> CodecResults:
        """On some of the images."""
        kept = np.flatnonzero(images)
        row = {int(old): new for new, old in enumerate(kept)}
        return replace(
            self,
            bytes=self.bytes[images],
            bpp=self.bpp[images],
            values={name: values[images] for name, values in self.values.items()},
            provenance={
                (row[image], point): where
                for (image, point), where in self.provenance.items()
                if image in row
            },
        )


@dataclass(frozen=True, eq=False)
class Results:
    """All codecs that were planned on one dataset, the most recent fingerprint of each name."""

    dataset: str
    kind: str
    digest: str
    images: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    codecs: tuple[CodecResults, ...]
    failures: tuple[tuple[str, str, Point, str], ...]  # codec, image, point, reason
    notes: tuple[str, ...] = ()

    def codec(self, name: str) -> CodecResults:
        for codec in self.codecs:
            if codec.name == name:
                return codec
        known = ", ".join(codec.name for codec in self.codecs)
        raise StoreError(f"no results of '{name}' on {self.dataset}; there are {known or 'none'}")

    def on_common_images(self, metrics: Sequence[str] = ()) -> Results:
        """Only the images that every codec has at every point, with all that it measured."""
        common = np.ones(len(self.images), dtype=bool)
        for codec in self.codecs:
            common &= codec.done.all(axis=1)
            for metric in metrics:
                measured = np.isfinite(codec.values.get(metric, np.nan))
                if measured.any():
                    common &= measured.all(axis=1)
        if not common.any():
            raise StoreError(f"no image of {self.dataset} has been coded by every codec")
        note = f"on the {common.sum()} of {len(common)} images that every codec has"
        kept = np.flatnonzero(common)
        return replace(
            self,
            images=tuple(self.images[i] for i in kept),
            sizes=tuple(self.sizes[i] for i in kept),
            codecs=tuple(codec.only(common) for codec in self.codecs),
            notes=self.notes if common.all() else (*self.notes, note),
        )

    @cached_property
    def records(self) -> pandas.DataFrame:
        """One row per image, codec and point: what was measured, and what produced it."""
        import pandas

        rows: list[dict[str, Any]] = []
        for codec in self.codecs:
            for column, point in enumerate(codec.points):
                for row, image in enumerate(self.images):
                    if np.isnan(codec.bytes[row, column]):
                        continue
                    stream, finished, run = codec.provenance[row, column]
                    width, height = self.sizes[row]
                    rows.append(
                        {
                            "dataset": self.dataset,
                            "image": image,
                            "width": width,
                            "height": height,
                            "codec": codec.name,
                            "point": point,
                            "unit": codec.unit,
                            "bytes": int(codec.bytes[row, column]),
                            "bpp": codec.bpp[row, column],
                            **{name: v[row, column] for name, v in codec.values.items()},
                            "stream": stream,
                            "fingerprint": codec.fingerprint,
                            "dataset_digest": self.digest,
                            "date": finished,
                            "machine": run.machine.get("name", ""),
                        }
                    )
        return pandas.DataFrame(rows)

    @property
    def means(self) -> pandas.DataFrame:
        """One row per codec and point: means over the images; incomplete points say so."""
        import pandas

        return pandas.DataFrame(self.mean_rows)

    @cached_property
    def mean_rows(self) -> list[dict[str, Any]]:
        """``means`` as plain rows."""
        rows: list[dict[str, Any]] = []
        for codec in self.codecs:
            for column, point in enumerate(codec.points):
                done = codec.done[:, column]
                rows.append(
                    {
                        "dataset": self.dataset,
                        "codec": codec.name,
                        "point": point,
                        "unit": codec.unit,
                        "images": int(done.sum()),
                        "complete": bool(done.all()),
                        "bpp": _mean(codec.bpp[done, column]),
                        **{n: _mean(v[done, column]) for n, v in codec.values.items()},
                    }
                )
        return rows


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")


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
    number, digest, kind, name = _dataset(store, dataset)
    members: list[Any] = store.rows(
        "SELECT members.name, members.digest, width, height FROM members "
        "LEFT JOIN images ON images.digest = members.digest WHERE dataset = ? ORDER BY position",
        (number,),
    )
    rows: dict[str, list[int]] = {}  # a picture may be in a dataset under several names
    for row, (_, image, _, _) in enumerate(members):
        rows.setdefault(str(image), []).append(row)
    planned = store.rows(
        "SELECT codecs.id, codecs.name, title, unit, anchor, oracle, fingerprint, points "
        "FROM planned JOIN codecs ON codecs.id = codec WHERE dataset = ? ORDER BY used DESC",
        (number,),
    )
    newest: dict[str, tuple[Any, ...]] = {}
    notes = []
    for plan in planned:
        if str(plan[1]) in newest and (codecs is None or plan[1] in codecs):
            notes.append(
                f"{plan[1]}: older results of fingerprint {str(plan[6])[:12]} are left out; "
                "its binary or its card has changed since"
            )
        newest.setdefault(str(plan[1]), plan)
    chosen = list(reversed(newest.values()))
    if codecs is not None:
        missing = [codec for codec in codecs if codec not in newest]
        if missing:
            raise StoreError(f"{store.folder}: no results of '{missing[0]}' on {name}")
        chosen = [newest[codec] for codec in codecs]
    runs, (versions, old) = _runs(store), _metric_versions(store, number, chosen)
    found = tuple(
        _codec(store, _with_points(store, plan, rows, points or {}), members, rows, runs, versions)
        for plan in chosen
    )
    notes += old
    return Results(
        name,
        kind,
        digest,
        tuple(str(member[0]) for member in members),
        tuple((width or 0, height or 0) for _, _, width, height in members),
        found,
        _failures(store, chosen, members, found),
        tuple(notes),
    )


def check_has_results(store: Store, dataset: str, codec: str) -> None:
    """Refuse an anchor that is neither in a run nor in the store, before anything is coded."""
    found = store.rows(
        "SELECT DISTINCT codecs.name FROM planned JOIN codecs ON codecs.id = codec "
        "JOIN datasets ON datasets.id = dataset WHERE digest = ?",
        (dataset,),
    )
    known = [str(name) for (name,) in found]
    if codec not in known:
        there = f"the store has {', '.join(known)}" if known else "the store has none there yet"
        raise StoreError(
            f"--anchor {codec}: not in this run, and without results on this data ({there}); "
            f"run it too, with --codec {codec}"
        )


def _dataset(store: Store, wanted: str | None) -> tuple[int, str, str, str]:
    """By digest or name, or as --data says it to run: toyscapes, or a folder's path."""
    datasets: list[Any] = store.rows(
        "SELECT id, digest, kind, name, folder FROM datasets ORDER BY used DESC"
    )
    if not datasets:
        raise StoreError(f"{store.folder}: no results there yet; 'bench run' makes some")
    path = str(Path(wanted).resolve()) if wanted else None
    for number, digest, kind, name, folder in datasets:
        said = (digest, name, name.partition("[")[0], kind)
        if wanted is None or path == folder or (wanted in said and not Path(wanted).is_dir()):
            return number, digest, kind, name
    known = ", ".join(dict.fromkeys(str(row[4] or row[3]) for row in datasets))
    raise StoreError(f"{store.folder}: no results on '{wanted}'; there are some on {known}")


def _metric_versions(
    store: Store, dataset: int, plans: list[tuple[Any, ...]]
) -> tuple[dict[str, int], list[str]]:
    """Of each metric the one version that counts, the latest; and who was measured by none of it.

    Values of two versions are never compared, be it of one codec or of two.
    """
    rows: list[Any] = store.rows(
        "SELECT DISTINCT codec, metrics.name, metric, used FROM measured "
        "JOIN metrics ON metrics.id = metric JOIN streams ON streams.id = stream "
        "JOIN images ON images.id = image "
        "WHERE images.digest IN (SELECT digest FROM members WHERE dataset = ?)",
        (dataset,),
    )
    names = {plan[0]: plan[1] for plan in plans}
    mine = sorted((row for row in rows if row[0] in names), key=lambda row: row[3])
    latest = {metric: version for _, metric, version, _ in mine}
    measured = {(codec, metric) for codec, metric, version, _ in mine if version == latest[metric]}
    old = {(names[codec], metric) for codec, metric, *_ in mine if (codec, metric) not in measured}
    notes = [
        f"{name}: {metric} was measured by another version of it; 'bench run' measures it anew"
        for name, metric in sorted(old)
    ]
    return {name: latest[name] for name in METRICS if name in latest}, notes


def _runs(store: Store) -> dict[int, Run]:
    rows: list[Any] = store.rows("SELECT id, started, command, machine FROM runs")
    return {
        number: Run(started, command, json.loads(machine))
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


def _with_points(
    store: Store,
    plan: tuple[Any, ...],
    rows: Mapping[str, list[int]],
    chosen: Mapping[str, Sequence[Point]],
) -> tuple[Any, ...]:
    """The codec's row of the plan, with the keys of the points to show, by rising rate."""
    number, name, *rest, planned = plan
    coded: dict[str, dict[str, int]] = {}
    streams: list[Any] = store.rows(
        "SELECT point, images.digest, bytes FROM streams JOIN images ON images.id = image "
        "WHERE codec = ?",
        (number,),
    )
    for key, image, size in streams:
        if image in rows:
            coded.setdefault(key, {})[image] = size
    if name in chosen:
        keys = [point_key(point) for point in chosen[name]]
    else:
        whole = [key for key, images in coded.items() if len(images) == len(rows)]
        keys = list(dict.fromkeys([*json.loads(planned), *whole]))
    if all(key in coded for key in keys):
        keys.sort(key=lambda key: np.mean(list(coded[key].values())))
    return (number, name, *rest, json.dumps(keys))


def _codec(
    store: Store,
    plan: tuple[Any, ...],
    members: list[Any],
    rows: dict[str, list[int]],
    runs: dict[int, Run],
    versions: dict[str, int],
) -> CodecResults:
    number, name, title, unit, anchor, oracle, fingerprint, points = plan
    keys = [str(key) for key in json.loads(points)]
    column = {key: index for index, key in enumerate(keys)}
    shape = (len(members), len(keys))
    pixels = np.array([(w or 0) * (h or 0) for _, _, w, h in members], dtype=np.float64)
    values = {cost: np.full(shape, np.nan) for cost in COSTS}
    size = np.full(shape, np.nan)
    provenance: dict[tuple[int, int], tuple[str, str, Run]] = {}
    places: dict[int, list[tuple[int, int]]] = {}
    streams: list[Any] = store.rows(
        "SELECT streams.id, images.digest, point, streams.digest, bytes, encode_cpu, encode_wall, "
        "decode_cpu, decode_wall, finished, run FROM streams "
        "JOIN images ON images.id = image WHERE codec = ?",
        (number,),
    )
    for stream, image, point, digest, count, *costs, finished, run in streams:
        if image not in rows or point not in column:
            continue
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
            (number, version),
        )
        for stream, value in measured:
            for where in places.get(stream, ()):
                quality.setdefault(metric, np.full(shape, np.nan))
                quality[metric][where] = np.nan if value is None else value
    with np.errstate(invalid="ignore", divide="ignore"):
        bpp = 8 * size / pixels[:, None]
    return CodecResults(
        name,
        title,
        unit,
        bool(anchor),
        bool(oracle),
        fingerprint,
        tuple(json.loads(key) for key in keys),
        size,
        bpp,
        quality | values,
        provenance,
    )


def _failures(
    store: Store,
    plans: list[tuple[Any, ...]],
    members: list[Any],
    found: tuple[CodecResults, ...],
) -> tuple[tuple[str, str, Point, str], ...]:
    names = {str(digest): str(name) for name, digest, _, _ in members}
    images = [str(digest) for _, digest, _, _ in members]
    failures = []
    for plan, codec in zip(plans, found, strict=True):
        rows: list[Any] = store.rows(
            "SELECT image, point, reason FROM failures WHERE codec = ?", (plan[0],)
        )
        for image, point, reason in rows:
            if (
                image in names
                and json.loads(point) in codec.points
                and not codec.done[images.index(image), codec.points.index(json.loads(point))]
            ):
                failures.append((codec.name, names[image], json.loads(point), str(reason)))
    return tuple(failures)
