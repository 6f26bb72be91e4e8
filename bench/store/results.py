"""The results on a dataset: a table of images by points for each codec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from bench.codecs.codec import Point
from bench.errors import StoreError
from bench.metrics import scorer_of
from bench.metrics.measure import Measure, Record
from bench.metrics.resampling import CurveSample
from bench.metrics.task_sample import SetScore, TaskSample
from bench.runtime.text import counted

if TYPE_CHECKING:
    import pandas

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
MatchArray = NDArray[np.object_]
COSTS = ("encode_cpu", "encode_wall", "decode_cpu", "decode_wall")


@dataclass(frozen=True, eq=False)
class Run:
    """A command that produced results, and its machine."""

    started: str
    command: str
    machine: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class CodecResults:
    """One codec on one dataset: in every array, images are rows and operating points columns."""

    name: str
    title: str
    unit: str
    anchor: bool
    oracle: bool
    fingerprint: str
    points: tuple[Point, ...]
    bytes: FloatArray
    bpp: FloatArray
    values: dict[str, FloatArray]  # quality metrics and costs; NaN where one is missing
    provenance: dict[tuple[int, int], tuple[str, str, Run]]  # stream, finished, by which run
    card: str = ""  # the name or path that opens the codec again
    version: str | None = None  # of the software that ran; None if it is unknown
    matches: dict[str, MatchArray] = field(default_factory=dict)  # by scorer; None if missing
    measures: dict[str, Measure] = field(default_factory=dict)  # by scorer
    parts: dict[str, FloatArray] = field(default_factory=dict)  # bytes of each, by name, if any

    def __repr__(self) -> str:
        return f"<CodecResults of {self.name} at {self.unit} {', '.join(map(str, self.points))}>"

    @cached_property
    def done(self) -> BoolArray:
        """Which images × points were coded and decoded."""
        return np.isfinite(self.bytes) & np.isfinite(self.values["decode_wall"])

    @property
    def rates(self) -> list[float]:
        """The mean rate at each point."""
        return [_mean(self.bpp[done, at]) for at, done in enumerate(self.done.T)]

    def rates_at(self, column: int) -> dict[str, float]:
        """The mean rate of each part of the streams at a point, by name."""
        done = self.done[:, column]
        pixels = 8 * self.bytes[done, column] / self.bpp[done, column]
        return {n: _mean(8 * sizes[done, column] / pixels) for n, sizes in self.parts.items()}

    @property
    def missing(self) -> int:
        """How many images × points were not coded, or not decoded."""
        return int((~self.done).sum())

    @cached_property
    def scores(self) -> dict[str, tuple[SetScore | None, ...]]:
        """Each scorer's score of each point; None unless it has seen all the images."""
        return {
            scorer: tuple(
                SetScore(list(column), self.measures[scorer])
                if len(column) and all(matches is not None for matches in column)
                else None
                for column in matches.T
            )
            for scorer, matches in self.matches.items()
        }

    def sample(self, metric: str) -> CurveSample | TaskSample:
        """Its rates and qualities by a metric, to compare and to resample."""
        if metric not in self._samples:
            self._samples[metric] = self._sample(metric)
        return self._samples[metric]

    @cached_property
    def _samples(self) -> dict[str, CurveSample | TaskSample]:
        return {}

    def _sample(self, metric: str) -> CurveSample | TaskSample:
        scorer = scorer_of(metric)
        if scorer is None:
            nothing = np.full_like(self.bpp, np.nan)
            return CurveSample(self.bpp, self.values.get(metric, nothing), self.name)
        matches = self.matches.get(scorer, np.full(self.bpp.shape, None))
        scores = self.scores.get(scorer, (None,) * len(self.points))
        missing = (~looked_at(matches)).sum(axis=0)
        return TaskSample(self.bpp, scores, missing, self.name)

    def curve(self, metric: str) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Mean rate and quality at each point, and whether no image is missing there."""
        scorer = scorer_of(metric)
        if scorer is None:
            values = self.values.get(metric, np.full_like(self.bpp, np.nan))
            there = np.isfinite(self.bpp) & np.isfinite(values)
            quality = [_mean(v[t]) for v, t in zip(values.T, there.T, strict=True)]
        else:
            scores = self.scores.get(scorer, (None,) * len(self.points))
            quality = [score.value if score else float("nan") for score in scores]
            there = np.isfinite(self.bpp)
        rate = [_mean(v[t]) for v, t in zip(self.bpp.T, there.T, strict=True)]
        return np.array(rate), np.array(quality), np.asarray(there.all(axis=0))

    def nearest(self, rates: FloatArray) -> NDArray[np.intp]:
        """For each image the point whose rate is nearest to its rate, by ratio; -1 if none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            distance = np.abs(np.log(self.bpp / rates[:, None]))
        distance[~(self.done & np.isfinite(distance))] = np.inf
        return np.where(np.isfinite(distance).any(axis=1), distance.argmin(axis=1), -1)

    def at(self, points: Sequence[int]) -> Self:
        """The results at some of the points."""
        return self._part(range(len(self.bytes)), points)

    def only(self, images: BoolArray) -> Self:
        """The results on some of the images."""
        return self._part(np.flatnonzero(images).tolist(), range(len(self.points)))

    def _part(self, images: Sequence[int], points: Sequence[int]) -> Self:
        part = np.ix_(images, points)
        row = {old: new for new, old in enumerate(images)}
        column = {old: new for new, old in enumerate(points)}
        return replace(
            self,
            points=tuple(self.points[point] for point in points),
            bytes=self.bytes[part],
            bpp=self.bpp[part],
            values={name: values[part] for name, values in self.values.items()},
            matches={name: matches[part] for name, matches in self.matches.items()},
            parts={name: sizes[part] for name, sizes in self.parts.items()},
            provenance={
                (row[image], column[point]): made
                for (image, point), made in self.provenance.items()
                if image in row and point in column
            },
        )


@dataclass(frozen=True, eq=False)
class TaskResults:
    """A task network, and the records of what it found in the uncompressed images."""

    name: str
    title: str
    measure: Measure
    classes: tuple[str, ...]  # of the records
    pseudo: float | None  # if its own detections are the truth, their minimum score
    fingerprint: str
    originals: tuple[Record | None, ...]  # of each image

    @property
    def metric(self) -> str:
        """The name of the metric by which codecs are compared with it."""
        return self.measure.metric_of(self.name)

    @cached_property
    def ceiling(self) -> SetScore | None:
        """Its score on the uncompressed images, once it has seen them all."""
        seen = [record for record in self.originals if record is not None]
        whole = len(seen) == len(self.originals) > 0
        return SetScore(seen, self.measure) if whole else None

    def only(self, images: BoolArray) -> TaskResults:
        """The results on some of the images."""
        return replace(self, originals=tuple(self.originals[i] for i in np.flatnonzero(images)))


def looked_at(matches: MatchArray) -> BoolArray:
    """Which pictures a network has seen."""
    seen = [one is not None for one in matches.flat]
    return np.array(seen, dtype=bool).reshape(matches.shape)


@dataclass(frozen=True, eq=False)
class Results:
    """All codecs planned on one dataset, the most recent fingerprint of each name."""

    dataset: str
    kind: str
    digest: str
    images: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    codecs: tuple[CodecResults, ...]
    failures: tuple[tuple[str, str, Point, str], ...]  # codec, image, point, reason
    notes: tuple[str, ...] = ()
    tasks: tuple[TaskResults, ...] = ()
    digests: tuple[str, ...] = ()  # of each image's pixels
    truths: tuple[str | None, ...] = ()  # the digest of each image's labels, if it has any
    data: str = ""  # the value of --data, without the limit to the first images
    version: str | None = None  # of the data set, if it has versions

    def __repr__(self) -> str:
        codecs = ", ".join(codec.name for codec in self.codecs)
        return f"<Results of {self.dataset}, {counted(len(self.images), 'image')}: {codecs}>"

    def codec(self, name: str) -> CodecResults:
        for codec in self.codecs:
            if codec.name == name:
                return codec
        known = ", ".join(codec.name for codec in self.codecs)
        raise StoreError(f"no results of '{name}' on {self.dataset}; there are {known or 'none'}")

    def seen_by(self, scorers: Sequence[str]) -> Results:
        """The results with some of the task networks only."""
        if all(task.name in scorers for task in self.tasks):
            return self  # with its cached figures
        return replace(
            self,
            tasks=tuple(task for task in self.tasks if task.name in scorers),
            codecs=tuple(
                replace(codec, matches={n: m for n, m in codec.matches.items() if n in scorers})
                for codec in self.codecs
            ),
        )

    def on_common_images(self, metrics: Sequence[str] = ()) -> Results:
        """Only the images that every codec has at every point, with all figures."""
        common = np.ones(len(self.images), dtype=bool)
        for codec in self.codecs:
            common &= codec.done.all(axis=1)
            for metric in metrics:
                scorer = scorer_of(metric)
                if scorer is None:
                    measured = np.isfinite(codec.values.get(metric, np.nan))
                elif scorer in codec.matches:
                    measured = looked_at(codec.matches[scorer])
                else:
                    continue
                if measured.any():
                    common &= measured.all(axis=1)
        if not common.any():
            raise StoreError(f"no image of {self.dataset} has been coded by every codec")
        note = f"on the {common.sum()} of {len(common)} images that every codec has"
        return replace(
            self,
            images=tuple(compress(self.images, common)),
            sizes=tuple(compress(self.sizes, common)),
            codecs=tuple(codec.only(common) for codec in self.codecs),
            tasks=tuple(task.only(common) for task in self.tasks),
            digests=tuple(compress(self.digests, common)),
            truths=tuple(compress(self.truths, common)),
            notes=self.notes if common.all() else (*self.notes, note),
        )

    @cached_property
    def records(self) -> pandas.DataFrame:
        """One row per image, codec and point: its figures and their provenance."""
        import pandas

        rows: list[dict[str, Any]] = []
        for codec in self.codecs:
            for column, point in enumerate(codec.points):
                for row, image in enumerate(self.images):
                    if np.isnan(codec.bytes[row, column]):
                        continue
                    stream, finished, run = codec.provenance[row, column]
                    width, height = self.sizes[row]
                    rows.append(
                        {
                            "dataset": self.dataset,
                            "image": image,
                            "width": width,
                            "height": height,
                            "codec": codec.name,
                            "point": point,
                            "unit": codec.unit,
                            "bytes": int(codec.bytes[row, column]),
                            "bpp": codec.bpp[row, column],
                            **{f"bytes_{n}": part[row, column] for n, part in codec.parts.items()},
                            **{name: v[row, column] for name, v in codec.values.items()},
                            "stream": stream,
                            "fingerprint": codec.fingerprint,
                            "version": codec.version,
                            "dataset_digest": self.digest,
                            "dataset_version": self.version,
                            "date": finished,
                            "machine": run.machine.get("name", ""),
                        }
                    )
        return pandas.DataFrame(rows)

    @property
    def means(self) -> pandas.DataFrame:
        """One row per codec and point: means over the images, and whether all are there."""
        import pandas

        return pandas.DataFrame(self.mean_rows)

    @cached_property
    def mean_rows(self) -> list[dict[str, Any]]:
        """``means`` as plain rows."""
        rows: list[dict[str, Any]] = []
        for codec in self.codecs:
            for column, point in enumerate(codec.points):
                done = codec.done[:, column]
                rows.append(
                    {
                        "dataset": self.dataset,
                        "codec": codec.name,
                        "version": codec.version,
                        "point": point,
                        "unit": codec.unit,
                        "images": int(done.sum()),
                        "complete": bool(done.all()),
                        "bpp": _mean(codec.bpp[done, column]),
                        **{f"bpp_{n}": rate for n, rate in codec.rates_at(column).items()},
                        **_scores(codec, column),
                        **{n: _mean(v[done, column]) for n, v in codec.values.items()},
                    }
                )
        return rows


def _scores(codec: CodecResults, column: int) -> dict[str, float]:
    """The task networks' figures at a point, the first of each with its interval."""
    figures: dict[str, float] = {}
    for scorer, scores in codec.scores.items():
        score, nothing = scores[column], float("nan")
        low, high = (score.interval if score else None) or (nothing, nothing)
        first, *others = (figure.name for figure in codec.measures[scorer].figures)
        found = score.figures if score else {}
        name = f"{first}:{scorer}"
        figures |= {name: found.get(first, nothing), f"{name}_low": low, f"{name}_high": high}
        figures |= {f"{other}:{scorer}": found.get(other, nothing) for other in others}
    return figures


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else float("nan")
