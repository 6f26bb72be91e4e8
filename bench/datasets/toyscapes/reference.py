"""Digests of the first scenes of each split: whether this machine renders the published ones."""

from __future__ import annotations

import hashlib

from bench.datasets.toyscapes.editions import FIRST, Edition
from bench.datasets.toyscapes.scene import render, stored_depth

CHECKED = 4  # scenes of each split that a digest covers, so that checking takes a second


def digest(split: str, count: int = CHECKED, edition: Edition = FIRST) -> str:
    """SHA-256 over colours and instance ids of a split's first scenes, at 512×256."""
    total = hashlib.sha256()
    for index in range(count):
        scene = render(split, index, 1, edition)
        total.update(scene.pixels.tobytes())
        total.update(scene.instance_ids.astype("<i4").tobytes())
    return total.hexdigest()


def labels_digest(split: str, edition: Edition = FIRST) -> str:
    """SHA-256 over classes, instance ids and depth of the same scenes, as they are stored."""
    total = hashlib.sha256()
    for index in range(CHECKED):
        scene = render(split, index, 1, edition)
        total.update(scene.label_ids.tobytes())
        total.update(scene.instance_ids.astype("<u2").tobytes())
        total.update(stored_depth(scene).astype("<u2").tobytes())
    return total.hexdigest()
