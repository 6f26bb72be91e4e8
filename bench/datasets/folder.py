"""Any folder of images, without labels."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.dataset import Dataset, Entry
from bench.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".webp"}


def open_folder(folder: Path) -> Dataset:
    """Every image directly in the folder, in the order of their names."""
    if not folder.exists():
        raise DataError(
            f"{folder}: no such dataset or folder; --data takes toyscapes, cityscapes or a folder"
        )
    if not folder.is_dir():
        raise DataError(f"{folder}: --data takes a folder of images, not one file")
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not paths:
        raise DataError(f"{folder}: no images in it ({', '.join(sorted(SUFFIXES))})")
    return Dataset("folder", folder.resolve().name, tuple(Entry(path.name, path) for path in paths))
