"""Runs jobs, code → measure → score, in any process.

A worker loads what a job refers to and keeps it, so that no codec, network, image or truth is
loaded twice; an unexpected digest is an error. It does not know the store.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from bench.codecs.catalog import load_codec
from bench.codecs.codec import Codec
from bench.codecs.families.padding import MAX_STREAM_BYTES
from bench.datasets import Entry
from bench.errors import (
    BenchError,
    Cancelled,
    CodecError,
    DataError,
    TimeLimitError,
    UnavailableError,
)
from bench.images.colour import Pixels
from bench.images.image import Image, pixel_digest, write_png
from bench.instances.predictions import SemanticMap
from bench.instances.pseudo_truth import read_pseudo_truth
from bench.metrics import measure, metric_fingerprints
from bench.metrics.measure import MEASURES
from bench.metrics.quality import Pair, Values
from bench.runtime.files import read_regular
from bench.runtime.programs import Programs, metered
from bench.runtime.trace import span
from bench.sweep.jobs import CodecReference, Job, OriginalJob, Result, ScoreRequest, ScorerReference
from bench.sweep.loaded import Loaded
from bench.tasks.scorer import Scorer, ScoreRecord
from bench.tasks.task import open_task

# Bytes of images that are kept for the next jobs: all jobs of an image follow each other.
_MAX_HELD = 2**25
# Errors that soon every job would have.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_log = logging.getLogger(__name__)


class Measurement(NamedTuple):
    """What a job waits for: a picture to be measured."""

    pair: Pair  # original and decoded
    metrics: Mapping[str, str]


Steps = Generator[Measurement, Values, Result]
T = TypeVar("T", Codec, Scorer)


class Worker:
    """What the jobs of one process share; codecs and scorers may be loaded already."""

    def __init__(self, codecs: Iterable[Codec] = (), scorers: Iterable[Scorer] = ()) -> None:
        self.programs = Programs()
        self._codecs = Loaded({CodecReference.of(codec): codec for codec in codecs})
        self._scorers = Loaded({ScorerReference.of(scorer): scorer for scorer in scorers})
        self._images = Loaded[tuple[Entry, str], Image](
            max_size=_MAX_HELD, size=lambda image: image.pixels.nbytes
        )
        self._labels = Loaded[str, Any](
            max_size=_MAX_HELD,
            size=lambda truth: truth.classes.nbytes if isinstance(truth, SemanticMap) else 0,
        )

    def enter(self) -> None:
        """Run the jobs of this thread by this worker from now on."""
        self.programs.enter()
        _worker.set(self)

    def codec(self, wanted: CodecReference) -> Codec:
        def load() -> Codec:
            return _as_planned(wanted.codec or load_codec(wanted.card), wanted)

        return self._codecs.get(wanted, load)

    def scorer(self, wanted: ScorerReference) -> Scorer:
        def load() -> Scorer:
            network = wanted.network or open_task(wanted.task, wanted.engine)
            return Scorer(network, MEASURES[wanted.measure], wanted.pseudo, wanted.meeting)

        return self._scorers.get(wanted, lambda: _as_planned(load(), wanted))

    def check(self, job: OriginalJob) -> None:
        """Load what a job refers to; the error says what this machine lacks."""
        if isinstance(job, Job):
            codec = self.codec(job.codec)
            if lacking := codec.missing():
                raise UnavailableError(lacking)
            _check_metrics(job.metrics)
        for request in job.score_requests:
            self.scorer(request.scorer)

    def image(self, entry: Entry, digest: str) -> Image:
        def load() -> Image:
            image = entry.load()
            if pixel_digest(image.pixels) != digest:
                raise DataError(f"{entry.path}: changed since the sweep was planned")
            return image

        return self._images.get((entry, digest), load)

    def score(
        self, score_request: ScoreRequest, entry: Entry, original: Image, picture: Pixels
    ) -> ScoreRecord:
        """Hold what a network finds in a picture to the ground truth of its image."""
        scorer = self.scorer(score_request.scorer)
        if score_request.pseudo is None:
            truth = self._truth(scorer, score_request.truth, entry, original)
            made_here = None if scorer.pseudo is None else truth
        else:
            truth, made_here = self._unpacked(score_request.pseudo), None
        matches = scorer.score(picture, truth)
        return ScoreRecord(scorer.fingerprint, score_request.truth, matches, made_here)

    def _unpacked(self, pseudo: bytes) -> Any:
        digest = hashlib.sha256(pseudo).hexdigest()
        return self._labels.get(digest, lambda: read_pseudo_truth(pseudo))

    def _truth(self, scorer: Scorer, digest: str, entry: Entry, original: Image) -> Any:
        """What the network itself finds in an uncompressed image, or the image's labels."""
        if scorer.pseudo is not None:
            return scorer.truth_of(entry, original.pixels)

        def load() -> Any:
            truth = scorer.truth_of(entry, original.pixels)
            if truth.digest != digest:
                label = entry.label(scorer.measure.labels)
                changed = getattr(label, "path", entry.name)
                raise DataError(f"{changed}: changed since the sweep was planned")
            return truth

        return self._labels.get(digest, load)


def _as_planned(found: T, wanted: CodecReference | ScorerReference) -> T:
    if found.fingerprint != wanted.fingerprint:
        raise DataError(f"{wanted.name}: not the version that the sweep was planned with")
    return found


_worker: ContextVar[Worker] = ContextVar("worker", default=Worker())  # noqa: B039


def run(job: OriginalJob) -> Result:
    """Run a whole job in this thread."""
    going = steps(job)
    try:
        wanted = next(going)
        while True:
            (values,) = measure_each([wanted.pair], wanted.metrics)
            wanted = resume(going, values)
    except StopIteration as ended:
        result: Result = ended.value
        return result


def steps(job: OriginalJob) -> Steps:
    """A job as a generator: it yields what is to be measured, and waits for the values.

    An executor may measure the pictures of many jobs at a time.
    """
    worker, result = _worker.get(), Result()
    try:
        with span("read", image=job.entry.name):
            original = worker.image(job.entry, job.image)
        result.size, picture = (original.width, original.height), original.pixels
        if isinstance(job, Job):
            picture = _code(job, worker.codec(job.codec), original, result)
            if result.outdated:
                return result
            pair = (original.pixels, picture)
            result.values = (yield Measurement(pair, job.metrics)) if job.metrics else {}
        for score_request in job.score_requests:
            worker.programs.check()
            with span("score", image=job.entry.name, task=score_request.scorer.name):
                result.scores.append(worker.score(score_request, job.entry, original, picture))
    except Cancelled:
        pass  # what is in the result already is kept
    except (Exception, SystemExit) as error:  # of a third party's codec: the sweep goes on
        _check_space(error)
        result.failure = _reason(error)
    return result


def resume(going: Steps, values: Values | BaseException) -> Measurement:
    """Give a job its values, or the error; StopIteration has its result."""
    return going.throw(values) if isinstance(values, BaseException) else going.send(values)


def _code(job: Job, codec: Codec, original: Image, result: Result) -> Pixels:
    """The decoded picture; the result gets its stream, digests and costs."""
    try:
        return _code_once(job, codec, original, result)
    except TimeLimitError:
        raise
    except CodecError as error:  # with little memory or few processes, it may succeed now
        at = f"{job.codec.name} on {job.entry.name} at {job.point}"
        _log.info("%s is tried again after a failure: %s", at, error)
        return _code_once(job, codec, original, result)


def _code_once(job: Job, codec: Codec, original: Image, result: Result) -> Pixels:
    stream, encode_cost = _kept_stream(job), None
    is_new = stream is None
    about = {"image": job.entry.name, "codec": codec.name, "point": job.point}
    if stream is None and job.imported_stream is not None:
        stream = read_regular(job.imported_stream, MAX_STREAM_BYTES)
    elif stream is None:
        with span("encode", **about), metered() as encode_cost:
            stream = codec.encode(original, job.point)
        if job.entry.side_digest(codec.side_information) != job.side:
            looks_at = " and ".join(codec.side_information)
            raise DataError(f"{job.entry.name}: its {looks_at} changed since the sweep was planned")
    with span("decode", **about), metered() as decode_cost:
        picture = codec.decode(stream)
    if picture.shape != original.pixels.shape:
        height, width = picture.shape[:2]
        raise CodecError(
            f"{codec.name} decoded to {width}x{height}, not {original.width}x{original.height}"
        )
    if job.picture is not None:
        job.picture.parent.mkdir(parents=True, exist_ok=True)
        write_png(picture, job.picture)
    result.digest, result.decoded = hashlib.sha256(stream).hexdigest(), pixel_digest(picture)
    result.encode_cost, result.decode_cost = encode_cost, decode_cost
    if is_new:
        result.stream, result.parts = stream, codec.parts(stream)
        result.outdated = job.stream is not None and job.stream.digest != result.digest
    else:
        result.outdated = job.decoded not in (None, result.decoded)
    return picture


def _kept_stream(job: Job) -> bytes | None:
    """The stored stream, if it is undamaged."""
    if job.stream is None:
        return None
    stream = job.stream.content
    if stream is None:
        try:
            stream = job.stream.path.read_bytes()
        except OSError:
            return None
    return stream if hashlib.sha256(stream).hexdigest() == job.stream.digest else None


def measure_each(
    pairs: Sequence[Pair], wanted: Mapping[str, str]
) -> Sequence[Values | BaseException]:
    """The values of each pair, or its error, by metrics of these fingerprints.

    If a batch fails, its pairs are measured again one by one: with little memory, fewer may do.
    """
    try:
        return _measure(pairs, wanted)
    except TimeLimitError as error:
        return [error] * len(pairs)
    except CodecError as error:
        _log.info("measured again one by one, %d pictures: %s", len(pairs), error)
        return [_measure_again(pair, wanted) for pair in pairs]
    except (Exception, SystemExit, Cancelled) as error:
        return [error] * len(pairs)


def _measure_again(pair: Pair, wanted: Mapping[str, str]) -> Values | BaseException:
    try:
        return _measure([pair], wanted)[0]
    except (Exception, SystemExit, Cancelled) as error:
        return error


def _measure(pairs: Sequence[Pair], wanted: Mapping[str, str]) -> list[Values]:
    with span("measure", pictures=len(pairs), metrics=", ".join(wanted)):
        values = measure(pairs, [*wanted])
    _check_metrics(wanted)
    return values


def _check_metrics(wanted: Mapping[str, str]) -> None:
    if metric_fingerprints(wanted) != wanted:
        raise CodecError("ffmpeg was replaced since the run was planned; run the command again")


def _check_space(error: BaseException) -> None:
    if isinstance(error, OSError) and error.errno in _FULL:
        raise BenchError(
            f"{error.filename or tempfile.gettempdir()}: {error.strerror}; free some space "
            "there (TMPDIR names where programs work), and run the same command again"
        ) from error


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
