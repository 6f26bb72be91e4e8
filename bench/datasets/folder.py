"""Any folder of images, without labels."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from bench.datasets.dataset import Dataset, DatasetSource, Entry, Progress
from bench.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".webp"}
_FEW = 3
_STORE = "store.sqlite"  # what a results folder has
_MAX_VISITED = 20_000  # files and folders, on the way to images in subfolders


class Folder(DatasetSource):
    """Images known by their folder's name."""

    name, kind, title = "FOLDER", "folder", "any images, without labels"

    def __init__(self, folder: Path) -> None:
        self._folder, self.name = folder, folder.resolve().name

    def open(
        self, variant: str, *, root: Path | None, limit: int | None, progress: Progress | None
    ) -> Dataset:
        if root is not None:
            raise DataError("--root goes with the name of a data set, not with a folder")
        return _open(self._folder)

    def remark(self) -> str | None:
        return _open(self._folder).remark

    def facts(self) -> Mapping[str, str]:
        entries = _open(self._folder).entries
        return {
            "images": f"{len(entries)}, the first is {entries[0].name}",
            "labels": "none; --truth pseudo takes what a task network finds in the originals",
            "use": f"--data {self._folder}",
        }


def _open(folder: Path) -> Dataset:
    """Every image directly in the folder, in the order of their names."""
    if not folder.is_dir():
        raise DataError(f"{folder}: --data takes a folder of images, not one file")
    try:
        there = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    # A broken link counts: it is a missing image, which is an error on reading. A pipe does not:
    # reading it would wait forever.
    files = [path for path in there if path.is_file() or (path.is_symlink() and not path.exists())]
    paths = sorted(path for path in files if _is_image(path))
    if not paths:
        raise DataError(f"{folder}: {_no_images(folder)}")
    remark = _left_out(folder, len(there) - len(paths))
    entries = tuple(Entry(path.name, path) for path in paths)
    return Dataset("folder", folder.resolve().name, entries, remark, str(folder.resolve()))


def _left_out(folder: Path, others: int) -> str | None:
    """What of the folder is not used, and which subfolder to name for the images in one."""
    if deeper := _images_below(folder):
        return f"left out: images in subfolders, {_count_text(deeper)} for those"
    return f"left out: {others} other files or folders in {folder}" if others else None


def _no_images(folder: Path) -> str:
    """That there are none, and the subfolder to name if they are deeper."""
    if found := _images_below(folder):
        return f"no images directly in it, but {_count_text(found)}"
    return f"no images in it ({', '.join(sorted(SUFFIXES))})"


def _count_text(found: dict[Path, int]) -> str:
    most = sorted(found, key=lambda place: -found[place])
    listed = ", ".join(f"{found[place]} in {place}" for place in most[:_FEW])
    listed += ", …" if len(most) > _FEW else ""
    return f"{listed}; use --data {shlex.quote(str(most[0]))}"


def _images_below(folder: Path) -> dict[Path, int]:
    """How many images each folder in it has, without hidden ones and those of bench's results."""
    found: dict[Path, int] = {}
    looked_at = 0
    for place, subfolders, names in os.walk(folder):
        if _STORE in names and Path(place) != folder:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if images := sum(_is_image(Path(name)) for name in names):
            found[Path(place)] = images
        looked_at += 1 + len(names)
        if looked_at > _MAX_VISITED:
            break
    found.pop(folder, None)
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
