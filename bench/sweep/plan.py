"""The plan of a sweep: the jobs whose results the store does not have yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.codecs.codec import Codec, Point
from bench.datasets import Dataset, Entry
from bench.errors import CardError, DataError
from bench.runtime.cores import available_cores
from bench.runtime.files import make_folder, safe_name
from bench.store import Store, StoredPoint, point_key
from bench.sweep.jobs import CodecReference, Job, OriginalJob, StreamReference
from bench.sweep.request import Inputs

_NOTHING = StoredPoint("", None, frozenset(), {})  # for a point that is not coded


@dataclass(frozen=True, kw_only=True)
class Plan(Inputs):
    """The inputs of a sweep, and the jobs that remain."""

    images: int  # of this shard
    total: int  # jobs, including finished ones
    jobs: tuple[Job, ...]
    originals: tuple[OriginalJob, ...] = ()
    anchor: str = ""  # the codec to compare with, and why it was chosen
    imports: bool = False

    @property
    def workers(self) -> int:
        """How many jobs may run at once."""
        return self.request.jobs or available_cores()


def prepare(inputs: Inputs, store: Store, anchor: str = "") -> Plan:
    """Plan a job for each stream, figure or picture that is missing, image by image."""
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
                    stream = StreamReference(store.stream_path(there.stream), there.stream)
                    yield Job(
                        entry,
                        image,
                        tuple(missing),
                        references[codec],
                        point,
                        metrics,
                        stream if there.stream else None,
                        there.decoded,
                        picture=picture,
                    )


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
