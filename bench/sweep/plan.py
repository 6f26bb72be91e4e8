"""The plan of a sweep: the jobs whose results the store does not have yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.codecs.codec import Codec, Point
from bench.datasets import Dataset, Entry
from bench.errors import CardError, DataError
from bench.runtime.cores import available_cores
from bench.runtime.files import safe_name
from bench.store import Store, StoredPoint, point_key
from bench.sweep.jobs import CodecReference, Job, OriginalJob, ScoreRequest, StreamReference
from bench.sweep.request import Inputs

_NOTHING = StoredPoint("", None, frozenset(), {}, None)  # for a point that is not coded


@dataclass(frozen=True, kw_only=True)
class Plan(Inputs):
    """The inputs of a sweep, and the jobs that remain."""

    images: int  # of this shard
    total: int  # jobs, including finished ones
    jobs: Collection[Job]
    originals: tuple[OriginalJob, ...] = ()
    anchor: str = ""  # the codec to compare with, and why it was chosen
    imports: bool = False

    @property
    def workers(self) -> int:
        """How many jobs may run at once."""
        return self.request.jobs or available_cores()

    @property
    def picture_folders(self) -> list[Path]:
        """Where decoded pictures are to be written."""
        if self.request.save_decoded is None:
            return []
        return list(dict.fromkeys(job.picture.parent for job in self.jobs if job.picture))


def prepare(inputs: Inputs, store: Store, anchor: str = "") -> Plan:
    """Plan a job for each stream, figure or picture that is missing, image by image."""
    part, whole = inputs.shard
    entries = inputs.dataset.entries[part - 1 :: whole]
    jobs = Jobs(inputs, entries, store)
    return Plan(
        **vars(inputs),
        images=len(entries),
        total=len(entries) * sum(map(len, inputs.points.values())),
        jobs=jobs,
        originals=tuple(_originals(inputs, entries, store)),
        anchor=anchor,
    )


class Jobs(Collection[Job]):
    """The jobs that remain, made each time they are gone through: a million take no memory."""

    def __init__(self, inputs: Inputs, entries: tuple[Entry, ...], store: Store) -> None:
        self._inputs, self._entries, self._store = inputs, entries, store
        wanted = inputs.metrics, inputs.scorers
        self._kept = {codec: store.kept(codec.fingerprint, *wanted) for codec in inputs.points}
        self._references = {codec: CodecReference.of(codec) for codec in inputs.points}
        self._keys = {point: point_key(point) for each in inputs.points.values() for point in each}

    def __iter__(self) -> Iterator[Job]:
        return self._remaining() if self._length else iter(())

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _length(self) -> int:
        return sum(1 for _ in self._remaining())

    def _remaining(self) -> Iterator[Job]:
        for entry in self._entries:
            score_requests = self._inputs.score_requests_of(entry)
            for codec, points in self._inputs.points.items():
                side = entry.side_digest(codec.side_information)
                for point in points:
                    if job := self._job(entry, codec, point, score_requests, side):
                        yield job

    def __contains__(self, job: object) -> bool:
        return any(job is each for each in self)

    def _job(
        self,
        entry: Entry,
        codec: Codec,
        point: Point,
        wanted: Sequence[ScoreRequest],
        side: str | None,
    ) -> Job | None:
        """What is missing of a point; None if nothing is."""
        inputs, image = self._inputs, self._inputs.dataset.digests[entry.name]
        there = self._kept[codec].get((image, self._keys[point]), _NOTHING)
        if there.side != side:
            there = _NOTHING
        metrics = inputs.metrics
        if there.metrics:
            metrics = {n: m for n, m in metrics.items() if n not in there.metrics}
        score_requests = tuple(r for r in wanted if there.truths.get(r.scorer.name) != r.truth)
        folder = inputs.request.save_decoded
        picture = _picture_path(folder, codec, point, entry) if folder else None
        if not (metrics or score_requests or picture or not there.stream):
            return None
        stream = None
        if there.stream:
            stream = StreamReference(self._store.stream_path(there.stream), there.stream)
        reference = self._references[codec]
        of = entry, image, score_requests, reference, point, metrics, stream, there.decoded
        return Job(*of, side=side, picture=picture)


def _originals(inputs: Inputs, entries: tuple[Entry, ...], store: Store) -> Iterator[OriginalJob]:
    """The uncompressed images that some networks have not seen yet."""
    seen = {scorer.fingerprint: store.kept_originals(scorer) for scorer in inputs.scorers}
    for entry in entries:
        image = inputs.dataset.digests[entry.name]
        unseen = [
            score_request
            for score_request in inputs.score_requests_of(entry)
            if seen[score_request.scorer.fingerprint].get(image, ("", None))[0]
            != score_request.truth
        ]
        if unseen:
            yield OriginalJob(entry, image, tuple(unseen))


def prepare_import(inputs: Inputs, folder: Path, store: Store) -> Plan:
    """Plan a job for each new bitstream in the folder, each named after its image."""
    ((codec, points),) = inputs.points.items()
    if len(points) > 1:
        raise CardError(f"--point {inputs.request.points}: one point, not {len(points)}")
    (point,), dataset = points, inputs.dataset
    files, others = _by_image(dataset, folder)
    kept = store.kept(codec.fingerprint, inputs.metrics)
    reference, metrics = CodecReference.of(codec), inputs.metrics
    jobs = [
        Job(entry, image, (), reference, point, metrics, imported_stream=files[entry.name])
        for entry in dataset.entries
        if entry.name in files
        and ((image := dataset.digests[entry.name]), point_key(point)) not in kept
    ]
    points = tuple(dict.fromkeys((*store.planned_points(dataset, codec), point)))
    remark = f"left out: {others} files in {folder} named after no image" if others else ""
    inputs = replace(inputs, points={codec: points}, remark=remark)
    count = len(files)
    return Plan(**vars(inputs), images=count, total=count, jobs=tuple(jobs), imports=True)


def _by_image(dataset: Dataset, folder: Path) -> tuple[dict[str, Path], int]:
    """The files of a folder by the image they are named after, and the number of other files."""
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
