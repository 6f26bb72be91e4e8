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
_MAX_VISITED = 20_000  # files and folders, to tell of images in subfolders that are left out


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

    def address(self, variant: str) -> str:
        return str(self._folder.resolve())

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
    """Every image directly in the folder, or else in those below, in the order of their names."""
    if not folder.is_dir():
        raise DataError(f"{folder}: --data takes a folder of images, not one file")
    try:
        there = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    # A broken link counts: it is a missing image, which is an error on reading. A pipe does not:
    # reading it would wait forever.
    files = [path for path in there if path.is_file() or (path.is_symlink() and not path.exists())]
    paths = sorted(path for path in files if is_image(path))
    remark = _left_out(folder, len(there) - len(paths)) if paths else None
    if not paths:
        below = _images_below(folder, most=None)
        paths = sorted(place / name for place, names in below.items() for name in names)
    if not paths:
        raise DataError(f"{folder}: no images in it ({', '.join(sorted(SUFFIXES))})")
    entries = tuple(Entry(path.relative_to(folder).as_posix(), path) for path in paths)
    return Dataset("folder", folder.resolve().name, entries, remark, str(folder.resolve()))


def _left_out(folder: Path, others: int) -> str | None:
    """What of the folder is not used, and which subfolder to name for the images in one."""
    if deeper := _images_below(folder):
        return f"left out: images in subfolders, {_count_text(deeper)} for those"
    return f"left out: {others} other files or folders in {folder}" if others else None


def _count_text(found: dict[Path, list[str]]) -> str:
    most = sorted(found, key=lambda place: -len(found[place]))
    listed = ", ".join(f"{len(found[place])} in {place}" for place in most[:_FEW])
    listed += ", …" if len(most) > _FEW else ""
    return f"{listed}; use --data {shlex.quote(str(most[0]))}"


def _images_below(folder: Path, most: int | None = _MAX_VISITED) -> dict[Path, list[str]]:
    """The images in each folder in it, without hidden ones and those of bench's results.

    Of the files and folders there, about ``most`` are looked at.
    """
    found: dict[Path, list[str]] = {}
    looked_at = 0
    for place, subfolders, names in os.walk(folder):
        if _STORE in names and Path(place) != folder:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if images := sorted(name for name in names if is_image(Path(name))):
            found[Path(place)] = images
        looked_at += 1 + len(names)
        if most is not None and looked_at > most:
            break
    found.pop(folder, None)
    return found


def is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
