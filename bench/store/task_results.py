"""The results of task networks: their matches with the ground truth, by picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.metrics.matches import Matches
from bench.metrics.task_sample import SetScore

MatchArray = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class TaskResults:
    """A task network, and its matches in the uncompressed images."""

    name: str
    title: str
    masks: bool
    pseudo: float | None  # if its own detections are the truth, their minimum score
    fingerprint: str
    originals: tuple[Matches | None, ...]  # in each image

    @cached_property
    def ceiling(self) -> SetScore | None:
        """Its score on the uncompressed images, once it has seen them all."""
        seen = [matches for matches in self.originals if matches is not None]
        whole = len(seen) == len(self.originals) > 0
        return SetScore(seen, masks=self.masks) if whole else None

    def only(self, images: NDArray[np.bool_]) -> TaskResults:
        """The results on some of the images."""
        return replace(self, originals=tuple(self.originals[i] for i in np.flatnonzero(images)))


def looked_at(matches: MatchArray) -> NDArray[np.bool_]:
    """Which pictures a network has seen."""
    seen = [one is not None for one in matches.flat]
    return np.array(seen, dtype=bool).reshape(matches.shape)
