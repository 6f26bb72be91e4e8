"""A data set: pictures of discs and squares, which are drawn when it is opened first.

Yours reads files that are there: list them in 'open', and say in 'missing' how to get them.
docs/adding-a-data-set.md explains each member.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from bench.datasets import Dataset, DatasetSource, Entry
from bench.errors import DataError
from bench.runtime.cache import cache_folder

IMAGES = {"few": 4, "many": 24}


class DrawnShapes(DatasetSource):
    name = "drawn-shapes"  # the name of the entry point
    kind = "drawn-shapes"  # cards may have points, and weights, for this kind of data
    title = "discs and squares, 128x96"
    variants = (":few", ":many")  # what may follow the name, as in --data drawn-shapes:many

    def open(self, variant, *, root, limit, progress):
        """The images in a fixed order; 'root' is --root, and 'limit' --limit."""
        variant = variant or "few"
        if variant not in IMAGES:
            raise DataError(f"unknown drawn-shapes:{variant}; known: {', '.join(IMAGES)}")
        folder = root or cache_folder() / "drawn-shapes"
        count = IMAGES[variant] if limit is None else min(limit, IMAGES[variant])
        entries = []
        for number in range(count):
            path = Path(folder, f"{number:02}.png")
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw(number)).save(path)
            entries.append(Entry(path.stem, path))
        return Dataset(self.kind, f"drawn-shapes:{variant}", tuple(entries))

    def missing(self):
        """What this machine lacks to open it and how to get it, in a line; here nothing."""
        return

    def facts(self):
        """What 'bench show' prints."""
        return {"images": ", ".join(f":{name} {count}" for name, count in IMAGES.items())}


def draw(number):
    """A disc and a square on a slope."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:96, :128]
    pixels = np.stack([60 + x, 60 + y, 200 - y], axis=-1).astype(np.uint8)
    middle, radius = rng.integers(24, 72, 2), rng.integers(10, 22)
    pixels[np.hypot(y - middle[0], x - middle[1]) < radius] = rng.integers(0, 256, 3)
    top, left = rng.integers(8, 60, 2)
    pixels[top : top + 24, left + 40 : left + 64] = rng.integers(0, 256, 3)
    return pixels
