"""Reads a store: its rows, and what a sweep needs not to do again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from bench.codecs.codec import Codec, Point
from bench.datasets import Dataset
from bench.errors import StreamError
from bench.store import rows
from bench.store.database import connect, plain_errors, transaction, understood
from bench.store.rows import TABLES, StreamKey, point_key

if TYPE_CHECKING:
    from bench.tasks.scorer import Scorer

Row = TypeVar("Row", bound=NamedTuple)


@dataclass(frozen=True)
class StoredPoint:
    """The stored results of one image at one point of one codec."""

    stream: str
    decoded: str | None  # the digest of the decoded picture that was measured
    metrics: frozenset[str]
    truths: Mapping[str, str]  # the ground truth of each scorer that has scored it
    side: str | None  # the digest of what its encoder looked at beside the pixels


class Store:
    """An open results folder, to read."""

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        self.folder = folder
        self._database = connect(folder, writable=writable)
        self._ids: dict[tuple[object, ...], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with plain_errors(self.folder):
            self._database.close()

    @contextmanager
    def read_transaction(self) -> Iterator[None]:
        """Read a consistent state, whatever sweeps are writing."""
        with understood(self.folder), transaction(self._database, "BEGIN"):
            yield

    # Rows.

    def select(self, kind: type[Row], **equal: object) -> list[Row]:
        """The rows of a table that have these values."""
        return self._rows(kind, having(*equal), *equal.values())

    def select_of_codec(self, kind: type[Row], codec: int) -> list[Row]:
        """The measured values, or scores, of all streams of a codec."""
        return self._rows(kind, "JOIN streams ON streams.id = stream WHERE codec = ?", codec)

    def _image_digests(self) -> dict[int, str]:
        return {image.id: image.digest for image in self.select(rows.Image)}

    def images_of(self, dataset: int) -> dict[str, rows.Image]:
        """The images of a data set that were ever coded or scored, by digest."""
        members = "SELECT digest FROM members WHERE dataset = ?"
        images = self._rows(rows.Image, f"WHERE digest IN ({members})", dataset)
        return {image.digest: image for image in images}

    def scorers_of(self, dataset: int) -> list[rows.Scorer]:
        """The scorers that have seen images of a data set, the last used last."""
        originals = (
            "SELECT scorer FROM originals JOIN images ON images.id = image "
            "JOIN members ON members.digest = images.digest WHERE dataset = ?"
        )
        where = f"WHERE used IS NOT NULL AND id IN ({originals}) ORDER BY used"
        return self._rows(rows.Scorer, where, dataset)

    def _rows(self, kind: type[Row], rest: str, *values: object) -> list[Row]:
        with plain_errors(self.folder):
            return [*map(kind._make, self._database.execute(_selection(kind, rest), values))]

    # What a sweep needs.

    def kept(
        self, fingerprint: str, metrics: Mapping[str, str], scorers: Sequence[Scorer] = ()
    ) -> dict[tuple[str, str], StoredPoint]:
        """All results of a codec, by image digest and point key."""
        with self.read_transaction():
            codec = self._id(rows.Codec, fingerprint=fingerprint)
            if codec is None:
                return {}
            known = {row.id: row for row in self.select(rows.Metric)}
            measured: dict[int, set[str]] = {}
            for value in self.select_of_codec(rows.Measured, codec):
                metric = known[value.metric]
                if metrics.get(metric.name) == metric.fingerprint:
                    measured.setdefault(value.stream, set()).add(metric.name)
            asked = {scorer.fingerprint: scorer.name for scorer in scorers}
            names = {row.id: asked.get(row.fingerprint) for row in self.select(rows.Scorer)}
            truths: dict[int, dict[str, str]] = {}
            for score in self.select_of_codec(rows.Scored, codec) if asked else ():
                if name := names[score.scorer]:
                    truths.setdefault(score.stream, {})[name] = score.truth
            images = self._image_digests()
            return {
                (images[row.image], row.point): StoredPoint(
                    row.digest,
                    row.decoded,
                    frozenset(measured.get(row.id, ())),
                    truths.get(row.id, {}),
                    row.side,
                )
                for row in self.select(rows.Stream, codec=codec)
            }

    def kept_originals(self, scorer: Scorer) -> dict[str, tuple[str, bytes | None]]:
        """By image digest: the name of its truth and, if the network made it, the truth.

        It is as it was packed, after a check.
        """
        from bench.instances.pseudo_truth import read_pseudo_truth

        kept = {}
        with self.read_transaction():
            number = self._id(rows.Scorer, fingerprint=scorer.fingerprint)
            images = self._image_digests()
            for original in self.select(rows.Original, scorer=number):
                made = original.pseudo_ground_truth
                if made:
                    read_pseudo_truth(made)
                kept[images[original.image]] = original.truth, made or None
        return kept

    def measured(self, key: StreamKey) -> dict[str, str]:
        """The fingerprints of the metrics of one stream, by name."""
        with self.read_transaction():
            stream = self._stream(key)
            values = self.select(rows.Measured, stream=stream.id) if stream else []
            metrics = sorted(self.select(rows.Metric), key=lambda metric: metric.used)
        measured = {value.metric for value in values}
        return {row.name: row.fingerprint for row in metrics if row.id in measured}

    def timed(self, fingerprint: str) -> dict[tuple[str, str], rows.Stream]:
        """The bitstreams of a codec that were decoded, by image digest and point key."""
        with self.read_transaction():
            codec = self._id(rows.Codec, fingerprint=fingerprint)
            images = self._image_digests()
            streams = self.select(rows.Stream, codec=codec)
        return {(images[s.image], s.point): s for s in streams if s.decode_cpu is not None}

    def inputs(self, fingerprint: str) -> dict[str, str]:
        """What determines the bytes of the codec with this fingerprint, by name."""
        with understood(self.folder):
            (codec,) = self.select(rows.Codec, fingerprint=fingerprint)
            return codec.inputs()

    def planned_points(self, dataset: Dataset, codec: Codec) -> tuple[Point, ...]:
        """The points of a codec's last run on a dataset."""
        with self.read_transaction():
            curves = self.select(
                rows.Planned,
                dataset=self._id(rows.Dataset, digest=dataset.digest),
                codec=self._id(rows.Codec, fingerprint=codec.fingerprint),
                name=codec.name,
            )
            return tuple(json.loads(key) for curve in curves for key in json.loads(curve.points))

    def _stream(self, key: StreamKey) -> rows.Stream | None:
        """The row of a stream, if there is one."""
        found = self.select(
            rows.Stream,
            codec=self._id(rows.Codec, fingerprint=key.fingerprint),
            image=self._id(rows.Image, digest=key.image),
            point=point_key(key.point),
        )
        return found[0] if found else None

    def _id(self, kind: type[NamedTuple], **key: str) -> int | None:
        """The number of a row, which never changes and is queried once."""
        asked = (kind, *key.values())
        if asked not in self._ids:
            statement = f"SELECT id FROM {TABLES[kind]} {having(*key)}"
            with plain_errors(self.folder):
                row = self._database.execute(statement, tuple(key.values())).fetchone()
            if row is None:
                return None
            self._ids[asked] = row[0]
        return self._ids[asked]

    # Bitstreams.

    def stream_path(self, digest: str) -> Path:
        return self.folder / "streams" / digest[:2] / digest[2:]

    def read_stream(self, digest: str) -> bytes:
        """A stored bitstream, checked against its digest."""
        path = self.stream_path(digest)
        try:
            stream = path.read_bytes()
        except OSError as error:
            raise StreamError(f"{path}: the stored bitstream cannot be read") from error
        if hashlib.sha256(stream).hexdigest() != digest:
            raise StreamError(f"{path}: the stored bitstream is damaged")
        return stream


@cache
def having(*columns: str) -> str:
    """The condition that all of these columns have given values."""
    return ("WHERE " if columns else "") + " AND ".join(f"{column} = ?" for column in columns)


@cache
def _selection(kind: type[NamedTuple], rest: str) -> str:
    table = TABLES[kind]
    columns = ", ".join(f"{table}.{column}" for column in kind._fields)
    return f"SELECT {columns} FROM {table} {rest}"
