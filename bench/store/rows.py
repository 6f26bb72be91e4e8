"""The store's rows, typed: a record for each table, with a field for each column."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from bench.codecs.codec import Point

NEW: Any = None
"""The id of a row that is yet to be given one."""


class MetaRow(NamedTuple):
    key: str
    value: str


class RunRow(NamedTuple):
    id: int
    started: str
    command: str
    machine: str  # JSON


class ImageRow(NamedTuple):
    id: int
    digest: str
    width: int
    height: int


class DatasetRow(NamedTuple):
    id: int
    digest: str
    kind: str
    name: str
    folder: str | None
    used: int  # the highest is the one used last
    version: str | None  # of a data set that has versions


class MemberRow(NamedTuple):
    dataset: int
    position: int
    name: str
    digest: str
    truth: str | None  # the digest of the labels that count


class CodecRow(NamedTuple):
    id: int
    fingerprint: str
    options: str  # JSON, of its card
    depends_on: str  # JSON
    version: str | None  # of the software that ran


class PlannedRow(NamedTuple):
    """A curve: the points that a codec is to have on a data set."""

    dataset: int
    codec: int
    name: str
    title: str
    unit: str
    anchor: bool
    oracle: bool
    card: str
    points: str  # JSON, a list of their keys
    used: int


class StreamRow(NamedTuple):
    id: int
    codec: int
    image: int
    point: str  # its key
    digest: str
    bytes: int
    encode_cpu: float | None
    encode_wall: float | None
    decode_cpu: float | None
    decode_wall: float | None
    run: int
    finished: str
    decoded: str | None  # the digest of the picture that its figures are of


class MetricRow(NamedTuple):
    id: int
    name: str
    fingerprint: str
    used: int


class MeasuredRow(NamedTuple):
    stream: int
    metric: int
    value: float


class ScorerRow(NamedTuple):
    id: int
    fingerprint: str
    name: str
    title: str
    masks: bool
    pseudo: float | None  # its own detections of at least that score are the truth
    used: int | None  # None: reports do not show it yet


class ScoredRow(NamedTuple):
    stream: int
    scorer: int
    truth: str
    matches: bytes


class OriginalRow(NamedTuple):
    image: int
    scorer: int
    truth: str
    matches: bytes
    pseudo_ground_truth: bytes | None


class FailureRow(NamedTuple):
    codec: int
    image: str  # its digest, for nothing may have been coded of it
    point: str
    reason: str
    run: int
    at: str


TABLES: dict[type[NamedTuple], str] = {
    MetaRow: "meta",
    RunRow: "runs",
    ImageRow: "images",
    DatasetRow: "datasets",
    MemberRow: "members",
    CodecRow: "codecs",
    PlannedRow: "planned",
    StreamRow: "streams",
    MetricRow: "metrics",
    MeasuredRow: "measured",
    ScorerRow: "scorers",
    ScoredRow: "scored",
    OriginalRow: "originals",
    FailureRow: "failures",
}


def point_key(point: Point) -> str:
    """A point as text, the same for 37 and 37.0."""
    if isinstance(point, float) and point.is_integer():
        point = int(point)
    return json.dumps(point)
