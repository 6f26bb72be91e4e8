"""Merges a store into another: what is missing there is added, what contradicts it is reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bench.datasets.dataset import Progress
from bench.errors import StoreError, StreamError
from bench.store import rows
from bench.store.database import understood
from bench.store.reader import Store
from bench.store.rows import NEW, figure_key
from bench.store.writer import StoreWriter

# Bitstreams that are written in one transaction, while others wait.
_BATCH = 200
Row = TypeVar("Row", bound=NamedTuple)


@dataclass
class Merged:
    """What a store added to another."""

    source: Path
    streams: int = 0  # added
    known: int = 0  # there before
    figures: int = 0  # measured values and task results added
    lost: list[str] = field(default_factory=list)  # bitstreams that the source cannot give
    conflicts: list[str] = field(default_factory=list)


class _Figures(NamedTuple):
    """A bitstream of the source, and what was measured on it."""

    stream: rows.Stream
    measured: list[rows.Measured]
    scored: list[rows.Scored]


def merge_store(source: Store, into: StoreWriter, progress: Progress | None = None) -> Merged:
    """Add what a store has. Nothing that is there is changed, and it may be repeated at any time.

    Where both have results of the same codec, data set, metric or task in several versions, those
    that counted before still count.
    """
    if source.folder.resolve() == into.folder.resolve():
        raise StoreError(f"{source.folder}: a store cannot be merged into itself")
    with understood(source.folder):
        return _Merge(source, into, progress or (lambda what, done, total: None)).run()


class _Merge:
    def __init__(self, source: Store, into: StoreWriter, progress: Progress) -> None:
        self.source, self.into, self.progress = source, into, progress
        self.merged = Merged(source.folder)
        # Images and scorers of the source whose truth is another one here.
        self.other_truths = set[tuple[int, int]]()
        self.codec_names = {row.codec: row.name for row in source.select(rows.Planned)}
        self.image_names = {row.digest: row.name for row in source.select(rows.Member)}

    def run(self) -> Merged:
        name = attrgetter("name")
        self.runs = self._adopt(rows.Run, "started", "command", "machine")
        self.images = self._adopt(rows.Image, "digest")
        self.image_digests = {row.id: row.digest for row in self.source.select(rows.Image)}
        self.codecs = self._adopt(rows.Codec, "fingerprint")
        self.metrics = self._adopt(rows.Metric, "name", "fingerprint", rivals=name)
        self.scorers = self._adopt(rows.Scorer, "fingerprint", rivals=name)
        self.datasets = self._adopt(rows.Dataset, "digest", rivals=lambda row: "any other")
        with self.into.write_transaction():
            self._merge_members()
            self._merge_planned()
            self._merge_originals()
            self._show_scorers()
        for codec in self.codecs:
            self._merge_codec(codec)
        with self.into.write_transaction():
            self._merge_failures()
        return self.merged

    def _adopt(
        self, kind: type[Row], *key: str, rivals: Callable[[Any], object] | None = None
    ) -> dict[int, int]:
        """The number here of each row of the source; rows that are missing here are added.

        ``rivals`` gives the same for rows of which only the one used last counts.
        """
        of: Callable[[Any], object] = attrgetter(*key)
        theirs: list[Any] = [*self.source.select(kind)]
        with self.into.write_transaction():
            mine: list[Any] = [*self.into.select(kind)]
            known = {of(row) for row in mine}
            new = [row._replace(id=NEW) for row in theirs if of(row) not in known]
            if rivals:
                self._add_unused(new, {rivals(row) for row in mine}, rivals)
            else:
                self.into.add(*new)
            mine = [*self.into.select(kind)]
        numbers = {of(row): row.id for row in mine}
        return {row.id: numbers[of(row)] for row in theirs}

    def _add_unused(
        self, new: Iterable[Any], taken: set[object], rivals: Callable[[Any], object]
    ) -> None:
        """Rows in the order of their use, but before those here that they would supersede."""
        for row in sorted(new, key=lambda row: row.used or 0):
            if row.used is not None:
                later = 0 if rivals(row) in taken else self.into.next_use(type(row))
                row = row._replace(used=later)
            self.into.add(row)

    def _show_scorers(self) -> None:
        """Those that the source shows, and that a run here had begun with."""
        shown = {row.name for row in self.into.select(rows.Scorer) if row.used is not None}
        for theirs in self.source.select(rows.Scorer):
            for here in self.into.select(rows.Scorer, fingerprint=theirs.fingerprint):
                if theirs.used is not None and here.used is None:
                    later = 0 if here.name in shown else self.into.next_use(rows.Scorer)
                    self.into.put(here._replace(used=later))

    def _merge_members(self) -> None:
        mine = {(row.dataset, row.position): row for row in self.into.select(rows.Member)}
        for theirs in self.source.select(rows.Member):
            if theirs.dataset not in self.datasets:
                continue  # added since the merge began
            row = theirs._replace(dataset=self.datasets[theirs.dataset])
            here = mine.get((row.dataset, row.position))
            if here is None:
                self.into.put(row)
                continue
            mine_of, theirs_of = (json.loads(each.truths or "{}") for each in (here, theirs))
            if any(mine_of.get(labels, truth) != truth for labels, truth in theirs_of.items()):
                self._conflict(f"{theirs.name}: other labels")
            if theirs_of.keys() - mine_of.keys():
                self.into.put(row._replace(truths=json.dumps(theirs_of | mine_of)))

    def _merge_planned(self) -> None:
        """A curve that both have is to have the points of both."""
        mine = {row[:3]: row for row in self.into.select(rows.Planned)}
        new = []
        for theirs in self.source.select(rows.Planned):
            if theirs.dataset not in self.datasets or theirs.codec not in self.codecs:
                continue  # added since the merge began
            row = theirs._replace(
                dataset=self.datasets[theirs.dataset], codec=self.codecs[theirs.codec]
            )
            if here := mine.get(row[:3]):
                points = json.loads(here.points) + json.loads(row.points)
                self.into.put(here._replace(points=json.dumps(list(dict.fromkeys(points)))))
            else:
                new.append(row)
        rivals = attrgetter("dataset", "name")
        self._add_unused(new, {rivals(row) for row in mine.values()}, rivals)

    def _merge_codec(self, codec: int) -> None:
        numbers = [row.id for row in self.source.select(rows.Stream, codec=codec)]
        what = f"{self.source.folder}, {self._codec_name(codec)}"
        for start in range(0, len(numbers), _BATCH):
            batch = self._read(numbers[start : start + _BATCH])
            with self.into.write_transaction():
                for each in batch:
                    if self._bring_file(each.stream):
                        self._merge_stream(each)
            self.progress(what, min(start + _BATCH, len(numbers)), len(numbers))

    def _read(self, numbers: Sequence[int]) -> list[_Figures]:
        """Streams and their figures, without what a sweep has added since the merge began."""
        with self.source.read_transaction():
            return [
                _Figures(
                    stream,
                    [
                        row._replace(metric=self.metrics[row.metric])
                        for row in self.source.select(rows.Measured, stream=number)
                        if row.metric in self.metrics
                    ],
                    [
                        row._replace(scorer=self.scorers[row.scorer])
                        for row in self.source.select(rows.Scored, stream=number)
                        if row.scorer in self.scorers
                        and (stream.image, row.scorer) not in self.other_truths
                    ],
                )
                for number in numbers
                for stream in self.source.select(rows.Stream, id=number)
                if stream.image in self.images and stream.run in self.runs
            ]

    def _key(self, stream: rows.Stream) -> dict[str, Any]:
        """What a stream is kept under here."""
        codec, image = self.codecs[stream.codec], self.images[stream.image]
        return {"codec": codec, "image": image, "point": stream.point}

    def _bring_file(self, stream: rows.Stream) -> bool:
        """Copy a bitstream, unless it is there; False if that cannot be or another is there."""
        here = self.into.select(rows.Stream, **self._key(stream))
        if here and here[0].digest != stream.digest:
            self._conflict(f"{self._point_name(stream)}: another bitstream")
            return False
        if not self.into.stream_path(stream.digest).is_file():
            try:
                content = self.source.read_stream(stream.digest)
            except StreamError as error:
                self.merged.lost.append(f"{self._point_name(stream)}: {error}")
                return False
            self.into.keep_file(stream.digest, content)
        return True

    def _merge_stream(self, theirs: _Figures) -> None:
        key = self._key(theirs.stream)
        run = self.runs[theirs.stream.run]
        if self.into.select(rows.Stream, **key):
            self.merged.known += 1
        else:
            self.into.add(theirs.stream._replace(id=NEW, run=run, **key))
            self.into.delete(rows.Failure, **key | {"image": self._digest(theirs.stream)})
            self.merged.streams += 1
        (here,) = self.into.select(rows.Stream, **key)
        if here.decoded is None and not self._has_figures(here):
            costs = {name: getattr(theirs.stream, name) for name in ("decode_cpu", "decode_wall")}
            self.into.put(here := here._replace(decoded=theirs.stream.decoded, **costs))
        elif None in (here.decoded, theirs.stream.decoded):
            return  # figures of which nobody knows whether they are of the same picture
        place = self._point_name(theirs.stream)
        if here.decoded != theirs.stream.decoded:
            self._conflict(f"{place}: decoded to another picture")
            return
        for kind, figures in ((rows.Measured, theirs.measured), (rows.Scored, theirs.scored)):
            self._add_figures(kind, [row._replace(stream=here.id) for row in figures], place)

    def _has_figures(self, stream: rows.Stream) -> bool:
        kinds = (rows.Measured, rows.Scored)
        return any(self.into.select(kind, stream=stream.id) for kind in kinds)

    def _add_figures(self, kind: type[Row], new: Sequence[Any], place: str) -> bool:
        """False if one of them contradicts what is here."""
        agrees = True
        for row in new:
            here = self.into.select(kind, **figure_key(row))
            if not here:
                self.into.add(row)
                self.merged.figures += 1
            elif here != [row]:
                self._conflict(f"{place}: another {_WHAT[kind]}")
                agrees = False
        return agrees

    def _merge_originals(self) -> None:
        for theirs in self.source.select(rows.Original):
            if theirs.image not in self.images or theirs.scorer not in self.scorers:
                continue  # added since the merge began
            row = theirs._replace(
                image=self.images[theirs.image], scorer=self.scorers[theirs.scorer]
            )
            place = f"{self._image_name(self.image_digests[theirs.image])}, uncompressed"
            if not self._add_figures(rows.Original, [row], place):
                self.other_truths.add((theirs.image, theirs.scorer))

    def _merge_failures(self) -> None:
        """Those of points that are missing here, too."""
        for theirs in self.source.select(rows.Failure):
            if theirs.codec not in self.codecs or theirs.run not in self.runs:
                continue  # added since the merge began
            row = theirs._replace(codec=self.codecs[theirs.codec], run=self.runs[theirs.run])
            coded = [
                stream
                for image in self.into.select(rows.Image, digest=row.image)
                for stream in self.into.select(
                    rows.Stream, codec=row.codec, image=image.id, point=row.point
                )
            ]
            if not coded:
                self.into.add(row)

    # What is said of a conflict.

    def _conflict(self, what: str) -> None:
        self.merged.conflicts.append(what)

    def _point_name(self, stream: rows.Stream) -> str:
        codec, image = self._codec_name(stream.codec), self._image_name(self._digest(stream))
        return f"{codec} at {json.loads(stream.point)} on {image}"

    def _codec_name(self, codec: int) -> str:
        return self.codec_names.get(codec, f"codec {codec}")

    def _digest(self, stream: rows.Stream) -> str:
        return self.image_digests[stream.image]

    def _image_name(self, digest: str) -> str:
        return self.image_names.get(digest, digest[:12])


_WHAT: dict[type[NamedTuple], str] = {
    rows.Measured: "measured value",
    rows.Scored: "task result",
    rows.Original: "task result",
}
