"""The plan: the jobs of a sweep, without those whose results the store has already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.codecs.codec import Codec, Point
from bench.datasets import Dataset, Entry
from bench.errors import CardError, DataError
from bench.runtime.cores import available_cores
from bench.runtime.files import make_folder, safe_name
from bench.store import Store, StoredPoint, point_key
from bench.sweep.jobs import (
    CodecReference,
    Job,
    OriginalJob,
    ScorerReference,
    Scoring,
    StreamReference,
)
from bench.sweep.request import Inputs
from bench.tasks.scorer import PSEUDO, Scorer


@dataclass(frozen=True)
class Plan:
    """A sweep, ready to run."""

    dataset: Dataset
    points: Mapping[Codec, tuple[Point, ...]]
    metrics: Mapping[str, str]
    scorers: tuple[Scorer, ...]
    images: int  # those of this shard
    total: int  # jobs, with those that are done
    jobs: tuple[Job, ...]
    originals: tuple[OriginalJob, ...] = ()
    remark: str = ""
    anchor: str = ""  # whom the codecs will be compared with, and why
    workers: int = 1  # jobs that may run at once
    keep_going: bool = False
    imports: bool = False

    def scorings_of(self, entry: Entry) -> tuple[Scoring, ...]:
        """All that is to be found in an image, and what it is held to."""
        return tuple(_scoring(scorer, self.dataset, entry) for scorer in self.scorers)


def prepare(inputs: Inputs, store: Store, anchor: str = "") -> Plan:
    """Every job that still lacks a stream, a measure or a picture, image by image."""
    part, whole = inputs.shard
    entries = inputs.dataset.entries[part - 1 :: whole]
    seen = {scorer: store.kept_originals(scorer) for scorer in inputs.scorers}
    originals = []
    for entry in entries:
        image = inputs.dataset.digests[entry.name]
        scorings = {s: _scoring(s, inputs.dataset, entry) for s in inputs.scorers}
        unseen = [
            its for s, its in scorings.items() if seen[s].get(image, ("", None))[0] != its.truth
        ]
        if unseen:
            originals.append(OriginalJob(entry, image, tuple(unseen)))
    jobs = tuple(_jobs(inputs, entries, store))
    for folder in {job.picture.parent for job in jobs if job.picture}:
        make_folder(folder)
    return Plan(
        inputs.dataset,
        inputs.points,
        inputs.metrics,
        inputs.scorers,
        images=len(entries),
        total=len(entries) * sum(map(len, inputs.points.values())),
        jobs=jobs,
        originals=tuple(originals),
        remark=inputs.remark,
        anchor=anchor,
        workers=inputs.request.jobs or available_cores(),
        keep_going=inputs.request.keep_going,
    )


def _jobs(inputs: Inputs, entries: tuple[Entry, ...], store: Store) -> Iterator[Job]:
    kept = {
        codec: store.kept(codec.fingerprint, inputs.metrics, inputs.scorers)
        for codec in inputs.points
    }
    references = {codec: CodecReference.of(codec) for codec in inputs.points}
    save_decoded = inputs.request.save_decoded
    for entry in entries:
        image = inputs.dataset.digests[entry.name]
        scorings = {s.name: _scoring(s, inputs.dataset, entry) for s in inputs.scorers}
        for codec, points in inputs.points.items():
            for point in points:
                there = kept[codec].get((image, point_key(point)))
                have = there.metrics if there else frozenset()
                truths = there.truths if there else {}
                metrics = {name: m for name, m in inputs.metrics.items() if name not in have}
                missing = [s for name, s in scorings.items() if truths.get(name) != s.truth]
                picture = save_decoded and _picture_path(save_decoded, codec, point, entry)
                if there is None or metrics or missing or picture:
                    yield Job(
                        entry,
                        image,
                        references[codec],
                        point,
                        metrics,
                        tuple(missing),
                        _stream(there, store),
                        there.decoded if there else None,
                        picture=picture,
                    )


def _stream(there: StoredPoint | None, store: Store) -> StreamReference | None:
    return StreamReference(store.stream_path(there.stream), there.stream) if there else None


def _scoring(scorer: Scorer, dataset: Dataset, entry: Entry) -> Scoring:
    truth = PSEUDO if scorer.pseudo is not None else dataset.truths[entry.name]
    return Scoring(ScorerReference.of(scorer), truth)


def prepare_import(inputs: Inputs, folder: Path, store: Store) -> Plan:
    """A job for each bitstream in the folder whose image, after which it is named, has none yet."""
    ((codec, points),) = inputs.points.items()
    if len(points) > 1:
        raise CardError(f"--point {inputs.request.points[0]}: one point, not {len(points)}")
    (point,), dataset = points, inputs.dataset
    files, others = _by_image(dataset, folder)
    kept = store.kept(codec.fingerprint, inputs.metrics)
    jobs = [
        Job(
            entry,
            image,
            CodecReference.of(codec),
            point,
            inputs.metrics,
            imported_stream=files[entry.name],
        )
        for entry in dataset.entries
        if entry.name in files
        and ((image := dataset.digests[entry.name]), point_key(point)) not in kept
    ]
    return Plan(
        dataset,
        {codec: tuple(dict.fromkeys((*store.planned_points(dataset, codec), point)))},
        inputs.metrics,
        scorers=(),
        images=len(files),
        total=len(files),
        jobs=tuple(jobs),
        remark=f"left out: {others} files in {folder} named after no image" if others else "",
        workers=inputs.request.jobs or available_cores(),
        keep_going=True,  # each file is an answer of its own: all of them are tried
        imports=True,
    )


def _by_image(dataset: Dataset, folder: Path) -> tuple[dict[str, Path], int]:
    """The files of a folder by the image that they are named after, and how many are not."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of bitstreams")
    stems = Counter(entry.path.stem for entry in dataset.entries)
    names = {e.path.stem: e.name for e in dataset.entries if stems[e.path.stem] == 1}
    names |= {entry.name: entry.name for entry in dataset.entries}
    found: dict[str, Path] = {}
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for path in files:
        name = names.get(path.stem)
        if name in found:
            raise DataError(f"{found[name]} and {path} are both named after {name}; keep one")
        if name is not None:
            found[name] = path
    if not found:
        example = dataset.entries[0].path.stem
        raise DataError(
            f"{folder}: no file is named after an image of {dataset.name}, as {example}.bin is"
        )
    return found, len(files) - len(found)


def _picture_path(folder: Path, codec: Codec, point: Point, entry: Entry) -> Path:
    parts = codec.name, f"{codec.card.unit}-{point}", f"{entry.name}.png"
    return folder.joinpath(*map(safe_name, parts))
