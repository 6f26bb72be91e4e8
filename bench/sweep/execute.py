"""The sweep: carries out a plan on this machine and hands each result to the store at once.

Worker threads wait for external programs, and release the interpreter's lock in their own heavy
work; the calling thread alone collects and writes.
"""

from __future__ import annotations

import errno
import hashlib
import math
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.codecs.codec import Codec
from bench.codecs.families.sizes import MAX_STREAM_BYTES
from bench.errors import BenchError, CodecError, StreamError, TimeLimitError
from bench.images.colour import Pixels
from bench.images.image import Image, pixel_digest, write_png
from bench.instances.pseudo_truth import PseudoTruth
from bench.metrics import METRICS, fingerprint, measure, metric_fingerprints
from bench.metrics.quality import Pair, Values
from bench.runtime.cores import available_cores
from bench.runtime.files import read_regular
from bench.runtime.leftovers import remove_leftovers
from bench.runtime.programs import Cost, Programs, metered
from bench.store import ScoreRecord, StoreWriter
from bench.sweep.inputs import Images, Truths, check_unchanged
from bench.sweep.plan import Operation, Original, Plan

# Decoded pictures measured by one process: enough to share its start-up, few enough to hold.
_BATCH_PIXELS = 2**23
_BATCH_MAX = 32
# A codec that failed this often, on this many images, and never succeeded is given up.
_HOPELESS_FAILURES, _HOPELESS_IMAGES = 5, 3
# Not one operation's failure, but soon every one's.
_FULL = (errno.ENOSPC, errno.EDQUOT)
# A slow codec's picture does not wait longer for its batch to fill.
_BATCH_SECONDS = 5.0
# What is finished is written this often; a kill loses at most so much work.
_FLUSH_SECONDS = 0.5


@dataclass
class Outcome:
    """How far a sweep has come."""

    coded: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)  # measured and looked at, too
    encoded: Counter[str] = field(default_factory=Counter)  # not taken from the store
    originals: int = 0  # uncompressed images looked at
    changed: Counter[str] = field(default_factory=Counter)  # decoded to another picture than before
    failures: list[tuple[Operation, str]] = field(default_factory=list)
    untried: Counter[str] = field(default_factory=Counter)  # of codecs that were given up

    @property
    def finished(self) -> int:
        return self.done.total() + len(self.failures) + self.untried.total()


@dataclass(frozen=True)
class _Coded:
    """A stream, and the picture that it decodes to."""

    operation: Operation
    original: Image
    stream: bytes
    is_new: bool
    encode_cost: Cost | None  # of a new stream; None if it was made elsewhere
    picture: Pixels
    decoded: str  # the picture's digest
    decode_cost: Cost
    at: float = field(default_factory=time.monotonic)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.stream).hexdigest()


OutcomeCallback = Callable[[Outcome], None]


def run_sweep(
    plan: Plan,
    store: StoreWriter,
    *,
    jobs: int | None = None,
    keep_going: bool = False,
    watch: OutcomeCallback | None = None,
) -> Outcome:
    """Carry out the plan. Whatever stops it, all that was finished stays in the store.

    A codec that only fails is given up after a few failures, unless told to keep going.
    """
    watch = watch or (lambda outcome: None)
    return _Sweep(plan, store, jobs or available_cores(), keep_going, watch).run()


class _Sweep:
    def __init__(
        self, plan: Plan, store: StoreWriter, jobs: int, keep_going: bool, watch: OutcomeCallback
    ) -> None:
        self.plan, self.store, self.jobs, self.watch = plan, store, jobs, watch
        self.keep_going = keep_going
        self.queue = deque(plan.operations)
        self.held: dict[Codec, list[Operation]] = {}  # of codecs that have only failed so far
        self.images = Images(Counter(operation.entry for operation in plan.operations))
        self.truths = Truths(plan, store)
        self.coding: dict[Future[_Coded], Operation] = {}
        self.measuring: dict[Future[list[Values | CodecError]], list[_Coded]] = {}
        self.decoded: list[_Coded] = []
        self.looking: dict[Future[list[ScoreRecord]], _Coded] = {}
        self.finished: deque[Callable[[], None]] = deque()  # what is to be written to the store
        self.flushed = time.monotonic()
        self.fingerprints = dict(plan.metrics)  # of all that is measured
        self.programs = Programs()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        remove_leftovers(Path(tempfile.gettempdir()))
        pool = ThreadPoolExecutor(self.jobs, "bench", initializer=self.programs.enter)
        try:
            self._look_at_originals(pool)
            while self.queue or self.coding or self.measuring or self.decoded or self.looking:
                self._start_work(pool)
                running: list[Future[Any]] = [*self.coding, *self.measuring, *self.looking]
                wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                self._collect(pool)
                self._give_up_or_resume()
                if time.monotonic() - self.flushed > _FLUSH_SECONDS:
                    self._flush()
                self.watch(self.outcome)
        except BaseException:
            self.programs.cancel()
            raise
        finally:
            try:
                self._flush()  # first, for a worker may hang
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return self.outcome

    def _flush(self) -> None:
        """Write what was finished since the last time, at one go: others may be waiting."""
        if self.finished:
            with self.store.write_transaction():
                while self.finished:
                    self.finished[0]()  # kept until it is done, should Ctrl-C come meanwhile
                    self.finished.popleft()
        self.flushed = time.monotonic()

    def _look_at_originals(self, pool: ThreadPoolExecutor) -> None:
        """First of all, for they tell whether there is anything to be found."""
        looking = {pool.submit(self._look, original): original for original in self.plan.originals}
        for future in as_completed(looking):
            original = looking[future]
            try:
                size, scored = future.result()
            except BenchError:
                raise
            except Exception as error:  # a network of a third party may raise anything
                what = f"{type(error).__name__}: {error}"
                raise BenchError(f"{original.entry.name}, uncompressed: {what}") from error
            for each in scored:
                self.finished.append(partial(self.store.save_original, original.image, size, each))
            self.outcome.originals += 1
            if time.monotonic() - self.flushed > _FLUSH_SECONDS:
                self._flush()
            self.watch(self.outcome)
        self._flush()
        self.truths.check_any()
        if self.plan.scorers:
            with self.store.write_transaction():
                self.store.show_scorers(self.plan.scorers)

    def _start_work(self, pool: ThreadPoolExecutor) -> None:
        for batch in self._batches_to_measure():
            pairs = [(coded.original.pixels, coded.picture) for coded in batch]
            wanted = {name: self.fingerprints[name] for name in batch[0].operation.metrics}
            future = pool.submit(_measure, pairs, wanted)
            self.measuring[future] = batch
        # One ahead of the workers keeps them busy; more would only hold pictures in memory.
        while self.queue and len(self.coding) <= self.jobs:
            operation = self.queue.popleft()
            self.coding[pool.submit(self._code, operation)] = operation

    def _batches_to_measure(self) -> list[list[_Coded]]:
        """The decoded pictures that are worth a process now, grouped by size and by metrics."""
        groups: dict[tuple[object, ...], list[_Coded]] = {}
        for coded in self.decoded:
            groups.setdefault((coded.picture.shape, coded.operation.metrics), []).append(coded)
        nothing_follows = not self.queue and not self.coding
        late_before = time.monotonic() - _BATCH_SECONDS
        batches: list[list[_Coded]] = []
        for (shape, _), group in groups.items():
            assert isinstance(shape, tuple)
            full = max(1, min(_BATCH_MAX, _BATCH_PIXELS // (shape[0] * shape[1])))
            if nothing_follows:  # share the rest among the workers
                full = min(full, math.ceil(len(group) / self.jobs))
            late = group[0].at < late_before
            while len(group) >= full or (group and (late or nothing_follows)):
                batches.append(group[:full])
                group = group[full:]
        taken = {id(coded) for batch in batches for coded in batch}
        self.decoded = [coded for coded in self.decoded if id(coded) not in taken]
        return batches

    def _collect(self, pool: ThreadPoolExecutor) -> None:
        for coding in [future for future in self.coding if future.done()]:
            operation = self.coding.pop(coding)
            try:
                coded = coding.result()
            except (Exception, SystemExit) as error:  # a codec is not to end the sweep
                self._fail(operation, error)
            else:
                self._keep_stream(coded, pool)
        for measuring in [future for future in self.measuring if future.done()]:
            batch = self.measuring.pop(measuring)
            try:
                measured = measuring.result()
            except (Exception, SystemExit) as error:
                for coded in batch:
                    self._fail(coded.operation, error)
            else:
                for coded, values in zip(batch, measured, strict=True):
                    if isinstance(values, CodecError):
                        self._fail(coded.operation, values)
                    else:
                        self._keep_measures(coded, values, pool)
        for looking in [future for future in self.looking if future.done()]:
            coded = self.looking.pop(looking)
            try:
                scored = looking.result()
            except (Exception, SystemExit) as error:
                self._fail(coded.operation, error)
            else:
                self._keep_scores(coded, scored)

    def _keep_stream(self, coded: _Coded, pool: ThreadPoolExecutor) -> None:
        operation, size = coded.operation, (coded.original.width, coded.original.height)
        key = (operation.codec.fingerprint, operation.image)
        if coded.is_new:
            if operation.kept not in (None, coded.digest):  # the kept one was damaged
                self.finished.append(partial(self.store.forget_stream, *key, operation.point))
                operation = replace(
                    operation, metrics=tuple(self.plan.metrics), scorers=self.plan.scorers
                )
                coded = replace(coded, operation=operation)
            save = partial(self.store.save_stream, *key, size, operation.point)
            self.finished.append(partial(save, coded.stream, coded.encode_cost))
            self.outcome.encoded[operation.codec.name] += 1
        elif operation.decoded not in (None, coded.decoded):
            operation = self._all_anew(operation)
            coded = replace(coded, operation=operation)
            self.outcome.changed[operation.codec.name] += 1
        self.outcome.coded[operation.codec.name] += 1
        if not operation.metrics:
            self._keep_measures(coded, {}, pool)
            return
        self.decoded.append(coded)

    def _all_anew(self, operation: Operation) -> Operation:
        """All that is kept of a stream, to be measured anew: it decoded to another picture."""
        key = (operation.codec.fingerprint, operation.image, operation.point)
        measured = self.store.measured(*key).items()
        known = {n: mark for n, mark in measured if n in METRICS and fingerprint(n) == mark}
        self.fingerprints |= known
        metrics = tuple({**self.plan.metrics, **known})
        return replace(operation, metrics=metrics, scorers=self.plan.scorers)

    def _keep_measures(
        self, coded: _Coded, values: dict[str, float], pool: ThreadPoolExecutor
    ) -> None:
        operation = coded.operation
        key = (operation.codec.fingerprint, operation.image, operation.point)
        made_of = (coded.digest, coded.decoded, coded.decode_cost)
        save = partial(self.store.save_measures, *key, *made_of, values, self.fingerprints)
        self.finished.append(save)
        if operation.scorers:
            self.looking[pool.submit(self._look_at_decoded, coded)] = coded
        else:
            self._finish(operation)

    def _keep_scores(self, coded: _Coded, scored: list[ScoreRecord]) -> None:
        operation = coded.operation
        key = (operation.codec.fingerprint, operation.image, operation.point)
        made_of = (coded.digest, coded.decoded)
        self.finished.append(partial(self.store.save_scores, *key, *made_of, scored))
        self._finish(operation)

    def _finish(self, operation: Operation) -> None:
        self.images.release(operation.entry)
        self.outcome.done[operation.codec.name] += 1

    def _fail(self, operation: Operation, error: BaseException) -> None:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise BenchError(
                f"{error.filename or tempfile.gettempdir()}: {error.strerror}; free some space "
                "there (TMPDIR names where programs work), and run the same command again"
            ) from error
        # A codec of a third party may raise anything: it costs this one operation, with its name.
        reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        key = (operation.codec.fingerprint, operation.image, operation.point)
        self.finished.append(partial(self.store.save_failure, *key, reason))
        self.images.release(operation.entry)
        self.outcome.failures.append((operation, reason))
        if not self.keep_going and self._only_fails(operation.codec):
            self._hold(operation.codec)

    def _only_fails(self, codec: Codec) -> bool:
        """Enough has failed, and nothing could be coded; one odd image is not enough."""
        if self.outcome.coded[codec.name]:
            return False
        failed = [each.entry for each, _ in self.outcome.failures if each.codec is codec]
        return len(failed) >= _HOPELESS_FAILURES and len(set(failed)) >= _HOPELESS_IMAGES

    def _hold(self, codec: Codec) -> None:
        """Start no more of a codec until what runs of it has ended."""
        if codec not in self.held:
            self.held[codec] = [each for each in self.queue if each.codec is codec]
            self.queue = deque(each for each in self.queue if each.codec is not codec)

    def _give_up_or_resume(self) -> None:
        running = {operation.codec for operation in self.coding.values()}
        for codec, operations in list(self.held.items()):
            if self.outcome.coded[codec.name]:
                self.queue.extendleft(reversed(operations))
            elif codec not in running:
                self.outcome.untried[codec.name] += len(operations)
                for operation in operations:
                    self.images.release(operation.entry)
            else:
                continue
            del self.held[codec]

    # What follows runs in the workers.

    def _look(self, original: Original) -> tuple[tuple[int, int], list[ScoreRecord]]:
        # Read here and let go: shared, all of them would be held until they are coded.
        image = original.entry.load()
        check_unchanged(image, original.entry, original.image)
        scored = []
        for scorer in original.scorers:
            name, truth = self.truths.get(scorer, image, original.entry)
            matches = scorer.score(image.pixels, truth)
            pseudo_ground_truth = truth if isinstance(truth, PseudoTruth) else None
            scored.append(ScoreRecord(scorer.fingerprint, name, matches, pseudo_ground_truth))
        return (image.width, image.height), scored

    def _look_at_decoded(self, coded: _Coded) -> list[ScoreRecord]:
        scored = []
        for scorer in coded.operation.scorers:
            name, truth = self.truths.get(scorer, coded.original, coded.operation.entry)
            matches = scorer.score(coded.picture, truth)
            scored.append(ScoreRecord(scorer.fingerprint, name, matches))
        return scored

    def _code(self, operation: Operation) -> _Coded:
        original = self.images.get(operation.entry)
        check_unchanged(original, operation.entry, operation.image)
        try:
            return self._code_once(operation, original)
        except TimeLimitError:
            raise
        except CodecError:  # a machine short of memory or of processes may do better now
            return self._code_once(operation, original)

    def _code_once(self, operation: Operation, original: Image) -> _Coded:
        codec, encode_cost = operation.codec, None
        stream = self._kept_stream(operation)
        is_new = stream is None
        if stream is None and operation.imported_stream is not None:
            stream = read_regular(operation.imported_stream, MAX_STREAM_BYTES)
        elif stream is None:
            with metered() as encode_cost:
                stream = codec.encode(original, operation.point)
        with metered() as decode_cost:
            picture = codec.decode(stream)
        if picture.shape != original.pixels.shape:
            height, width = picture.shape[:2]
            raise CodecError(
                f"{codec.name} decoded to {width}x{height}, not {original.width}x{original.height}"
            )
        if operation.picture is not None:
            operation.picture.parent.mkdir(parents=True, exist_ok=True)
            write_png(picture, operation.picture)
        decoded = pixel_digest(picture)
        return _Coded(
            operation, original, stream, is_new, encode_cost, picture, decoded, decode_cost
        )

    def _kept_stream(self, operation: Operation) -> bytes | None:
        """The stream that the store has, if it is whole."""
        if operation.kept is None:
            return None
        try:
            return self.store.read_stream(operation.kept)
        except StreamError:
            return None  # to be coded again


def _measure(pairs: Sequence[Pair], wanted: Mapping[str, str]) -> list[Values | CodecError]:
    """What was measured of each pair, or why it could not be, by metrics of these fingerprints.

    The pairs of a batch that failed are measured again one by one: a machine short of memory may
    do better with fewer, or later.
    """
    try:
        return [*_measure_by(pairs, wanted)]
    except TimeLimitError:
        raise
    except CodecError:
        return [_measure_again(pair, wanted) for pair in pairs]


def _measure_again(pair: Pair, wanted: Mapping[str, str]) -> Values | CodecError:
    try:
        return _measure_by([pair], wanted)[0]
    except CodecError as error:
        return error


def _measure_by(pairs: Sequence[Pair], wanted: Mapping[str, str]) -> list[Values]:
    values = measure(pairs, [*wanted])
    if metric_fingerprints(wanted) != wanted:
        raise CodecError("ffmpeg was replaced meanwhile; run the command again")
    return values
