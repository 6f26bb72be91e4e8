"""The unit of a sweep's work: a job, and the result that comes back. Both are plain and pickle.

A job holds references, each with the expected digest or fingerprint: a codec by its card, a network
by the value of ``--task`` (or either as a Python object), images, labels and stored streams by
their paths. A worker loads them
(``worker.py``); results are written to the store by ``execute.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.codecs.codec import Codec, Point
from bench.datasets import Entry
from bench.runtime.programs import Cost
from bench.tasks.classes import Meeting
from bench.tasks.scorer import Scorer, ScoreRecord
from bench.tasks.task import Task, is_reopened


@dataclass(frozen=True)
class CodecReference:
    """A codec by its card and weight set; one without a card goes along."""

    name: str
    card: str
    fingerprint: str
    neural: bool = False
    codec: Codec | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, codec: Codec) -> CodecReference:
        itself = None if codec.card.path.is_file() else codec
        return cls(codec.name, codec.card.reference, codec.fingerprint, codec.neural, itself)


@dataclass(frozen=True)
class ScorerReference:
    """A task network by the arguments that open it, its measure, and its ground truth.

    One that was given as an object goes along.
    """

    name: str
    task: str
    engine: str
    measure: str
    pseudo: float | None
    meeting: Meeting | None
    fingerprint: str
    network: Task | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, scorer: Scorer) -> ScorerReference:
        name, equals, file = scorer.opened_by.partition("=")
        if (weights := Path(file).expanduser()).is_file():  # a worker may be in another folder
            file = str(weights.resolve())
        task = f"{name}{equals}{file}"
        truth = scorer.measure.name, scorer.pseudo, scorer.meeting
        itself = None if is_reopened(name) else scorer.task
        return cls(scorer.name, task, scorer.engine, *truth, scorer.fingerprint, itself)


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """A network to run on a picture, and the ground truth to score its detections against."""

    scorer: ScorerReference
    truth: str  # its name; the digest of labels
    pseudo: bytes | None = None  # the truth itself, packed, if the network made it


@dataclass(frozen=True)
class StreamReference:
    """A stored bitstream."""

    path: Path
    digest: str
    content: bytes | None = None  # where the path cannot be read


@dataclass(frozen=True, eq=False)
class OriginalJob:
    """One uncompressed image, and the networks that have not seen it yet."""

    entry: Entry
    image: str  # the digest of its pixels
    score_requests: tuple[ScoreRequest, ...]


@dataclass(frozen=True, eq=False)
class Job(OriginalJob):
    """One image at one operating point of one codec, and the figures that are missing."""

    codec: CodecReference
    point: Point
    metrics: Mapping[str, str]  # the missing ones, with their fingerprints
    stream: StreamReference | None = None  # if the store has it
    decoded: str | None = None  # the digest of the picture of its stored figures
    imported_stream: Path | None = None  # a bitstream to read instead of encoding
    side: str | None = None  # the digest of what the encoder looks at beside the pixels
    picture: Path | None = None  # where to write the decoded picture, if anywhere


@dataclass
class Result:
    """The result of a job; a failure does not discard the stages before it."""

    size: tuple[int, int] = (0, 0)
    stream: bytes | None = None  # only a new one
    digest: str = ""  # of the stream; empty unless it was decoded
    parts: Mapping[str, int] = field(default_factory=dict)  # the bytes of each, of a new stream
    encode_cost: Cost | None = None  # of a stream that was encoded here
    decoded: str = ""  # the picture's digest
    decode_cost: Cost = field(default_factory=Cost)
    outdated: bool = False  # the stored figures are of another stream or picture
    values: dict[str, float] | None = None  # None unless it was measured
    scores: list[ScoreRecord] = field(default_factory=list)
    failure: str | None = None
