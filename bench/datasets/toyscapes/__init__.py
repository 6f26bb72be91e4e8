"""Toyscapes: rendered street scenes in Cityscapes' layout, the same pixels on every machine."""

from bench.datasets.toyscapes.files import SIZES, paths, scene_name, write_split
from bench.datasets.toyscapes.reference import PIXELS_DIGEST, VERSION, digest
from bench.datasets.toyscapes.scene import Scene, render

__all__ = [
    "PIXELS_DIGEST",
    "SIZES",
    "VERSION",
    "Scene",
    "digest",
    "paths",
    "render",
    "scene_name",
    "write_split",
]
