"""What an ONNX network's outputs say of a picture, as its card describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.instances.detections import Detections
from bench.instances.predictions import ClassScores, SemanticMap
from bench.instances.pseudo_truth import Prediction
from bench.instances.run_lengths import encode
from bench.tasks.onnx_card import OnnxCard

_MAX_CANDIDATES, _MAX_DETECTIONS = 3000, 300
_Array = NDArray[Any]


@dataclass(frozen=True)
class Fit:
    """Where a picture lies in a network's input."""

    size: tuple[int, int]  # of the picture: height, width
    whole: tuple[int, int]  # of the input
    inside: tuple[int, int, int, int]  # top, left, height and width of it in the input

    def boxes_of(self, boxes: _Array) -> NDArray[np.float64]:
        """Corners in the picture, of corners in the input."""
        top, left, height, width = self.inside
        scale = [self.size[1] / width, self.size[0] / height] * 2
        limit = [self.size[1], self.size[0]] * 2
        moved: NDArray[np.float64] = (boxes.astype(np.float64) - [left, top] * 2) * scale
        return np.clip(moved, 0, limit)


def read_outputs(card: OnnxCard, outputs: Mapping[str, _Array], fit: Fit) -> Prediction:
    """The prediction for a picture; outputs of another form are an error."""
    form = card.output.form
    if form == "lists":
        return _of_lists(card, outputs, fit)
    found = _output(card, outputs, form)
    if form == "rows":
        return _of_rows(card, found, fit)
    if form == "map":
        return _of_map(card, found, fit)
    return _of_scores(card, found)


def _output(card: OnnxCard, outputs: Mapping[str, _Array], role: str) -> _Array:
    """The output of a role: by the name in the card, by its own, or the only one there is."""
    name = card.output.names.get(role, role)
    if name in outputs:
        return outputs[name]
    if role not in card.output.names and len(outputs) == 1:
        return next(iter(outputs.values()))
    known = ", ".join(outputs)
    raise DataError(f"{card.file}: no output '{name}' for {role}, it has {known}; name it in names")


def _of_rows(card: OnnxCard, rows: _Array, fit: Fit) -> Detections:
    """A YOLO's: centre, width and height of a box, perhaps its objectness, and a score by class."""
    before = 4 + card.output.objectness
    length = before + len(card.names)
    rows = rows[0] if rows.ndim == 3 and len(rows) == 1 else rows
    if rows.ndim != 2 or length not in rows.shape:
        expected = f"one picture's rows of {length} numbers"
        raise DataError(f"{card.file}: its output has the shape {rows.shape}, expected {expected}")
    rows = rows if rows.shape[1] == length else rows.T
    scores = rows[:, before:] * (rows[:, 4:5] if card.output.objectness else 1)
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    place, classes = np.nonzero(scores >= card.output.lowest_score)
    boxes, scores = fit.boxes_of(boxes)[place], scores[place, classes]
    kept = _unsuppressed(boxes, scores, classes, card.output.overlap)
    return Detections(
        fit.size, classes[kept], scores[kept].astype(np.float64), boxes[kept], names=card.names
    )


def _unsuppressed(
    boxes: NDArray[np.float64], scores: _Array, classes: NDArray[np.int64], overlap: float
) -> NDArray[np.int64]:
    """The best by falling score, without those that overlap a better one of their class."""
    import torch

    from bench.vision.operators import suppress

    sides = boxes[:, 2:] - boxes[:, :2]
    order = np.argsort(-scores, kind="stable")
    order = order[(sides[order] > 0).all(axis=1)][:_MAX_CANDIDATES]
    kept = np.zeros(len(scores), np.bool_)
    for index in np.unique(classes[order]):
        own = order[classes[order] == index]
        kept[own[suppress(torch.from_numpy(boxes[own]), overlap).numpy()]] = True
    return order[kept[order]][:_MAX_DETECTIONS]


def _of_lists(card: OnnxCard, outputs: Mapping[str, _Array], fit: Fit) -> Detections:
    """Torchvision's: boxes as corners, labels, scores, and perhaps a mask of the input for each."""
    boxes = _output(card, outputs, "boxes").reshape(-1, 4)
    labels = _output(card, outputs, "labels").ravel().astype(np.int64) - card.output.first_label
    scores = _output(card, outputs, "scores").ravel().astype(np.float64)
    if not len(boxes) == len(labels) == len(scores):
        counts = f"{len(boxes)} boxes, {len(labels)} labels and {len(scores)} scores"
        raise DataError(f"{card.file}: {counts}, expected as many of each")
    boxes = fit.boxes_of(boxes)
    kept = np.flatnonzero(
        (labels >= 0)
        & (labels < len(card.names))
        & (scores >= card.output.lowest_score)
        & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    )
    masks = None
    if card.finds == "masks":
        drawn = _output(card, outputs, "masks")
        drawn = drawn.reshape(-1, *drawn.shape[-2:])
        if len(drawn) != len(boxes):
            raise DataError(f"{card.file}: {len(boxes)} boxes and {len(drawn)} masks")
        masks = tuple(encode(_in_picture(drawn[place], fit) >= 0.5) for place in kept)
    return Detections(fit.size, labels[kept], scores[kept], boxes[kept], masks, names=card.names)


def _of_map(card: OnnxCard, found: _Array, fit: Fit) -> SemanticMap:
    """Scores of each class for each pixel, or the class of each pixel."""
    found = found[0] if found.ndim in (3, 4) and len(found) == 1 else found
    if found.ndim == 2:
        found = (found == np.arange(len(card.names))[:, None, None]).astype(np.float32)
    if found.ndim != 3 or len(found) != len(card.names):
        expected = f"a map of one picture, or one for each of {len(card.names)} classes"
        raise DataError(f"{card.file}: its output has the shape {found.shape}, expected {expected}")
    # Each in turn: all classes of a large picture would not fit in memory together.
    best = np.full(fit.size, -np.inf, np.float32)
    classes = np.zeros(fit.size, np.uint8)
    for index, scores in enumerate(found):
        drawn = _in_picture(scores, fit)
        better = drawn > best
        best[better], classes[better] = drawn[better], index
    return SemanticMap(classes, card.names)


def _of_scores(card: OnnxCard, found: _Array) -> ClassScores:
    if found.size != len(card.names):
        expected = f"a score for each of {len(card.names)} classes"
        raise DataError(f"{card.file}: its output has the shape {found.shape}, expected {expected}")
    return ClassScores(found.ravel().astype(np.float64), card.names)


def _in_picture(values: _Array, fit: Fit) -> NDArray[np.float32]:
    """Values of the network's input or of a coarser grid of it, at the pixels of the picture."""
    import torch
    import torch.nn.functional as functional

    top, left, height, width = fit.inside
    grid = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]
    if (height, width) != fit.whole:
        grid = functional.interpolate(grid, fit.whole, mode="bilinear")
        grid = grid[:, :, top : top + height, left : left + width]
    if grid.shape[2:] != fit.size:
        grid = functional.interpolate(grid, fit.size, mode="bilinear")
    return np.asarray(grid[0, 0].numpy())
