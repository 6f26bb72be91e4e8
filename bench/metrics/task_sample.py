"""One codec's pictures as a task network saw them: a curve of wAP, which only a set has."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import (
    AveragePrecision,
    average_precision,
    percentiles,
    resampled_wap,
)
from bench.metrics.bjontegaard import Curve, Curves, FloatArray
from bench.metrics.bootstrap import LastResampled, resample_weights
from bench.metrics.box_ap import box_average_precision, resampled_box_wap
from bench.metrics.matches import Matches
from bench.runtime.cache import remembered_figures

# Changes whenever the same matches would have another wAP.
_VERSION = "1"


class SetScore:
    """What a network scores on a set of pictures: by Cityscapes' rules for masks, COCO's for boxes.

    Resamples are costly and every figure needs them: those of the last weights are kept in memory,
    and all in the user's cache for later reports.
    """

    def __init__(self, matches: Sequence[Matches], *, masks: bool) -> None:
        self.matches, self.masks = matches, masks
        self._last: tuple[FloatArray, FloatArray] | None = None

    @cached_property
    def found(self) -> AveragePrecision:
        return (average_precision if self.masks else box_average_precision)(self.matches)

    def resampled(self, weights: FloatArray) -> FloatArray:
        """The wAP of each resample of the images."""
        if self._last is None or self._last[0] is not weights:
            compute = resampled_wap if self.masks else resampled_box_wap
            figures = remembered_figures(self._key(weights), lambda: compute(self.matches, weights))
            self._last = weights, figures
        return self._last[1]

    def _key(self, weights: FloatArray) -> str:
        known = hashlib.sha256(f"wAP {_VERSION} {self.masks} {weights.shape} ".encode())
        known.update(weights.tobytes())
        for matches in self.matches:
            known.update(matches.to_bytes())
        return known.hexdigest()

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Of its wAP, 95 %; one image has none."""
        if len(self.matches) < 2:
            return None
        return percentiles(self.resampled(resample_weights(len(self.matches)))).bounds


@dataclass(frozen=True, eq=False)
class TaskSample:
    """A rate for each image (a row) and point (a column), and a score for each point."""

    rate: FloatArray
    scores: Sequence[SetScore | None]  # None where images are missing
    missing_images: NDArray[np.int64]  # how many, by point
    name: str = ""

    def __len__(self) -> int:
        return len(self.rate)

    def mean_curve(self) -> Curve:
        return self._mean_curve

    @cached_property
    def _mean_curve(self) -> Curve:
        return Curve(
            self.rate.mean(axis=0), np.array([score.found.wap for score in self._whole]), self.name
        )

    def resampled(self, weights: FloatArray) -> Curves:
        return self._resampled.of(weights, self._resample)

    @cached_property
    def _resampled(self) -> LastResampled:
        return LastResampled()

    def _resample(self, weights: FloatArray) -> Curves:
        quality = np.stack([score.resampled(weights) for score in self._whole], axis=1)
        return Curves(weights @ self.rate / len(self), quality)

    def missing(self) -> str | None:
        """Why this sample has no figure, if images were not looked at."""
        if not self.missing_images.any() and len(self):
            return None
        count = self.missing_images.max(initial=0)
        return f"{self.name or 'a codec'} has no score for {count} of {len(self)} images"

    @property
    def _whole(self) -> list[SetScore]:
        return [score for score in self.scores if score is not None]
