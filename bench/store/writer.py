"""Writing a store: what a sweep's one committing thread saves.

Rows are numbered once and then known, so that saving a result takes one search for its stream and
a row for each value.
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
from bench.runtime.files import replacing, tidy_anew
from bench.runtime.programs import Cost
from bench.store.database import RECOVER, plain_errors, transaction
from bench.store.reader import Store, having
from bench.store.rows import (
    NEW,
    TABLES,
    CodecRow,
    DatasetRow,
    FailureRow,
    ImageRow,
    MeasuredRow,
    MemberRow,
    MetricRow,
    OriginalRow,
    PlannedRow,
    RunRow,
    ScoredRow,
    ScorerRow,
    StreamRow,
    point_key,
)

if TYPE_CHECKING:
    from bench.tasks.scorer import Scorer, ScoreRecord


class StoreWriter(Store):
    """An open results folder, to write; it is made if it is not there."""

    def __init__(self, folder: Path) -> None:
        self._open(folder, writable=True)
        tidy_anew()
        self._run = 0

    @contextmanager
    def write_transaction(self) -> Iterator[None]:
        """A transaction, while which others wait; what came before an error is kept."""
        try:
            with plain_errors(self.folder), transaction(self._database, "BEGIN IMMEDIATE"):
                yield
        except BaseException:
            self._ids.clear()  # of rows that may not have been kept
            raise

    # Rows.

    def put(self, *rows: NamedTuple) -> None:
        """Write rows of one table; each takes the place of one with the same key."""
        self._insert("REPLACE", rows)

    def add(self, *rows: NamedTuple) -> None:
        """Write rows of one table, but none whose key is taken."""
        self._insert("IGNORE", rows)

    def delete(self, kind: type[NamedTuple], **equal: object) -> None:
        """Drop the rows of a table that have these values."""
        statement = f"DELETE FROM {TABLES[kind]} {having(*equal)}"
        self._database.execute(statement, tuple(equal.values()))

    def _insert(self, otherwise: str, rows: Sequence[NamedTuple]) -> None:
        if rows:
            self._database.executemany(_insertion(type(rows[0]), otherwise), rows)

    def _known(self, kind: type[NamedTuple], **key: str) -> int:
        """The number of a row that was written before."""
        number = self._id(kind, **key)
        if number is None:
            raise StoreError(f"{self.folder}: a record in its store.sqlite is lost; {RECOVER}")
        return number

    def _next_use(self, kind: type[NamedTuple]) -> int:
        """What marks a row as the one used last."""
        statement = f"SELECT coalesce(max(used), 0) + 1 FROM {TABLES[kind]}"
        return int(self._database.execute(statement).fetchone()[0])

    # What a sweep is about.

    def begin_run(self, command: str, machine: Mapping[str, str]) -> None:
        """Whatever is saved from here on was made by this command on this machine."""
        # a name that is no text, in the command, is kept as Python would write it
        command = command.encode("utf-8", "backslashreplace").decode()
        row = RunRow(NEW, _now(), command, json.dumps(machine))
        self._run = self._database.execute(_insertion(RunRow, "ABORT"), row).lastrowid or 0

    def add_dataset(self, dataset: Dataset) -> None:
        """Remember which images, in which order, make up a dataset."""
        number = self._id(DatasetRow, digest=dataset.digest)
        self.put(
            DatasetRow(
                number or NEW,
                dataset.digest,
                dataset.kind,
                dataset.name,
                dataset.folder,
                self._next_use(DatasetRow),
                dataset.version,
            )
        )
        self.add(*self._members(dataset, {}))

    def _members(self, dataset: Dataset, truths: Mapping[str, str]) -> Iterator[MemberRow]:
        number = self._known(DatasetRow, digest=dataset.digest)
        for position, entry in enumerate(dataset.entries):
            name, digest = entry.name, dataset.digests[entry.name]
            yield MemberRow(number, position, name, digest, truths.get(name))

    def add_scorers(self, scorers: Sequence[Scorer], dataset: Dataset) -> None:
        """Remember what scores, and which labels of the data set count from now on."""
        for scorer in scorers:
            row = ScorerRow(
                NEW,
                scorer.fingerprint,
                scorer.name,
                scorer.title,
                scorer.task.masks,
                scorer.pseudo,
                None,
            )
            known = self.select(ScorerRow, fingerprint=scorer.fingerprint)
            self.put(known[0]._replace(title=scorer.title) if known else row)
        if any(scorer.pseudo is None for scorer in scorers):
            self.put(*self._members(dataset, dataset.truths))

    def show_scorers(self, scorers: Sequence[Scorer]) -> None:
        """From now on reports show these, of all that have their names."""
        for scorer in scorers:
            for row in self.select(ScorerRow, fingerprint=scorer.fingerprint):
                self.put(row._replace(used=self._next_use(ScorerRow)))

    def add_codec(self, codec: Codec) -> None:
        """Remember what a codec's fingerprint stands for, and the version that runs."""
        known = self.select(CodecRow, fingerprint=codec.fingerprint)
        if not known:
            options = json.dumps(codec.card.options, default=str)  # TOML has dates
            depends_on = json.dumps(codec.dependencies())
            row = CodecRow(NEW, codec.fingerprint, options, depends_on, codec.version())
            self.put(row)
        elif known[0].version is None:
            self.put(known[0]._replace(version=codec.version()))

    def add_metrics(self, fingerprints: Mapping[str, str]) -> None:
        """Remember which version of each metric is the one that counts from now on."""
        for name, fingerprint in fingerprints.items():
            number = self._id(MetricRow, name=name, fingerprint=fingerprint)
            self.put(MetricRow(number or NEW, name, fingerprint, self._next_use(MetricRow)))

    def add_planned(self, dataset: Dataset, codec: Codec, points: Sequence[Point]) -> None:
        """Remember the points a codec is to have on a dataset: what its curve is made of.

        Two cards may code alike, and share their bitstreams; each has a curve of its own.
        """
        card = codec.card
        self.put(
            PlannedRow(
                self._known(DatasetRow, digest=dataset.digest),
                self._known(CodecRow, fingerprint=codec.fingerprint),
                codec.name,
                card.title,
                card.unit,
                card.anchor,
                card.oracle,
                card.reference,
                json.dumps([point_key(point) for point in points]),
                self._next_use(PlannedRow),
            )
        )

    # What comes of it.

    def save_stream(
        self,
        fingerprint: str,
        image: str,
        size: tuple[int, int],
        point: Point,
        stream: bytes,
        cost: Cost | None,
    ) -> None:
        """Keep a bitstream and what it cost to make (None: made elsewhere).

        Where another sweep has kept one meanwhile, that one stays.
        """
        digest = hashlib.sha256(stream).hexdigest()
        self._keep_file(digest, stream)
        self.add(
            StreamRow(
                NEW,
                self._known(CodecRow, fingerprint=fingerprint),
                self._image(image, size),
                point_key(point),
                digest,
                len(stream),
                cost.cpu if cost else None,
                cost.wall if cost else None,
                None,
                None,
                self._run,
                _now(),
                None,
            )
        )
        self.forget_failure(fingerprint, image, point)

    def forget_stream(self, fingerprint: str, image: str, point: Point) -> None:
        """Drop a stream whose file was found damaged, and what was measured on it."""
        if stream := self._stream(fingerprint, image, point):
            self._forget_figures(stream)
            self.delete(StreamRow, id=stream.id)

    def _forget_figures(self, stream: StreamRow) -> StreamRow:
        self.delete(MeasuredRow, stream=stream.id)
        self.delete(ScoredRow, stream=stream.id)
        return stream._replace(decode_cpu=None, decode_wall=None)

    def save_measures(
        self,
        fingerprint: str,
        image: str,
        point: Point,
        digest: str,
        decoded: str,
        cost: Cost,
        values: Mapping[str, float],
        metrics: Mapping[str, str],
    ) -> None:
        """Keep what was measured on a decoded stream, each value with its metric's fingerprint.

        All figures of a stream are of one picture: those of a picture other than ``decoded`` go.
        """
        stream = self._stream(fingerprint, image, point)
        if stream is None or stream.digest != digest:
            return  # another sweep kept a stream of its own, which it measures itself
        if stream.decoded not in (None, decoded):
            stream = self._forget_figures(stream)
        if stream.decode_cpu is None:
            stream = stream._replace(decode_cpu=cost.cpu, decode_wall=cost.wall)
        self.put(stream._replace(decoded=decoded))
        numbers = (self._known(MetricRow, name=name, fingerprint=metrics[name]) for name in values)
        self.put(*map(MeasuredRow, repeat(stream.id), numbers, values.values()))
        self.forget_failure(fingerprint, image, point)

    def save_scores(
        self,
        fingerprint: str,
        image: str,
        point: Point,
        digest: str,
        decoded: str,
        scores: Sequence[ScoreRecord],
    ) -> None:
        """Keep how what was found in a decoded picture fared, unless another has replaced it."""
        stream = self._stream(fingerprint, image, point)
        if stream is None or (stream.digest, stream.decoded) != (digest, decoded):
            return
        for score in scores:
            number = self._known(ScorerRow, fingerprint=score.scorer)
            self.put(ScoredRow(stream.id, number, score.truth, score.matches.to_bytes()))

    def save_original(self, image: str, size: tuple[int, int], score: ScoreRecord) -> None:
        """Keep how what was found in an uncompressed picture fared, and the truth it is."""
        made = score.pseudo_ground_truth
        self.put(
            OriginalRow(
                self._image(image, size),
                self._known(ScorerRow, fingerprint=score.scorer),
                score.truth,
                score.matches.to_bytes(),
                made.to_bytes() if made else None,
            )
        )

    def save_failure(self, fingerprint: str, image: str, point: Point, reason: str) -> None:
        """Remember why a point is not there, until it is."""
        codec = self._known(CodecRow, fingerprint=fingerprint)
        self.put(FailureRow(codec, image, point_key(point), reason, self._run, _now()))

    def forget_failure(self, fingerprint: str, image: str, point: Point) -> None:
        """It went well this time."""
        codec = self._known(CodecRow, fingerprint=fingerprint)
        self.delete(FailureRow, codec=codec, image=image, point=point_key(point))

    def _image(self, digest: str, size: tuple[int, int]) -> int:
        if self._id(ImageRow, digest=digest) is None:
            self.add(ImageRow(NEW, digest, *size))
        return self._known(ImageRow, digest=digest)

    def _keep_file(self, digest: str, stream: bytes) -> None:
        path = self.stream_path(digest)
        if path.is_file() and path.read_bytes() == stream:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(stream)


@cache
def _insertion(kind: type[NamedTuple], otherwise: str) -> str:
    places = ", ".join("?" * len(kind._fields))
    columns = ", ".join(kind._fields)
    return f"INSERT OR {otherwise} INTO {TABLES[kind]} ({columns}) VALUES ({places})"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
