"""Writes a store, from one thread of a sweep.

The numbers of rows are remembered, so that saving a result takes one query for its stream and a row
for each value.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.codecs.codec import Codec, Point
from bench.datasets import Dataset
from bench.errors import StoreError
from bench.runtime.files import forget_tidied, replacing
from bench.runtime.programs import Cost
from bench.store import rows
from bench.store.database import RECOVER, plain_errors, transaction
from bench.store.reader import Store, having
from bench.store.rows import NEW, TABLES, StreamKey, point_key

if TYPE_CHECKING:
    from bench.tasks.scorer import Scorer, ScoreRecord


class StoreWriter(Store):
    """An open results folder, to write; it is created if it is missing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, writable=True)
        forget_tidied()
        self._run = 0

    @contextmanager
    def write_transaction(self) -> Iterator[None]:
        """A transaction; others wait, and what was written before an error is kept."""
        try:
            with plain_errors(self.folder), transaction(self._database, "BEGIN IMMEDIATE"):
                yield
        except BaseException:
            self._ids.clear()  # the rows may not have been written
            raise

    # Rows.

    def put(self, *records: NamedTuple) -> None:
        """Write rows of one table; each replaces one with the same key."""
        self._insert("REPLACE", records)

    def add(self, *records: NamedTuple) -> None:
        """Write rows of one table, except those whose key exists."""
        self._insert("IGNORE", records)

    def delete(self, kind: type[NamedTuple], **equal: object) -> None:
        """Delete the rows of a table that have these values."""
        statement = f"DELETE FROM {TABLES[kind]} {having(*equal)}"
        self._database.execute(statement, tuple(equal.values()))

    def compact(self) -> None:
        """Give the space of deleted rows back to the file system."""
        with plain_errors(self.folder):
            self._database.execute("VACUUM")

    def _insert(self, otherwise: str, records: Sequence[NamedTuple]) -> None:
        if records:
            self._database.executemany(_insertion(type(records[0]), otherwise), records)

    def _known(self, kind: type[NamedTuple], **key: str) -> int:
        """The number of an existing row."""
        number = self._id(kind, **key)
        if number is None:
            raise StoreError(f"{self.folder}: a record in store.sqlite is missing; {RECOVER}")
        return number

    def next_use(self, kind: type[NamedTuple]) -> int:
        """What marks a row as the one used last."""
        statement = f"SELECT coalesce(max(used), 0) + 1 FROM {TABLES[kind]}"
        return int(self._database.execute(statement).fetchone()[0])

    # The inputs of a sweep.

    def begin_run(self, command: str, machine: Mapping[str, str]) -> None:
        """Record the command and the machine of all that is saved from now on."""
        # a file name that is not text is written with escapes
        command = command.encode("utf-8", "backslashreplace").decode()
        row = rows.Run(NEW, _now(), command, json.dumps(machine))
        self._run = self._database.execute(_insertion(rows.Run, "ABORT"), row).lastrowid or 0

    def add_dataset(self, dataset: Dataset) -> None:
        """Record the images of a dataset, in order."""
        number = self._id(rows.Dataset, digest=dataset.digest)
        facts = dataset.digest, dataset.kind, dataset.name, dataset.folder
        used = self.next_use(rows.Dataset)
        self.put(rows.Dataset(number or NEW, *facts, used, dataset.version))
        self.add(*self._members(dataset))

    def _members(self, dataset: Dataset) -> Iterator[rows.Member]:
        number = self._known(rows.Dataset, digest=dataset.digest)
        for position, entry in enumerate(dataset.entries):
            yield rows.Member(number, position, entry.name, dataset.digests[entry.name], None)

    def add_scorers(self, scorers: Sequence[Scorer], dataset: Dataset) -> None:
        """Record the scorers and, unless all use pseudo ground truth, the current labels."""
        for scorer in scorers:
            known = self.select(rows.Scorer, fingerprint=scorer.fingerprint)
            number, used = (known[0].id, known[0].used) if known else (NEW, None)
            facts = scorer.fingerprint, scorer.name, scorer.title, scorer.measure.name
            classes = json.dumps(scorer.classes)
            self.put(rows.Scorer(number, *facts, classes, scorer.pseudo, used))
        for labels in {each.measure.labels for each in scorers if each.pseudo is None}:
            truths = dataset.truths(labels)
            number = self._known(rows.Dataset, digest=dataset.digest)
            self.put(
                *(
                    member._replace(truths=_with_truth(member, labels, truths.get(member.name)))
                    for member in self.select(rows.Member, dataset=number)
                )
            )

    def show_scorers(self, scorers: Sequence[Scorer]) -> None:
        """Show these in reports from now on, instead of others with their names."""
        for scorer in scorers:
            for row in self.select(rows.Scorer, fingerprint=scorer.fingerprint):
                self.put(row._replace(used=self.next_use(rows.Scorer)))

    def add_codec(self, codec: Codec) -> None:
        """Record the inputs of a codec's fingerprint, and the version of its software."""
        known = self.select(rows.Codec, fingerprint=codec.fingerprint)
        if not known:
            options = json.dumps(codec.card.options, default=str)  # TOML has dates
            depends_on = json.dumps(codec.dependencies())
            facts = codec.fingerprint, options, depends_on, codec.version()
            self.put(rows.Codec(NEW, *facts))
        elif known[0].version is None:
            self.put(known[0]._replace(version=codec.version()))

    def add_metrics(self, fingerprints: Mapping[str, str]) -> None:
        """Record the current version of each metric."""
        for name, fingerprint in fingerprints.items():
            number = self._id(rows.Metric, name=name, fingerprint=fingerprint)
            used = self.next_use(rows.Metric)
            self.put(rows.Metric(number or NEW, name, fingerprint, used))

    def add_planned(self, dataset: Dataset, codec: Codec, points: Sequence[Point]) -> None:
        """Record the points of a codec's curve on a dataset.

        Two cards may have the same fingerprint and share bitstreams; each has its own curve.
        """
        card = codec.card
        dataset_id = self._known(rows.Dataset, digest=dataset.digest)
        codec_id = self._known(rows.Codec, fingerprint=codec.fingerprint)
        facts = codec.name, card.title, card.unit, card.anchor, card.oracle, card.reference
        keys = json.dumps([point_key(point) for point in points])
        used = self.next_use(rows.Planned)
        self.put(rows.Planned(dataset_id, codec_id, *facts, keys, used))

    # The results of a sweep.

    def save_stream(
        self,
        key: StreamKey,
        size: tuple[int, int],
        stream: bytes,
        cost: Cost | None,
        side: str | None = None,
        parts: Mapping[str, int] | None = None,
    ) -> None:
        """Save a bitstream, its cost (None if it was imported), its side information and its parts.

        If another sweep has saved one in the meantime, that one stays; one of other side
        information is replaced.
        """
        if (stored := self._stream(key)) and stored.side != side:
            self.delete_stream(stored)
        digest = hashlib.sha256(stream).hexdigest()
        self.keep_file(digest, stream)
        of = self._codec(key), self._image(key.image, size), point_key(key.point)
        spent = (cost.cpu, cost.wall) if cost else (None, None)
        of_parts = json.dumps(parts) if parts else None
        made = len(stream), *spent, None, None, self._run, _now(), None, side, of_parts
        self.add(rows.Stream(NEW, *of, digest, *made))
        self.forget_failure(key)

    def forget_stream(self, key: StreamKey) -> None:
        """Delete a stream whose file is damaged, and its figures."""
        if stream := self._stream(key):
            self.delete_stream(stream)

    def delete_stream(self, stream: rows.Stream) -> None:
        """Drop a stream's record and what was measured on it; its file stays."""
        self._forget_figures(stream)
        self.delete(rows.Stream, id=stream.id)

    def _forget_figures(self, stream: rows.Stream) -> rows.Stream:
        self.delete(rows.Measured, stream=stream.id)
        self.delete(rows.Scored, stream=stream.id)
        return stream._replace(decode_cpu=None, decode_wall=None)

    def save_measures(
        self,
        key: StreamKey,
        digest: str,
        decoded: str,
        cost: Cost,
        values: Mapping[str, float],
        metrics: Mapping[str, str],
    ) -> None:
        """Save the values measured on a decoded stream, with the metrics' fingerprints.

        All figures of a stream are of one picture: those of another picture are deleted.
        """
        stream = self._stream(key)
        if stream is None or stream.digest != digest:
            return  # of another sweep, which measures it itself
        if stream.decoded not in (None, decoded):
            stream = self._forget_figures(stream)
        if stream.decode_cpu is None:
            stream = stream._replace(decode_cpu=cost.cpu, decode_wall=cost.wall)
        self.put(stream._replace(decoded=decoded))
        numbers = [self._known(rows.Metric, name=n, fingerprint=metrics[n]) for n in values]
        self.put(*map(rows.Measured, repeat(stream.id), numbers, values.values()))
        self.forget_failure(key)

    def save_scores(
        self, key: StreamKey, digest: str, decoded: str, scores: Sequence[ScoreRecord]
    ) -> None:
        """Save the scores of a decoded picture, unless the stream has been replaced."""
        stream = self._stream(key)
        if stream is None or (stream.digest, stream.decoded) != (digest, decoded):
            return
        for score in scores:
            number = self._known(rows.Scorer, fingerprint=score.scorer)
            self.put(rows.Scored(stream.id, number, score.truth, score.matches.to_bytes()))

    def save_original(self, image: str, size: tuple[int, int], score: ScoreRecord) -> None:
        """Save the score of an uncompressed image, and its pseudo ground truth."""
        of = self._image(image, size), self._known(rows.Scorer, fingerprint=score.scorer)
        made = score.pseudo_ground_truth
        truth = made.to_bytes() if made else None
        self.put(rows.Original(*of, score.truth, score.matches.to_bytes(), truth))

    def save_failure(self, key: StreamKey, reason: str) -> None:
        """Record why a point is missing."""
        of = self._codec(key), key.image, point_key(key.point)
        self.put(rows.Failure(*of, reason, self._run, _now()))

    def forget_failure(self, key: StreamKey) -> None:
        """Delete the failure of a point that has succeeded."""
        of = {"codec": self._codec(key), "image": key.image, "point": point_key(key.point)}
        self.delete(rows.Failure, **of)

    def _codec(self, key: StreamKey) -> int:
        return self._known(rows.Codec, fingerprint=key.fingerprint)

    def _image(self, digest: str, size: tuple[int, int]) -> int:
        if self._id(rows.Image, digest=digest) is None:
            self.add(rows.Image(NEW, digest, *size))
        return self._known(rows.Image, digest=digest)

    def keep_file(self, digest: str, stream: bytes) -> None:
        path = self.stream_path(digest)
        if path.is_file() and path.read_bytes() == stream:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(stream)


def _with_truth(member: rows.Member, labels: str, truth: str | None) -> str:
    """The digests of an image's labels by their kind, with the current one of a kind."""
    truths = json.loads(member.truths or "{}") | {labels: truth}
    return json.dumps({kind: digest for kind, digest in truths.items() if digest})


@cache
def _insertion(kind: type[NamedTuple], otherwise: str) -> str:
    places = ", ".join("?" * len(kind._fields))
    columns = ", ".join(kind._fields)
    return f"INSERT OR {otherwise} INTO {TABLES[kind]} ({columns}) VALUES ({places})"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
