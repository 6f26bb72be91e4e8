"""The unit of a sweep's work: a job, and the result that comes back. Both are plain and pickle.

A job holds references, each with the digest or fingerprint that it must have: a codec by its card,
a network by what ``--task`` says, images, labels and kept streams by their paths. Whoever runs it
loads them (``worker.py``), and whoever gets its result keeps that (``execute.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs.codec import Codec, Point
from bench.datasets import Entry
from bench.instances.pseudo_truth import PseudoTruth
from bench.runtime.programs import Cost
from bench.tasks.scorer import Scorer, ScoreRecord

if TYPE_CHECKING:
    from bench.store import Store


@dataclass(frozen=True)
class CodecReference:
    """A codec by its card, which names the weight set, too."""

    name: str
    card: str
    fingerprint: str

    @classmethod
    def of(cls, codec: Codec) -> CodecReference:
        return cls(codec.name, codec.card.reference, codec.fingerprint)


@dataclass(frozen=True)
class ScorerReference:
    """A task network by what opens it, and what its detections are held to."""

    name: str
    task: str
    engine: str
    pseudo: float | None
    fingerprint: str

    @classmethod
    def of(cls, scorer: Scorer) -> ScorerReference:
        return cls(scorer.name, scorer.opened_by, scorer.engine, scorer.pseudo, scorer.fingerprint)


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """A network to be shown a picture, and the truth that what it finds is held to."""

    scorer: ScorerReference
    truth: str  # names it; labels have this digest
    pseudo: PseudoTruth | None = None  # itself, where the network has made it


@dataclass(frozen=True)
class StreamReference:
    """A kept bitstream."""

    path: Path
    digest: str

    @classmethod
    def of(cls, store: Store, digest: str) -> StreamReference:
        return cls(store.stream_path(digest), digest)


@dataclass(frozen=True, eq=False)
class OriginalJob:
    """One uncompressed image, and the networks that have still to be shown it."""

    entry: Entry
    image: str  # the digest of its pixels
    score_requests: tuple[ScoreRequest, ...]


@dataclass(frozen=True, eq=False)
class Job(OriginalJob):
    """One image at one operating point of one codec, and what is still to do about it."""

    codec: CodecReference
    point: Point
    metrics: Mapping[str, str]  # those still to be measured, with their fingerprints
    stream: StreamReference | None = None  # of what is coded already
    decoded: str | None = None  # the digest of the picture that its figures so far are of
    imported_stream: Path | None = None  # a bitstream to be taken instead of encoding
    picture: Path | None = None  # where the decoded picture is to be written, if it is wanted


@dataclass
class Result:
    """What came of a job, as far as it came: a failure does not undo the stages before it."""

    size: tuple[int, int] = (0, 0)
    stream: bytes | None = None  # if it is new
    digest: str = ""  # of the stream; empty until it was decoded
    encode_cost: Cost | None = None  # of a stream that was coded here
    decoded: str = ""  # the picture's digest
    decode_cost: Cost = field(default_factory=Cost)
    outdated: bool = False  # figures that are kept are of another stream or picture
    values: dict[str, float] | None = None  # None until it was measured
    scores: list[ScoreRecord] = field(default_factory=list)
    failure: str | None = None
