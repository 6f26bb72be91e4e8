"""The store's rows, typed: a record for each table, with a field for each column."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from bench.codecs.codec import Point, inputs_of

NEW: Any = None
"""The id of a row that has none yet."""


class Meta(NamedTuple):
    key: str
    value: str


class Run(NamedTuple):
    id: int
    started: str
    command: str
    machine: str  # JSON


class Image(NamedTuple):
    id: int
    digest: str
    width: int
    height: int


class Dataset(NamedTuple):
    id: int
    digest: str
    kind: str
    name: str
    folder: str | None
    used: int  # the highest is the one used last
    version: str | None  # if the data set has versions


class Member(NamedTuple):
    dataset: int
    position: int
    name: str
    digest: str
    truths: str | None  # JSON: the digest of the current labels, by their kind

    def truth(self, labels: str) -> str | None:
        """The digest of the current labels of a kind."""
        digest: str | None = json.loads(self.truths or "{}").get(labels)
        return digest


class Codec(NamedTuple):
    id: int
    fingerprint: str
    options: str  # JSON, of its card
    depends_on: str  # JSON
    version: str | None  # of its software

    def inputs(self) -> dict[str, str]:
        """What determines the codec's bytes, by name."""
        return inputs_of(json.loads(self.options), json.loads(self.depends_on))


class Planned(NamedTuple):
    """A curve: the points of a codec on a data set."""

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


class Stream(NamedTuple):
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
    decoded: str | None  # the digest of the decoded picture that was measured
    side: str | None  # the digest of what its encoder looked at beside the pixels
    parts: str | None = None  # JSON: the bytes of each part by its name, if it has parts


class Metric(NamedTuple):
    id: int
    name: str
    fingerprint: str
    used: int


class Measured(NamedTuple):
    stream: int
    metric: int
    value: float


class Scorer(NamedTuple):
    id: int
    fingerprint: str
    name: str
    title: str
    measure: str  # its name
    classes: str  # JSON: the names of the classes of its records
    pseudo: float | None  # if its own detections are the truth, their minimum score
    used: int | None  # None: reports do not show it yet


class Scored(NamedTuple):
    stream: int
    scorer: int
    truth: str
    matches: bytes


class Original(NamedTuple):
    image: int
    scorer: int
    truth: str
    matches: bytes
    pseudo_ground_truth: bytes | None


class Failure(NamedTuple):
    codec: int
    image: str  # its digest: it may have no row of its own
    point: str
    reason: str
    run: int
    at: str


_KINDS: tuple[type[NamedTuple], ...] = (
    *(Meta, Run, Image, Dataset, Member, Codec, Planned),
    *(Stream, Metric, Measured, Scorer, Scored, Original, Failure),
)
_NAMES = (
    "meta runs images datasets members codecs planned "
    "streams metrics measured scorers scored originals failures"
)
TABLES = dict(zip(_KINDS, _NAMES.split(), strict=True))


def figure_key(figure: NamedTuple) -> dict[str, int]:
    """The columns that identify a Measured, Scored or Original."""
    return dict(zip(figure._fields[:2], figure[:2], strict=True))


class StreamKey(NamedTuple):
    """The key of a stream."""

    fingerprint: str  # its codec's
    image: str  # the digest of its pixels
    point: Point


def point_key(point: Point) -> str:
    """A point as text, the same for 37 and 37.0."""
    if isinstance(point, float) and point.is_integer():
        point = int(point)
    return json.dumps(point)
