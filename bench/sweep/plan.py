"""The plan: the jobs of a sweep, without those whose results the store has already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.codecs.codec import Codec, Point
from bench.datasets import Dataset, Entry
from bench.errors import CardError, DataError
from bench.runtime.cores import available_cores
from bench.runtime.files import make_folder, safe_name
from bench.store import Store, StoredPoint, point_key
from bench.sweep.jobs import CodecReference, Job, OriginalJob, StreamReference
from bench.sweep.request import Inputs

_NOTHING = StoredPoint("", None, frozenset(), {})  # of a point that is not coded


@dataclass(frozen=True, kw_only=True)
class Plan(Inputs):
    """What a sweep is asked for, and the jobs that are left to be done."""

    images: int  # those of this shard
    total: int  # jobs, with those that are done
    jobs: tuple[Job, ...]
    originals: tuple[OriginalJob, ...] = ()
    anchor: str = ""  # whom the codecs will be compared with, and why
    imports: bool = False

    @property
    def workers(self) -> int:
        """How many jobs may run at once."""
        return self.request.jobs or available_cores()


def prepare(inputs: Inputs, store: Store, anchor: str = "") -> Plan:
    """Every job that still lacks a stream, a measure or a picture, image by image."""
    part, whole = inputs.shard
    entries = inputs.dataset.entries[part - 1 :: whole]
    jobs = tuple(_jobs(inputs, entries, store))
    for folder in dict.fromkeys(job.picture.parent for job in jobs if job.picture):
        make_folder(folder)
    return Plan(
        **vars(inputs),
        images=len(entries),
        total=len(entries) * sum(map(len, inputs.points.values())),
        jobs=jobs,
        originals=tuple(_originals(inputs, entries, store)),
        anchor=anchor,
    )


def _jobs(inputs: Inputs, entries: tuple[Entry, ...], store: Store) -> Iterator[Job]:
    wanted = inputs.metrics, inputs.scorers
    kept = {codec: store.kept(codec.fingerprint, *wanted) for codec in inputs.points}
    references = {codec: CodecReference.of(codec) for codec in inputs.points}
    folder = inputs.request.save_decoded
    for entry in entries:
        image, score_requests = inputs.dataset.digests[entry.name], inputs.score_requests_of(entry)
        for codec, points in inputs.points.items():
            for point in points:
                there = kept[codec].get((image, point_key(point)), _NOTHING)
                metrics = {n: m for n, m in inputs.metrics.items() if n not in there.metrics}
                missing = [s for s in score_requests if there.truths.get(s.scorer.name) != s.truth]
                picture = folder and _picture_path(folder, codec, point, entry)
                if metrics or missing or picture or not there.stream:
                    yield Job(
                        entry,
                        image,
                        tuple(missing),
                        references[codec],
                        point,
                        metrics,
                        StreamReference.of(store, there.stream) if there.stream else None,
                        there.decoded,
                        picture=picture,
                    )


def _originals(inputs: Inputs, entries: tuple[Entry, ...], store: Store) -> Iterator[OriginalJob]:
    """What has still to be shown uncompressed, and to which networks."""
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
    """A job for each bitstream in the folder whose image, after which it is named, has none yet."""
    ((codec, points),) = inputs.points.items()
    if len(points) > 1:
        raise CardError(f"--point {inputs.request.points[0]}: one point, not {len(points)}")
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
    its_own = vars(inputs) | {"points": {codec: points}, "remark": remark}
    count = len(files)
    return Plan(**its_own, images=count, total=count, jobs=tuple(jobs), imports=True)


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
