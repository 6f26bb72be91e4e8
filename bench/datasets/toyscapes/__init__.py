"""Toyscapes: rendered street scenes in Cityscapes' layout, the same pixels on every machine."""

from bench.datasets.toyscapes.editions import FIRST, SECOND, Edition
from bench.datasets.toyscapes.files import SIZES, paths, scene_name, write_split
from bench.datasets.toyscapes.reference import digest, labels_digest
from bench.datasets.toyscapes.scene import Scene, render

__all__ = [
    "FIRST",
    "SECOND",
    "SIZES",
    "Edition",
    "Scene",
    "digest",
    "labels_digest",
    "paths",
    "render",
    "scene_name",
    "write_split",
]
