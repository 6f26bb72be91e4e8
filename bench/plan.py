"""The plan: what a sweep would code and measure, and how much of it the store has already."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.catalog import check_point, full_name
from bench.codec import Codec, Point
from bench.datasets import Dataset, Entry
from bench.errors import CardError, DataError
from bench.files import safe_name
from bench.scoring import PSEUDO, Scorer
from bench.store import Kept, Store, point_key


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
    made_elsewhere: Path | None = None  # a bitstream to be taken instead of encoding
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


def choose_points(
    codecs: Sequence[Codec], kind: str, chosen: Sequence[str]
) -> dict[Codec, tuple[Point, ...]]:
    """Each codec's points: its defaults on that kind of dataset, or what ``--points`` says."""
    names = [codec.name for codec in codecs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CardError(f"two cards are called '{twice}'; rename one")
    picked = name_points({codec.name: codec.card.unit for codec in codecs}, chosen)
    points = {}
    for codec in codecs:
        its_own = picked.get(codec.name) or codec.card.points_for(kind)
        points[codec] = tuple(dict.fromkeys(check_point(codec.card, point) for point in its_own))
    return points


def name_points(units: Mapping[str, str], chosen: Sequence[str]) -> dict[str, tuple[Point, ...]]:
    """What ``--points`` says of each codec.

    ``22,37`` is for all codecs and needs them to share a unit; ``vtm=22,37`` is for one.
    """
    own: dict[str, tuple[Point, ...]] = {}
    common: tuple[Point, ...] = ()
    for choice in chosen:
        said, equals, values = choice.rpartition("=")
        name = full_name(said, units)
        if not equals:
            common += parse_points(values)
        elif name in units:
            own[name] = own.get(name, ()) + parse_points(values)
        else:
            raise CardError(f"--points {choice}: '{said}' is not one of {', '.join(units)}")
    sharing = {unit for name, unit in units.items() if name not in own}
    if common and len(sharing) > 1:
        raise CardError(
            f"--points: the codecs count in {' and '.join(sorted(sharing))}; "
            "say CODEC=POINT,POINT for each"
        )
    return {name: own.get(name, common) for name in units if name in own or common}


def parse_points(text: str) -> tuple[Point, ...]:
    """``22,27.5,high`` as points: numbers where they are numbers."""
    points = tuple(_point(word.strip()) for word in text.split(",") if word.strip())
    if not points:
        raise CardError(f"--points {text!r}: no point in it")
    return points


def _point(word: str) -> Point:
    try:
        number = float(word)
    except ValueError:
        return word
    if not math.isfinite(number):
        raise CardError(f"point '{word}': not a finite number")
    return int(number) if number.is_integer() else number


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
                there: Kept | None = kept[codec].get((image, point_key(point)))
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
            made_elsewhere=files[entry.name],
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
