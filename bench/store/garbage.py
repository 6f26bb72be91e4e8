"""Finds and deletes what reports no longer show, and files without a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.runtime.leftovers import TEMPORARY
from bench.store import rows
from bench.store.database import understood
from bench.store.reader import Store
from bench.store.rows import figure_key
from bench.store.writer import StoreWriter

Figure: TypeAlias = rows.Measured | rows.Scored


@dataclass(frozen=True)
class Garbage:
    """Rows and files that no report shows, and counts of them by name."""

    curves: list[rows.Planned]  # of codecs that have changed since
    streams: list[rows.Stream]
    figures: list[Figure]  # of which there are some by a later version
    files: list[Path]
    bytes: int  # of the files
    streams_by_codec: dict[tuple[str, str], int]  # by its name and fingerprint
    figures_by_name: Counter[str]  # by the metric's or the network's


def find_garbage(store: Store) -> Garbage:
    with store.read_transaction():
        return _find(store)


def delete_garbage(store: StoreWriter) -> Garbage:
    """What was deleted. Sweeps that write to the same store wait meanwhile."""
    with understood(store.folder), store.write_transaction():
        found = _find(store)
        for curve in found.curves:
            store.delete(rows.Planned, dataset=curve.dataset, codec=curve.codec, name=curve.name)
        for figure in found.figures:
            store.delete(type(figure), **figure_key(figure))
        for stream in found.streams:
            store.delete_stream(stream)
        for file in found.files:
            file.unlink(missing_ok=True)
    store.compact()
    return found


def _find(store: Store) -> Garbage:
    planned = sorted(store.select(rows.Planned), key=lambda curve: curve.used)
    shown = {(curve.dataset, curve.name): curve for curve in planned}
    curves = [curve for curve in planned if shown[curve.dataset, curve.name] is not curve]
    streams = _streams(store, curves, list(shown.values()))
    dropped = {stream.id for stream in streams}
    figures = {
        row: version.name
        for kind, versions in ((rows.Measured, rows.Metric), (rows.Scored, rows.Scorer))
        for row, version in _superseded(store, kind, store.select(versions))
        if row.stream not in dropped
    }
    files = _files(store, dropped)
    fingerprints = {codec.id: codec.fingerprint for codec in store.select(rows.Codec)}
    codecs = {curve.codec: (curve.name, fingerprints[curve.codec]) for curve in curves}
    count = Counter(row.codec for row in streams)
    return Garbage(
        curves,
        streams,
        list(figures),
        files,
        sum(file.stat().st_size for file in files),
        {name: count[number] for number, name in codecs.items()},
        Counter(figures.values()),
    )


def _streams(
    store: Store, curves: Sequence[rows.Planned], shown: Sequence[rows.Planned]
) -> list[rows.Stream]:
    """Those of changed codecs on these data sets, but not where a report still shows them."""

    def images(of: Sequence[rows.Planned], codec: int) -> set[int]:
        return {
            image.id
            for curve in of
            if curve.codec == codec
            for image in store.images_of(curve.dataset).values()
        }

    return [
        stream
        for codec in dict.fromkeys(curve.codec for curve in curves)
        for dropped in [images(curves, codec) - images(shown, codec)]
        for stream in store.select(rows.Stream, codec=codec)
        if stream.image in dropped
    ]


def _superseded(
    store: Store,
    kind: type[rows.Measured] | type[rows.Scored],
    versions: Sequence[rows.Metric | rows.Scorer],
) -> Iterator[tuple[Figure, rows.Metric | rows.Scorer]]:
    """Figures of a stream that also has one by a later version of the metric or the network."""
    later = {
        row.id: [each.id for each in versions if each.name == row.name and _used(each) > _used(row)]
        for row in versions
    }
    if not any(later.values()):
        return
    by_id = {row.id: row for row in versions}
    figures: list[Figure] = [*store.select(kind)]
    there = {row[:2] for row in figures}
    for row in figures:
        if any((row.stream, version) in there for version in later[row[1]]):
            yield row, by_id[row[1]]


def _used(version: rows.Metric | rows.Scorer) -> int:
    return version.used or 0


def _files(store: Store, dropped: set[int]) -> list[Path]:
    """Bitstreams that no record names, other than those that are dropped."""
    named = {row.digest for row in store.select(rows.Stream) if row.id not in dropped}
    return [
        file
        for file in sorted((store.folder / "streams").glob("??/*"))
        if file.parent.name + file.name not in named and not TEMPORARY.match(file.name)
    ]
