"""One codec's pictures as a task network saw them: a curve of wAP, which only a set has."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import AveragePrecision, average_precision, resampled_wap
from bench.metrics.bjontegaard import FloatArray
from bench.metrics.box_ap import box_average_precision, resampled_box_wap
from bench.metrics.matches import Matches
from bench.metrics.resampling import Sample, interval_of, keep_last, resample_weights
from bench.runtime.cache import remembered_figures

# Changes whenever the same matches would have another wAP.
_VERSION = "1"


class SetScore:
    """What a network scores on a set of pictures: by Cityscapes' rules for masks, COCO's for boxes.

    Resamples are costly and every figure needs them: the last ones are kept in memory, and all in
    the user's cache for later reports.
    """

    def __init__(self, matches: Sequence[Matches], *, masks: bool) -> None:
        self.matches, self.masks = matches, masks

    @cached_property
    def found(self) -> AveragePrecision:
        return (average_precision if self.masks else box_average_precision)(self.matches)

    @keep_last
    def resampled(self, weights: FloatArray) -> FloatArray:
        """The wAP of each resample of the images."""
        compute = resampled_wap if self.masks else resampled_box_wap
        return remembered_figures(self._key(weights), lambda: compute(self.matches, weights))

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
        return interval_of(self.resampled(resample_weights(len(self.matches)))).bounds


@dataclass(eq=False)
class TaskSample(Sample):
    """A sample whose quality is a task network's score, which only a whole set has."""

    rate: FloatArray
    scores: Sequence[SetScore | None]  # by point; None where images are missing
    missing_images: NDArray[np.int64]  # how many, by point
    name: str = ""

    def missing(self) -> str | None:
        """Why this sample has no figure, if images were not looked at."""
        if not self.missing_images.any() and len(self):
            return None
        count = self.missing_images.max(initial=0)
        return f"{self.name or 'a codec'} has no score for {count} of {len(self)} images"

    def _set_quality(self) -> FloatArray:
        return np.array([score.found.wap for score in self.scores if score])

    def _resampled_quality(self, weights: FloatArray) -> FloatArray:
        return np.stack([score.resampled(weights) for score in self.scores if score], axis=1)
