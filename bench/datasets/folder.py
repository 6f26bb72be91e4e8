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
    try:
        there = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    # A link that leads nowhere counts: it is an image that is missing, which is told on reading.
    # A pipe does not: reading it would wait for ever.
    files = [path for path in there if path.is_file() or (path.is_symlink() and not path.exists())]
    paths = sorted(path for path in files if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(f"{folder}: no images in it ({', '.join(sorted(SUFFIXES))})")
    others = len(there) - len(paths)
    remark = f"left out: {others} other files or folders in {folder}" if others else None
    entries = tuple(Entry(path.name, path) for path in paths)
    return Dataset("folder", folder.resolve().name, entries, remark, str(folder.resolve()))
