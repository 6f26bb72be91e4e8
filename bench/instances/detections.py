"""A task network's detections in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.instances.run_lengths import RunLengths


@dataclass(frozen=True, eq=False)
class Detections:
    """Instances, one a row; ``masks`` is None for a network of boxes."""

    size: tuple[int, int]  # height, width
    classes: NDArray[np.int64]  # indices into the names
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]  # x0, y0, x1, y1 in pixels
    masks: tuple[RunLengths, ...] | None = None
    names: tuple[str, ...] = field(kw_only=True)  # of all classes that there may be

    def __post_init__(self) -> None:
        count = len(self.classes)
        if self.scores.shape != (count,) or self.boxes.shape != (count, 4):
            raise ValueError(
                f"{count} classes, scores of shape {self.scores.shape}, "
                f"boxes of shape {self.boxes.shape}"
            )
        if ((self.classes < 0) | (self.classes >= len(self.names))).any():
            raise ValueError(f"a class that is not in 0 to {len(self.names) - 1}")
        if np.isnan(self.scores).any() or not np.isfinite(self.boxes).all():
            raise ValueError("a score or a box that is not a number")
        if (self.boxes[:, 2:] < self.boxes[:, :2]).any():
            raise ValueError("a box that ends before it begins")
        if self.masks is not None:
            if len(self.masks) != count:
                raise ValueError(f"{count} classes, {len(self.masks)} masks")
            if any((mask.height, mask.width) != self.size for mask in self.masks):
                raise ValueError("a mask whose size differs from the picture's")

    def __len__(self) -> int:
        return len(self.classes)

    def in_classes(self, names: tuple[str, ...], places: Sequence[int]) -> Detections:
        """Those in classes of other names, given the place of each class among them, or -1."""
        classes = np.array(places, np.int64)[self.classes]
        rows = np.flatnonzero(classes >= 0)
        return Detections(
            self.size,
            classes[rows],
            self.scores[rows],
            self.boxes[rows],
            None if self.masks is None else tuple(self.masks[row] for row in rows),
            names=names,
        )
