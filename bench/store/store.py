"""The store: what was coded and measured, kept by what produced it, so nothing is done twice.

A results folder holds ``store.sqlite`` and, under ``streams``, every bitstream named by its own
digest. A stream is keyed by codec fingerprint, image digest and point; a measured value by its
stream, its metric and that metric's fingerprint; what a task network found is kept as its matches
with the truth, keyed by stream, network and truth. One process writes at a time, in transactions as
short as can be, so that many sweeps may share a store; SQLite's rollback journal (not its WAL,
which network file systems break) makes the others wait.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.codecs.codec import Codec, Point, inputs_of
from bench.datasets import Dataset
from bench.errors import BenchError, StoreError, StreamError
from bench.runtime.files import replacing, tidy_anew
from bench.runtime.programs import Cost
from bench.store import schema

if TYPE_CHECKING:
    from bench.instances.pseudo_truth import PseudoTruth
    from bench.metrics.matches import Matches
    from bench.tasks.scorer import Scorer

_RECOVER = (
    "if it is damaged, 'sqlite3 store.sqlite .recover | sqlite3 new.sqlite' saves what can be saved"
)
# How long to wait for another sweep's transaction, which takes milliseconds.
_WAIT_SECONDS = 120

_FIND = (
    "SELECT streams.id FROM streams JOIN codecs ON codecs.id = codec "
    "JOIN images ON images.id = image WHERE fingerprint = ? AND images.digest = ? AND point = ?"
)


@dataclass(frozen=True, eq=False)
class ScoreRecord:
    """How what one scorer found in one picture fared."""

    scorer: str  # its fingerprint
    truth: str  # names the labels
    matches: Matches
    pseudo_ground_truth: PseudoTruth | None = None  # a truth of the network's own making


@dataclass(frozen=True)
class StoredPoint:
    """What the store has of one image at one point of one codec."""

    stream: str
    bytes: int
    decoded: str | None  # the digest of the picture that its figures are of
    metrics: frozenset[str]
    truths: Mapping[str, str]  # of each scorer that has scored it, the truth that it was held to


def point_key(point: Point) -> str:
    """A point as text, the same for 37 and 37.0."""
    if isinstance(point, float) and point.is_integer():
        point = int(point)
    return json.dumps(point)


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    """SQLite's and the file system's errors as one line that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        said = str(error)
        advice = {
            "database or disk is full": "free some space and run the same command again",
            "attempt to write a readonly database": "it cannot be written; use another --results",
            "unable to open database file": "it cannot be opened; is the folder writable?",
            "disk I/O error": "does the disk fail, or is a file larger than 'ulimit -f' allows?",
            "database is locked": "another sweep writes, or was halted while it did; try again",
        }.get(said, _RECOVER)
        raise StoreError(f"{folder}: {said}; {advice}") from error
    except OSError as error:
        raise StoreError(
            f"{folder}: {error.strerror or error}; what was measured before is kept"
        ) from error


@contextmanager
def _understood(folder: Path) -> Iterator[None]:
    """Records that make no sense, as one line: what is damaged may still be a record."""
    with _in_words(folder):
        try:
            yield
        except (BenchError, OSError, sqlite3.Error):
            raise
        except Exception as error:  # a damaged record may be anything
            what = f"a record in its store.sqlite makes no sense ({type(error).__name__}: {error})"
            raise StoreError(f"{folder}: {what}; {_RECOVER}") from error


class Store:
    """An open results folder."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self.folder = folder
        file = folder / "store.sqlite"
        if not writable and not file.is_file():
            raise StoreError(f"{folder}: no results there yet; 'bench run' makes some")
        with _in_words(folder):
            if writable:
                folder.mkdir(parents=True, exist_ok=True)
                tidy_anew()
            # Also to read: what a killed sweep left half-written is rolled back on opening.
            mode = "rwc" if writable else "rw"
            self.database = sqlite3.connect(
                f"{file.resolve().as_uri()}?mode={mode}",
                uri=True,
                timeout=_WAIT_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare(writable)
            except BaseException:
                self.database.close()
                raise
        self._run: int | None = None

    def _prepare(self, writable: bool) -> None:
        if writable:
            schema.create(self.database)
            schema.upgrade(self.database)
        else:
            self.database = schema.upgrade_to_read(self.database)
        version = schema.version(self.database)
        if version is None:
            raise StoreError(f"{self.folder}: its store.sqlite is not bench's")
        if version != str(schema.VERSION):
            raise StoreError(
                f"{self.folder}: made by another bench (store version {version}, here "
                f"{schema.VERSION}); use the bench that made it, or another --results"
            )

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        with _in_words(self.folder):
            self.database.close()

    # Writing: the sweep's one writer.

    def write_transaction(self) -> AbstractContextManager[None]:
        """A transaction, while which others wait; what came before an error is kept."""
        return self._transaction("BEGIN IMMEDIATE")

    @contextmanager
    def read_transaction(self) -> Iterator[None]:
        """All that is read within is of one moment, whatever sweeps are writing."""
        with self._transaction("BEGIN"), _understood(self.folder):
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with _in_words(self.folder):
            self.database.execute(begin)
            try:
                yield
            finally:
                if self.database.in_transaction:  # a full disk may have ended it
                    self.database.execute("COMMIT")

    def begin_run(self, command: str, machine: Mapping[str, str]) -> None:
        """Whatever is saved from here on was made by this command on this machine."""
        cursor = self.database.execute(
            "INSERT INTO runs (started, command, machine) VALUES (?, ?, ?)",
            # a name that is no text, in the command, is kept as Python would write it
            (_now(), command.encode("utf-8", "backslashreplace").decode(), json.dumps(machine)),
        )
        self._run = cursor.lastrowid

    def add_dataset(self, dataset: Dataset) -> None:
        """Remember which images, in which order, make up a dataset."""
        order = "(SELECT coalesce(max(used), 0) + 1 FROM datasets)"
        self.database.execute(
            f"INSERT INTO datasets (digest, kind, name, folder, used) VALUES (?, ?, ?, ?, {order}) "
            "ON CONFLICT (digest) DO UPDATE SET name = excluded.name, folder = excluded.folder, "
            f"used = {order}",
            (dataset.digest, dataset.kind, dataset.name, dataset.folder),
        )
        number = self._id("datasets", "digest", dataset.digest)
        for position, entry in enumerate(dataset.entries):
            self.database.execute(
                "INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?, NULL)",
                (number, position, entry.name, dataset.digests[entry.name]),
            )

    def add_scorers(self, scorers: Sequence[Scorer], dataset: Dataset) -> None:
        """Remember what scores, and which labels of the data set count from now on."""
        for scorer in scorers:
            self.database.execute(
                "INSERT INTO scorers (fingerprint, name, title, masks, pseudo) "
                "VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (fingerprint) DO UPDATE SET title = excluded.title",
                (
                    scorer.fingerprint,
                    scorer.name,
                    scorer.title,
                    scorer.task.masks,
                    scorer.pseudo,
                ),
            )
        if any(scorer.pseudo is None for scorer in scorers):
            number = self._id("datasets", "digest", dataset.digest)
            for position, entry in enumerate(dataset.entries):
                self.database.execute(
                    "UPDATE members SET truth = ? WHERE dataset = ? AND position = ?",
                    (dataset.truths[entry.name], number, position),
                )

    def show_scorers(self, scorers: Sequence[Scorer]) -> None:
        """From now on reports show these, of all that have their names."""
        order = "(SELECT coalesce(max(used), 0) + 1 FROM scorers)"
        for scorer in scorers:
            self.database.execute(
                f"UPDATE scorers SET used = {order} WHERE fingerprint = ?", (scorer.fingerprint,)
            )

    def add_codec(self, codec: Codec) -> None:
        """Remember what a codec's fingerprint stands for, and the version that runs."""
        self.database.execute(
            "INSERT OR IGNORE INTO codecs (fingerprint, options, depends_on) VALUES (?, ?, ?)",
            (
                codec.fingerprint,
                json.dumps(codec.card.options, default=str),  # TOML has dates
                json.dumps(codec.dependencies()),
            ),
        )
        number = self._id("codecs", "fingerprint", codec.fingerprint)
        unknown = "SELECT id FROM codecs WHERE id = ? AND version IS NULL"
        if self.database.execute(unknown, (number,)).fetchone():
            self.database.execute(
                "UPDATE codecs SET version = ? WHERE id = ?", (codec.version(), number)
            )

    def add_metrics(self, fingerprints: Mapping[str, str]) -> None:
        """Remember which version of each metric is the one that counts from now on."""
        order = "(SELECT coalesce(max(used), 0) + 1 FROM metrics)"
        for name, fingerprint in fingerprints.items():
            self.database.execute(
                f"INSERT INTO metrics (name, fingerprint, used) VALUES (?, ?, {order}) "
                f"ON CONFLICT (name, fingerprint) DO UPDATE SET used = {order}",
                (name, fingerprint),
            )

    def add_planned(self, dataset: Dataset, codec: Codec, points: Sequence[Point]) -> None:
        """Remember the points a codec is to have on a dataset: what its curve is made of.

        Two cards may code alike, and share their bitstreams; each has a curve of its own.
        """
        card = codec.card
        self.database.execute(
            "INSERT OR REPLACE INTO planned VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "(SELECT coalesce(max(used), 0) + 1 FROM planned))",
            (
                self._id("datasets", "digest", dataset.digest),
                self._id("codecs", "fingerprint", codec.fingerprint),
                codec.name,
                card.title,
                card.unit,
                card.anchor,
                card.oracle,
                card.reference,
                json.dumps([point_key(point) for point in points]),
            ),
        )

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
        self.database.execute(
            "INSERT OR IGNORE INTO images (digest, width, height) VALUES (?, ?, ?)", (image, *size)
        )
        self.database.execute(
            "INSERT OR IGNORE INTO streams (codec, image, point, digest, bytes, encode_cpu, "
            "encode_wall, run, finished) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._id("codecs", "fingerprint", fingerprint),
                self._id("images", "digest", image),
                point_key(point),
                digest,
                len(stream),
                cost and cost.cpu,
                cost and cost.wall,
                self._run,
                _now(),
            ),
        )
        self.forget_failure(fingerprint, image, point)

    def forget_stream(self, fingerprint: str, image: str, point: Point) -> None:
        """Drop a stream whose file was found damaged, and what was measured on it."""
        for (stream,) in self.database.execute(
            _FIND, (fingerprint, image, point_key(point))
        ).fetchall():
            self._forget_figures(stream)
            self.database.execute("DELETE FROM streams WHERE id = ?", (stream,))

    def _forget_figures(self, stream: int) -> None:
        self.database.execute("DELETE FROM measured WHERE stream = ?", (stream,))
        self.database.execute("DELETE FROM scored WHERE stream = ?", (stream,))
        self.database.execute(
            "UPDATE streams SET decode_cpu = NULL, decode_wall = NULL WHERE id = ?", (stream,)
        )

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
        row = self.database.execute(
            f"{_FIND} AND streams.digest = ?", (fingerprint, image, point_key(point), digest)
        ).fetchone()
        if row is None:
            return  # another sweep kept a stream of its own, which it measures itself
        (stream,) = row
        other = "SELECT id FROM streams WHERE id = ? AND decoded != ?"
        if self.database.execute(other, (stream, decoded)).fetchone():
            self._forget_figures(stream)
        self.database.execute(
            "UPDATE streams SET decoded = ?, decode_cpu = coalesce(decode_cpu, ?), "
            "decode_wall = coalesce(decode_wall, ?) WHERE id = ?",
            (decoded, cost.cpu, cost.wall, stream),
        )
        for name, value in values.items():
            self.database.execute(
                "INSERT OR REPLACE INTO measured VALUES (?, ?, ?)",
                (stream, self._metric_id(name, metrics[name]), value),
            )
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
        row = self.database.execute(
            f"{_FIND} AND streams.digest = ? AND decoded = ?",
            (fingerprint, image, point_key(point), digest, decoded),
        ).fetchone()
        for scored in scores if row else ():
            self.database.execute(
                "INSERT OR REPLACE INTO scored VALUES (?, ?, ?, ?)",
                (
                    row[0],
                    self._id("scorers", "fingerprint", scored.scorer),
                    scored.truth,
                    scored.matches.to_bytes(),
                ),
            )

    def save_original(self, image: str, size: tuple[int, int], scored: ScoreRecord) -> None:
        """Keep how what was found in an uncompressed picture fared, and the truth it is."""
        self.database.execute(
            "INSERT OR IGNORE INTO images (digest, width, height) VALUES (?, ?, ?)", (image, *size)
        )
        self.database.execute(
            "INSERT OR REPLACE INTO originals VALUES (?, ?, ?, ?, ?)",
            (
                self._id("images", "digest", image),
                self._id("scorers", "fingerprint", scored.scorer),
                scored.truth,
                scored.matches.to_bytes(),
                scored.pseudo_ground_truth.to_bytes() if scored.pseudo_ground_truth else None,
            ),
        )

    def save_failure(self, fingerprint: str, image: str, point: Point, reason: str) -> None:
        """Remember why a point is not there, until it is."""
        self.database.execute(
            "INSERT OR REPLACE INTO failures VALUES "
            "((SELECT id FROM codecs WHERE fingerprint = ?), ?, ?, ?, ?, ?)",
            (fingerprint, image, point_key(point), reason, self._run, _now()),
        )

    def forget_failure(self, fingerprint: str, image: str, point: Point) -> None:
        """It went well this time."""
        self.database.execute(
            "DELETE FROM failures WHERE codec = (SELECT id FROM codecs WHERE fingerprint = ?) "
            "AND image = ? AND point = ?",
            (fingerprint, image, point_key(point)),
        )

    def _keep_file(self, digest: str, stream: bytes) -> None:
        path = self.stream_path(digest)
        if path.is_file() and path.read_bytes() == stream:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(stream)

    def _id(self, table: str, column: str, value: str) -> int:
        row = self.database.execute(
            f"SELECT id FROM {table} WHERE {column} = ?", (value,)
        ).fetchone()
        return self._number(row)

    def _metric_id(self, name: str, fingerprint: str) -> int:
        row = self.database.execute(
            "SELECT id FROM metrics WHERE name = ? AND fingerprint = ?", (name, fingerprint)
        ).fetchone()
        return self._number(row)

    def _number(self, row: tuple[int] | None) -> int:
        """The number of a record that was written before."""
        if row is None:
            raise StoreError(f"{self.folder}: a record in its store.sqlite is lost; {_RECOVER}")
        return int(row[0])

    # Reading.

    def stream_path(self, digest: str) -> Path:
        return self.folder / "streams" / digest[:2] / digest[2:]

    def read_stream(self, digest: str) -> bytes:
        """A kept bitstream, checked against its own name."""
        path = self.stream_path(digest)
        try:
            stream = path.read_bytes()
        except OSError as error:
            raise StreamError(f"{path}: the kept bitstream cannot be read") from error
        if hashlib.sha256(stream).hexdigest() != digest:
            raise StreamError(f"{path}: the kept bitstream is damaged")
        return stream

    def kept(
        self, fingerprint: str, metrics: Mapping[str, str], scorers: Sequence[Scorer] = ()
    ) -> dict[tuple[str, str], StoredPoint]:
        """All that is there of a codec, by image digest and point key."""
        names = {scorer.fingerprint: scorer.name for scorer in scorers}
        named = self._named_metrics(metrics)
        with _understood(self.folder):
            streams = self.database.execute(
                "SELECT streams.id, images.digest, point, streams.digest, bytes, decoded "
                "FROM streams JOIN codecs ON codecs.id = codec JOIN images ON images.id = image "
                "WHERE fingerprint = ?",
                (fingerprint,),
            ).fetchall()
            measured: dict[int, set[str]] = {}
            for stream, metric in self.database.execute(
                "SELECT stream, metric FROM measured JOIN streams ON streams.id = stream "
                "JOIN codecs ON codecs.id = codec WHERE fingerprint = ?",
                (fingerprint,),
            ):
                if metric in named:
                    measured.setdefault(stream, set()).add(named[metric])
            truths: dict[int, dict[str, str]] = {}
            for stream, scorer, truth in self.database.execute(
                "SELECT stream, scorers.fingerprint, truth FROM scored "
                "JOIN scorers ON scorers.id = scorer JOIN streams ON streams.id = stream "
                "JOIN codecs ON codecs.id = codec WHERE codecs.fingerprint = ?",
                (fingerprint,),
            ):
                if scorer in names:
                    truths.setdefault(stream, {})[names[scorer]] = truth
        return {
            (image, point): StoredPoint(
                digest,
                size,
                decoded,
                frozenset(measured.get(number, ())),
                truths.get(number, {}),
            )
            for number, image, point, digest, size, decoded in streams
        }

    def measured(self, fingerprint: str, image: str, point: Point) -> dict[str, str]:
        """The fingerprint of each metric by which one stream was measured, by name."""
        rows = self.rows(
            "SELECT name, metrics.fingerprint FROM measured JOIN metrics ON metrics.id = metric "
            f"WHERE stream IN ({_FIND}) ORDER BY used",
            (fingerprint, image, point_key(point)),
        )
        return {str(name): str(mark) for name, mark in rows}

    def kept_originals(self, scorer: Scorer) -> dict[str, tuple[str, PseudoTruth | None]]:
        """By image digest: the name of its truth and, where the network painted that, itself."""
        from bench.instances.pseudo_truth import PseudoTruth

        rows: list[Any] = self.rows(
            "SELECT images.digest, truth, painted FROM originals "
            "JOIN images ON images.id = image JOIN scorers ON scorers.id = scorer "
            "WHERE fingerprint = ?",
            (scorer.fingerprint,),
        )
        with _understood(self.folder):
            return {
                image: (truth, PseudoTruth.from_bytes(blob) if blob else None)
                for image, truth, blob in rows
            }

    def inputs(self, fingerprint: str) -> dict[str, str]:
        """What decided the bytes of a codec of this fingerprint, by name."""
        rows = self.rows(
            "SELECT options, depends_on FROM codecs WHERE fingerprint = ?", (fingerprint,)
        )
        with _understood(self.folder):
            ((options, depends_on),) = rows
            return inputs_of(json.loads(str(options)), json.loads(str(depends_on)))

    def planned_points(self, dataset: Dataset, codec: Codec) -> tuple[Point, ...]:
        """The points that a codec was to have on a dataset when it was last run on it."""
        found = self.rows(
            "SELECT points FROM planned JOIN codecs ON codecs.id = codec "
            "JOIN datasets ON datasets.id = dataset "
            "WHERE digest = ? AND fingerprint = ? AND planned.name = ?",
            (dataset.digest, codec.fingerprint, codec.name),
        )
        with _understood(self.folder):
            return tuple(json.loads(key) for key in json.loads(str(found[0][0]))) if found else ()

    def _named_metrics(self, metrics: Mapping[str, str]) -> dict[int, str]:
        rows: list[Any] = self.rows("SELECT id, name, fingerprint FROM metrics")
        return {number: name for number, name, mark in rows if metrics.get(name) == mark}

    def rows(self, statement: str, values: Iterable[object] = ()) -> list[tuple[object, ...]]:
        """The rows of a query, for whoever reports."""
        with _in_words(self.folder):
            return self.database.execute(statement, tuple(values)).fetchall()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
