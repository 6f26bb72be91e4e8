"""Estimates what a plan costs, from what the store has timed on the same images."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean, stdev

from bench.codecs.codec import Codec
from bench.datasets.dataset import Progress
from bench.errors import BenchError
from bench.store import Store, StoreWriter, point_key
from bench.store.rows import Stream
from bench.sweep.execute import execute
from bench.sweep.jobs import Job
from bench.sweep.machine import ThisMachine
from bench.sweep.plan import Plan


@dataclass(frozen=True)
class Seconds:
    """An estimated sum, and the range in which it probably is."""

    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.mean + other.mean, self.low + other.low, self.high + other.high)


@dataclass(frozen=True)
class CodecEstimate:
    """What is left to do of a codec, and what that costs."""

    codec: Codec
    left: int  # operations
    seconds: Seconds | None  # of encoding and decoding; None if nothing of it was timed

    @property
    def on_gpu(self) -> bool:
        return self.codec.uses_gpu


@dataclass(frozen=True)
class Probe:
    """What coding and measuring a few images took besides encoding and decoding."""

    images: int
    cpu: tuple[float, ...]  # seconds of each image
    own_memory: int  # bytes of this process
    program_memory: int  # of the largest program that it ran

    def memory(self, programs: int) -> int:
        """Bytes, with so many programs at once."""
        return self.own_memory + programs * self.program_memory


@dataclass(frozen=True)
class Estimate:
    """What is left to do of a plan, and what that costs."""

    plan: Plan
    codecs: tuple[CodecEstimate, ...]
    images: int  # of which something is left to do
    probe: Probe | None

    @property
    def unknown(self) -> list[str]:
        """The codecs of which nothing was timed, though something is left to do."""
        return [each.codec.name for each in self.codecs if each.seconds is None]

    @property
    def measuring(self) -> Seconds | None:
        """CPU time of metrics, task networks and all else; only a probe tells."""
        return total(self.probe.cpu, self.images) if self.probe else None

    @property
    def cpu(self) -> Seconds:
        """What is known of it."""
        known = [each.seconds for each in self.codecs if not each.on_gpu]
        return sum(filter(None, [*known, self.measuring]), Seconds())

    @property
    def gpu(self) -> Seconds:
        return sum((e.seconds for e in self.codecs if e.on_gpu and e.seconds), Seconds())


def estimate(plan: Plan, store: Store, probe: Probe | None = None) -> Estimate:
    """The cost of what is left to do."""
    codecs = tuple(_estimate(plan, codec, store) for codec in plan.points)
    return Estimate(plan, codecs, len({job.image for job in plan.jobs}), probe)


def _estimate(plan: Plan, codec: Codec, store: Store) -> CodecEstimate:
    left = Counter(
        (job.stream is not None, point_key(job.point))
        for job in plan.jobs
        if job.codec.name == codec.name
    )
    images = set(plan.dataset.digests.values())
    there = store.timed(codec.fingerprint)
    timed = [(key, stream) for (image, key), stream in there.items() if image in images]
    spent: dict[bool, dict[str, list[float]]] = {True: {}, False: {}}  # by whether it is coded
    for key, stream in timed:
        encoding, decoding = _spent(stream, wall=codec.uses_gpu)
        spent[True].setdefault(key, []).append(decoding)
        if encoding is not None:
            spent[False].setdefault(key, []).append(encoding + decoding)
    parts = [_total_at(spent[coded], key, count) for (coded, key), count in left.items()]
    known = None if None in parts else sum(filter(None, parts), Seconds())
    return CodecEstimate(codec, left.total(), known)


def _spent(stream: Stream, *, wall: bool) -> tuple[float | None, float]:
    if wall:
        return stream.encode_wall, stream.decode_wall or 0.0
    return stream.encode_cpu, stream.decode_cpu or 0.0


def _total_at(by_point: Mapping[str, Sequence[float]], key: str, count: int) -> Seconds | None:
    """From what was timed at the point or, if nothing was, at others."""
    if key in by_point:
        return total(by_point[key], count)
    others = [fmean(samples) for samples in by_point.values()]
    if not others:
        return None
    if len(others) == 1:
        return total(others, count)
    return Seconds(fmean(others) * count, min(others) * count, max(others) * count)


def total(samples: Sequence[float], count: int) -> Seconds:
    """What so many take, if a few took this: two standard errors, for one half to double."""
    mean = fmean(samples)
    if len(samples) == 1:
        return Seconds(mean * count, mean * count / 2, mean * count * 2)
    spread = 2 * stdev(samples) * sqrt(count + count**2 / len(samples))
    return Seconds(
        mean * count, max(min(samples) * count, mean * count - spread), mean * count + spread
    )


def run_probe(
    plan: Plan, store: StoreWriter, images: int, progress: Progress | None = None
) -> Probe:
    """Code and measure a few images, spread over those that are left; their results are kept."""
    left = list(dict.fromkeys(job.image for job in plan.jobs))
    step = max(1, len(left) // images)
    chosen = left[step // 2 :: step][:images]
    cpu = []
    for done, image in enumerate(chosen):
        if progress:
            progress("probe", done, len(chosen))
        part = replace(
            plan,
            images=1,
            jobs=tuple(job for job in plan.jobs if job.image == image),
            originals=tuple(job for job in plan.originals if job.image == image),
        )
        before = _cpu()
        with ThisMachine.for_plan(part) as executor:
            outcome = execute(part, store, executor)
        if outcome.failures:
            job, reason = outcome.failures[0]
            raise BenchError(f"{job.codec.name} on {job.entry.name} at {job.point}: {reason}")
        cpu.append(max(0.0, _cpu() - before - _coding(part.jobs, plan.points, store)))
    return Probe(len(cpu), tuple(cpu), *_peaks())


def _coding(jobs: Iterable[Job], codecs: Iterable[Codec], store: Store) -> float:
    """CPU seconds of encoding and decoding that these jobs took."""
    timed = {codec.name: store.timed(codec.fingerprint) for codec in codecs}
    seconds = 0.0
    for job in jobs:
        encoding, decoding = _spent(
            timed[job.codec.name][job.image, point_key(job.point)], wall=False
        )
        seconds += decoding + (encoding or 0.0 if job.stream is None else 0.0)
    return seconds


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peaks() -> tuple[int, int]:
    """The most memory of this process so far, and of one of its programs, in bytes."""
    own, largest = (
        resource.getrusage(who).ru_maxrss * 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own, largest
