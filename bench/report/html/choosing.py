"""Which pictures a gallery shows: images on which codecs differ most, each at like rates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.codec import Point
from bench.metrics import Group, describe
from bench.report.compare import Report
from bench.report.exhibits import LEAST_SCORE
from bench.report.results import CodecResults
from bench.report.scorings import Scoring


@dataclass(frozen=True)
class Level:
    """A rate to compare at, given as a point of one codec."""

    codec: CodecResults
    column: int

    @property
    def title(self) -> str:
        return f"{self.codec.name} at {self.codec.unit} {self.codec.points[self.column]}"


def choose_levels(report: Report) -> list[Level]:
    """A low and a middling rate: points of the anchor a third and two thirds up its curve."""
    codecs = [codec for codec in report.results.codecs if codec.points]
    if not codecs:
        return []
    reference = next((codec for codec in codecs if codec.name == report.anchor), codecs[0])
    last = len(reference.points) - 1
    columns = dict.fromkeys((round(last / 3), round(2 * last / 3)))
    return [Level(reference, column) for column in columns]


def point_at(level: Level, codec: CodecResults, row: int) -> Point | None:
    """The codec's point on an image whose rate is nearest to the level's there."""
    rate = level.codec.bpp[row, level.column]
    there = codec.done[row]
    if not (there.any() and math.isfinite(rate)):
        return None
    with np.errstate(invalid="ignore"):
        distance = np.abs(np.log(codec.bpp[row] / rate))
    return codec.points[int(np.where(there, distance, np.inf).argmin())]


def images_by_difference(report: Report, scoring: Scoring | None, levels: list[Level]) -> list[int]:
    """The images' places, first those on which codecs differ most at one of the levels."""
    merits = {codec.name: _merit(codec, report, scoring) for codec in report.results.codecs}
    spreads = []
    for row in range(len(report.results.images)):
        widest = 0.0
        for level in levels:
            values = [
                merits[codec.name][row, codec.points.index(point)]
                for codec in report.results.codecs
                if (point := point_at(level, codec, row)) is not None
            ]
            finite = [value for value in values if math.isfinite(value)]
            widest = max([widest, max(finite) - min(finite)]) if finite else widest
        spreads.append(widest)
    return sorted(range(len(spreads)), key=lambda row: -spreads[row])


def _merit(codec: CodecResults, report: Report, scoring: Scoring | None) -> NDArray[np.float64]:
    """How good each of its pictures is: the F1 of what is found there or, without a network, dB."""
    merit = np.full(codec.bpp.shape, np.nan)
    if scoring is None:
        measured = [name for name in report.metrics if describe(name).group is Group.QUALITY]
        return codec.values.get(measured[0], merit) if measured else merit
    if scoring.name in codec.matches:
        for where, matches in np.ndenumerate(codec.matches[scoring.name]):
            if matches is not None:
                merit[where] = harmonic_mean(matches.counts(LEAST_SCORE))
    return merit


def harmonic_mean(counts: tuple[int, int, int]) -> float:
    """F1, of precision and recall; 1 where there is nothing to find and nothing is found."""
    right, wrong, missed = counts
    return 2 * right / (2 * right + wrong + missed) if any(counts) else 1.0
