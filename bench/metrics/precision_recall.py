"""Precision where recall rises, for every class, overlap and resample of the images at once.

Precision and recall matter only where a true positive is reached, so that is all that is counted:
of each true positive, its weight in the resample, and how many true positives and how many
predictions of any kind there are down to its score, and above it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.matches import IGNORED, TRUE_POSITIVE

Counts = NDArray[np.int32]
Floats = NDArray[np.float64]

# Resamples treated at once: fewer cost more calls, more do not stay in the processor's cache.
_BLOCK = 500
# Up to about this many columns, a call for each row takes longer than the row.
FEW_COLUMNS = 32


@dataclass(frozen=True)
class Reached:
    """The points of a curve that hold a true positive, by falling score, a row each.

    A column is a resample. Leading zeros are resamples that have no prediction yet.
    """

    weight: Counts  # of the true positives at the point
    hits_before: Counts  # true positives above the point …
    hits: Counts  # … and down to it
    seen_before: Counts  # predictions above the point, right or wrong …
    seen: Counts  # … and down to it


Area = Callable[[Reached, Floats], Floats]
"""The area under each resample's curve, given how many instances it has."""


@dataclass(frozen=True)
class Pool:
    """The predictions in all images, one a row, and how many instances are to be found."""

    images: NDArray[np.int64]  # the image of each
    classes: NDArray[np.integer]
    scores: Floats
    states: NDArray[np.uint8]  # an overlap a column
    valid: Floats  # to be found, by image and class


def areas(pool: Pool, weights: Floats, area: Area, *, merge_ties: bool) -> Floats:
    """Each resample's average precisions (resample, class, overlap).

    NaN is a class without an instance to be found. Equal scores are one point of the curve, or each
    prediction is its own, in the order of the images.
    """
    resamples = len(weights)
    by_image = np.ascontiguousarray(weights.T, np.int32)
    if (by_image != weights.T).any():
        raise ValueError("weights must be integers: how often each image was drawn")
    valid = weights @ pool.valid
    result = np.full((resamples, valid.shape[1], pool.states.shape[1]), np.nan)
    for index in np.flatnonzero(valid.any(axis=0)):
        own = np.flatnonzero(pool.classes == index)
        own = own[np.argsort(-pool.scores[own], kind="stable")]
        ranked = _Ranked(pool.scores[own], pool.states[own], merge_ties)
        for start in range(0, resamples, _BLOCK):
            some = start + np.flatnonzero(valid[start : start + _BLOCK, index])
            counts = np.ascontiguousarray(by_image[:, some]).take(pool.images[own], axis=0)
            for overlap, reached in enumerate(ranked.reached(counts)):
                result[some, index, overlap] = area(reached, valid[some, index])
    return result


def precision(hits: Counts, seen: Counts, at_nothing: float) -> Floats:
    """The share of hits, with its value before the first detection."""
    with np.errstate(invalid="ignore"):
        share: Floats = hits / seen
    # Counts only grow down the rows, so that what has nothing is among the first.
    rows = bisect_left(range(len(seen)), True, key=lambda row: bool(seen[row].all()))
    share[:rows][seen[:rows] == 0] = at_nothing
    return share


class _Ranked:
    """One class's predictions by falling score."""

    def __init__(self, scores: Floats, states: NDArray[np.uint8], merge_ties: bool) -> None:
        self.states = states
        new = np.ones(len(scores), np.bool_)
        if merge_ties:
            new[1:] = scores[1:] != scores[:-1]
        self.point = new.cumsum() - 1  # of the curve, to which each belongs
        self.edges = np.append(np.flatnonzero(new), len(scores))  # where each point begins

    def reached(self, counts: Counts) -> Iterator[Reached]:
        """At each overlap, given how often each prediction was drawn in each resample."""
        everything = _running(counts)
        for state in self.states.T:
            hit, ignored = np.flatnonzero(state == TRUE_POSITIVE), np.flatnonzero(state == IGNORED)
            lost = _running(counts.take(ignored, axis=0))
            points, first = np.unique(self.point[hit], return_index=True)
            weight = counts.take(hit, axis=0)
            if len(points) < len(hit):
                weight = np.add.reduceat(weight, first, axis=0)
            hits = _running(weight)
            begin, end = self.edges[points], self.edges[points + 1]
            seen = _above(end, everything, lost, ignored)
            seen_before = seen - weight
            several = np.flatnonzero(end - begin > 1)  # there it is not the true positive alone
            seen_before[several] = _above(begin[several], everything, lost, ignored)
            yield Reached(weight, hits[:-1], hits[1:], seen_before, seen)


def _above(
    edges: NDArray[np.int64], everything: Counts, lost: Counts, ignored: NDArray[np.int64]
) -> Counts:
    """How many predictions, without those ignored, are above each edge."""
    seen = everything.take(edges, axis=0)
    seen -= lost.take(np.searchsorted(ignored, edges), axis=0)
    return seen


def _running(counts: Counts) -> Counts:
    """Sums of the rows above each, and of all.

    Numpy's own are for few columns; down the many of a bootstrap, they take three times as long.
    """
    sums = np.empty((len(counts) + 1, counts.shape[1]), np.int32)
    sums[0] = 0
    if counts.shape[1] < FEW_COLUMNS:
        np.cumsum(counts, axis=0, out=sums[1:])
        return sums
    for before, row, after in zip(sums, counts, sums[1:], strict=False):
        np.add(before, row, out=after)
    return sums
