"""Detections in the files of Cityscapes' evaluation, which most tools can write.

Each image has a text file, with a line ``MASK LABEL SCORE`` for each detection: the path of a PNG
relative to the text, whose pixels other than zero belong to the instance, and Cityscapes' id of its
class.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bench.datasets.cityscapes_labels import CLASSES, EVALUATED, LABELS
from bench.errors import DataError
from bench.images.image import open_image
from bench.instances.detections import Detections
from bench.instances.run_lengths import RunLengths, encode
from bench.runtime.files import check_regular

_CLASS_OF_LABEL = {label.id: index for index, label in enumerate(EVALUATED)}
_LABEL_IDS = {label.id for label in LABELS}


def find_predictions(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """The text file of each image, at any depth: its name starts with the image's."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of predictions")
    texts = sorted(folder.rglob("*.txt"), key=lambda path: path.name)
    file_names = [path.name for path in texts]
    found = {}
    for name in names:
        first = bisect_left(file_names, name)
        matching = [path for path in texts[first : first + 2] if path.name.startswith(name)]
        if not matching:
            raise DataError(
                f"{folder}: no predictions for {name}, not even an empty {name}*.txt in it"
            )
        if len(matching) > 1:
            raise DataError(f"{matching[0]} and {matching[1]}: two predictions for {name}")
        found[name] = matching[0]
    return found


def read_predictions(text: Path, folder: Path, size: tuple[int, int]) -> Detections:
    """One image's detections of evaluated classes; masks must be in the folder and of the size.

    As in Cityscapes' evaluation an empty mask is ignored, and of two lines for one mask the last
    one counts.
    """
    classes, scores, masks = [], [], []
    for path, (where, label, score) in _read_lines(text, folder).items():
        if label not in _CLASS_OF_LABEL:
            continue
        mask = _read_mask(path, size, where)
        if mask.area:
            classes.append(_CLASS_OF_LABEL[label])
            scores.append(score)
            masks.append(mask)
    return Detections(
        size,
        np.array(classes, np.int64),
        np.array(scores, np.float64),
        np.array([mask.box() for mask in masks], np.float64).reshape(-1, 4),
        tuple(masks),
        names=CLASSES,
    )


def _read_lines(text: Path, folder: Path) -> dict[Path, tuple[str, int, float]]:
    """Where each mask's line is, its label and its score."""
    try:
        check_regular(text)
        content = text.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{text}: cannot be read: {error}") from error
    lines = {}
    folder = folder.absolute()
    for number, line in enumerate(content.splitlines(), start=1):
        where = f"{text}, line {number}"
        try:
            name, label_text, score_text = line.split(" ")
            label, score = int(float(label_text)), float(score_text)
        except (ValueError, OverflowError) as error:
            raise DataError(f"{where}: expected 'MASK.png LABEL SCORE', not {line!r}") from error
        path = _normal(text.absolute().parent / name)
        if Path(name).is_absolute() or not path.is_relative_to(_normal(folder)):
            raise DataError(f"{where}: {name} is not in {folder}")
        if label not in _LABEL_IDS:
            raise DataError(
                f"{where}: unknown label {label}; expected one of Cityscapes', such as 26 for a car"
            )
        if np.isnan(score):
            raise DataError(f"{where}: the score is not a number")
        lines[path] = where, label, score
    return lines


def _normal(path: Path) -> Path:
    """The path without .. in it; links stay."""
    return Path(os.path.normpath(path))


def _read_mask(path: Path, size: tuple[int, int], where: str) -> RunLengths:
    height, width = size
    try:
        with open_image(path) as opened:
            if opened.size != (width, height):
                raise DataError(
                    f"{path} has {opened.width}x{opened.height} pixels, the image {width}x{height}"
                )
            return encode(np.asarray(opened.convert("L")))
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
