"""Which pictures a gallery shows: images on which codecs differ most, at similar rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.matches import Matches
from bench.report.compare import Report
from bench.report.pictures import MIN_SCORE
from bench.store import CodecResults, TaskResults

_SIMILAR = 1.5  # rates that differ by at most this factor


@dataclass(frozen=True, eq=False)
class Level:
    """A rate to compare at, given as a point of one codec."""

    codec: CodecResults
    column: int

    @property
    def title(self) -> str:
        return f"{self.codec.name} at {self.codec.unit} {self.codec.points[self.column]}"


def choose_levels(report: Report) -> list[Level]:
    """Two points of the anchor, a third and two thirds up those with the most codecs nearby."""
    codecs = [codec for codec in report.results.codecs if codec.points]
    if not codecs:
        return []
    reference = next((codec for codec in codecs if codec.name == report.anchor), codecs[0])
    levels = [Level(reference, column) for column in range(len(reference.points))]
    near = [sum(_is_near(level, codec) for codec in codecs) for level in levels]
    most = [level for level, count in zip(levels, near, strict=True) if count == max(near)]
    if len(most) == 1:  # and the one below, or above the lowest
        start = max(0, most[0].column - 1)
        most = levels[start : start + 2]
    last = len(most) - 1
    return [most[place] for place in dict.fromkeys((last // 3, last - last // 3))]


def _is_near(level: Level, codec: CodecResults) -> bool:
    """Whether the codec has a similar rate on most images."""
    columns = columns_at(level, codec)
    rates = np.where(columns < 0, np.nan, codec.bpp[np.arange(len(columns)), columns])
    ratio = np.abs(np.log(rates / level.codec.bpp[:, level.column]))
    return bool(np.mean(ratio <= np.log(_SIMILAR)) > 0.5)


def columns_at(level: Level, codec: CodecResults) -> NDArray[np.intp]:
    """For each image, the codec's point of the rate nearest to the level's; -1 if there is none."""
    return codec.nearest(level.codec.bpp[:, level.column])


def images_by_difference(
    report: Report, task: TaskResults | None, levels: list[Level]
) -> list[int]:
    """The indices of the images, first those on which codecs differ most at one of the levels."""
    widest = np.zeros(len(report.results.images))
    for level in levels:
        merits = [
            _merit(codec, columns_at(level, codec), report, task) for codec in report.results.codecs
        ]
        widest = np.fmax(widest, np.fmax.reduce(merits) - np.fmin.reduce(merits))
    return [int(row) for row in np.argsort(-widest, kind="stable")]


def _merit(
    codec: CodecResults, columns: NDArray[np.intp], report: Report, task: TaskResults | None
) -> NDArray[np.float64]:
    """The quality of each picture: F1 of the detections, or without a network, the first metric."""
    merit = np.full(len(columns), np.nan)
    rows = np.flatnonzero(columns >= 0)
    if task is not None and task.name in codec.matches:
        for row in rows:
            record = codec.matches[task.name][row, columns[row]]
            if isinstance(record, Matches):
                merit[row] = harmonic_mean(record.counts(MIN_SCORE))
    elif task is None and report.image_metrics and report.image_metrics[0] in codec.values:
        merit[rows] = codec.values[report.image_metrics[0]][rows, columns[rows]]
    return merit


def harmonic_mean(counts: tuple[int, int, int]) -> float:
    """F1, of precision and recall; 1 if there is nothing to find and nothing is found."""
    right, wrong, missed = counts
    return 2 * right / (2 * right + wrong + missed) if any(counts) else 1.0
