"""Drawing Cityscapes' polygons to instance ids, as in its own PNG files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.datasets.cityscapes_labels import LABELS
from bench.errors import DataError
from bench.images.image import MAX_PIXELS
from bench.runtime.files import check_regular

_BY_NAME = {label.name: label for label in LABELS}


def draw_instances(path: Path) -> NDArray[np.int32]:
    """The instance ids of a ``*_gtFine_polygons.json``; a later object covers an earlier one.

    An instance is 1000 times its label's id and a running number; a group, and a label without
    instances, is its label's id alone.
    """
    try:
        check_regular(path)
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: polygons cannot be read ({error})") from error
    try:
        width, height = int(content["imgWidth"]), int(content["imgHeight"])
        if min(width, height) < 1 or width * height > MAX_PIXELS:
            raise DataError(f"{path}: invalid size {width}x{height}")
        image = Image.new("I", (width, height), 0)
        _draw(content["objects"], ImageDraw.Draw(image))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not Cityscapes' polygons ({error!r})") from error
    return np.asarray(image, np.int32)


def _draw(objects: list[dict[str, Any]], pen: ImageDraw.ImageDraw) -> None:
    instances: Counter[str] = Counter()
    for item in objects:
        if item.get("deleted"):
            continue
        name = item["label"]
        group = name not in _BY_NAME and name.endswith("group")
        label = _BY_NAME.get(name.removesuffix("group") if group else name)
        if label is None:
            raise DataError(f"unknown label {name!r}")
        value = label.id
        if label.has_instances and not group:
            value = 1000 * label.id + instances[label.name]
            instances[label.name] += 1
        if value >= 0:  # license plates are not drawn
            pen.polygon([(x, y) for x, y in item["polygon"]], fill=value)
