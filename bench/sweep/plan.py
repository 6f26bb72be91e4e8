"""The plan: what a sweep would code and measure, and how much of it the store has already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.codecs.codec import Codec, Point
from bench.datasets import Dataset, Entry
from bench.errors import CardError, DataError
from bench.runtime.files import safe_name
from bench.store import Store, StoredPoint, point_key
from bench.tasks.scorer import PSEUDO, Scorer


@dataclass(frozen=True)
class Operation:
    """One image at one operating point of one codec, and what is still to do about it."""

    entry: Entry
    image: str
    codec: Codec
    point: Point
    kept: str | None  # the digest of its stream, if it is coded already
    metrics: tuple[str, ...]  # those still to be measured
    scorers: tuple[Scorer, ...] = ()  # those still to be shown the decoded picture
    picture: Path | None = None  # where the decoded picture is to be written, if it is wanted
    imported_stream: Path | None = None  # a bitstream to be taken instead of encoding
    decoded: str | None = None  # the digest of the picture that its figures so far are of


@dataclass(frozen=True)
class Original:
    """One uncompressed image, and who has still to be shown it."""

    entry: Entry
    image: str
    scorers: tuple[Scorer, ...]


@dataclass(frozen=True)
class Plan:
    """A sweep, ready to run."""

    dataset: Dataset
    points: Mapping[Codec, tuple[Point, ...]]
    metrics: Mapping[str, str]
    images: int  # those of this shard
    total: int  # operations, those that are done included
    operations: tuple[Operation, ...]
    scorers: tuple[Scorer, ...] = ()
    originals: tuple[Original, ...] = ()
    remark: str | None = None
    anchor: str = ""  # whom the codecs will be compared with, and why


def parse_shard(text: str | None) -> tuple[int, int]:
    """``3/50`` as the third of fifty."""
    if text is None:
        return 1, 1
    part, _, whole = text.partition("/")
    if not (part.isdecimal() and whole.isdecimal() and 1 <= int(part) <= int(whole)):
        raise CardError(f"--shard {text}: say which of how many, such as 3/50")
    return int(part), int(whole)


def make_plan(
    dataset: Dataset,
    points: Mapping[Codec, tuple[Point, ...]],
    metrics: Mapping[str, str],
    store: Store,
    *,
    scorers: tuple[Scorer, ...] = (),
    shard: tuple[int, int] = (1, 1),
    save_decoded: Path | None = None,
) -> Plan:
    """Every operation that still lacks a stream, a measure or a picture, image by image."""
    part, whole = shard
    entries = dataset.entries[part - 1 :: whole]
    kept = {codec: store.kept(codec.fingerprint, metrics, scorers) for codec in points}
    seen = {scorer: store.kept_originals(scorer) for scorer in scorers}
    operations, originals = [], []
    for entry in entries:
        image = dataset.digests[entry.name]
        truths = {scorer: truth_name(scorer, dataset, entry) for scorer in scorers}
        if unseen := tuple(s for s in scorers if seen[s].get(image, ("", None))[0] != truths[s]):
            originals.append(Original(entry, image, unseen))
        for codec, chosen in points.items():
            for point in chosen:
                there: StoredPoint | None = kept[codec].get((image, point_key(point)))
                have = there.metrics if there else frozenset()
                lacking = tuple(name for name in metrics if name not in have)
                held_to = there.truths if there else {}
                blind = tuple(s for s in scorers if held_to.get(s.name) != truths[s])
                picture = save_decoded and _picture_path(save_decoded, codec, point, entry)
                if there is None or lacking or blind or picture:
                    stream, decoded = (there.stream, there.decoded) if there else (None, None)
                    operations.append(
                        Operation(
                            entry,
                            image,
                            codec,
                            point,
                            stream,
                            lacking,
                            blind,
                            picture,
                            decoded=decoded,
                        )
                    )
    total = len(entries) * sum(map(len, points.values()))
    return Plan(
        dataset,
        points,
        metrics,
        len(entries),
        total,
        tuple(operations),
        scorers,
        tuple(originals),
    )


def truth_name(scorer: Scorer, dataset: Dataset, entry: Entry) -> str:
    """Names what a scorer holds an image to."""
    return PSEUDO if scorer.pseudo is not None else dataset.truths[entry.name]


def plan_import(
    dataset: Dataset,
    codec: Codec,
    point: Point,
    folder: Path,
    metrics: Mapping[str, str],
    store: Store,
    scorers: tuple[Scorer, ...] = (),
) -> Plan:
    """Every bitstream in the folder that is named after an image which the store lacks."""
    files, others = _by_image(dataset, folder)
    kept = store.kept(codec.fingerprint, metrics)
    operations = [
        Operation(
            entry,
            image,
            codec,
            point,
            None,
            tuple(metrics),
            scorers,
            imported_stream=files[entry.name],
        )
        for entry in dataset.entries
        if entry.name in files
        and ((image := dataset.digests[entry.name]), point_key(point)) not in kept
    ]
    points = {codec: tuple(dict.fromkeys((*store.planned_points(dataset, codec), point)))}
    remark = f"left out: {others} files in {folder} named after no image" if others else None
    return Plan(
        dataset, points, metrics, len(files), len(files), tuple(operations), scorers, remark=remark
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
