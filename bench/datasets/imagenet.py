"""Data sets for classification: a folder of images for each class, as ImageNet's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.datasets.dataset import Dataset, DatasetSource, Entry, Progress
from bench.datasets.folder import is_image
from bench.errors import DataError
from bench.instances.predictions import ImageClass

_NAMES = ("classes.txt", "LOC_synset_mapping.txt")  # FOLDER NAME, a line for each class


class ImageNet(DatasetSource):
    """A folder with a subfolder for each class."""

    name = kind = "imagenet"
    title = "images with a class each, a folder per class"
    variants = (":FOLDER",)
    by_folder = True

    def open(
        self, variant: str, *, root: Path | None, limit: int | None, progress: Progress | None
    ) -> Dataset:
        if root is not None:
            raise DataError("--root does not go with imagenet:FOLDER, which names its folder")
        folder = _folder(variant)
        images = {
            place.name: sorted(path for path in place.iterdir() if is_image(path))
            for place in sorted(folder.iterdir())
            if place.is_dir() and not place.name.startswith(".")
        }
        images = {name: paths for name, paths in images.items() if paths}
        if not images:
            raise DataError(f"{folder}: expected a folder of images for each class in it")
        known = _class_names(folder)
        names = tuple(known.get(name, name) for name in images)
        if len(set(names)) < len(names):
            raise DataError(f"{folder}: two classes have one name; see {' or '.join(_NAMES)}")
        entries = tuple(
            Entry(f"{name}/{path.name}", path, image_class=ImageClass(place, names))
            for place, (name, paths) in enumerate(images.items())
            for path in paths
        )
        return Dataset(
            self.kind,
            f"imagenet:{folder.resolve().name}",
            _taken_in_turn(entries),
            folder=self.address(variant),
            classes={"class": names},
            measures=("accuracy",),
        )

    def address(self, variant: str) -> str:
        return f"imagenet:{_folder(variant).resolve()}"

    def facts(self) -> Mapping[str, str]:
        return {
            "labels": "the class of each image",
            "classes": f"the folders' names, or those in {' or '.join(_NAMES)}",
            "use": "--data imagenet:FOLDER",
        }


def _folder(variant: str) -> Path:
    folder = Path(variant).expanduser()
    if not variant or not folder.is_dir():
        raise DataError(f"imagenet:{variant}: no such folder; expected imagenet:FOLDER")
    return folder


def _class_names(folder: Path) -> dict[str, str]:
    """What a file in the folder, or in one of the two above, calls the classes."""
    folder = folder.resolve()
    for place in (folder, *folder.parents[:2]):
        for file in (place / name for name in _NAMES):
            if file.is_file():
                try:
                    lines = file.read_text("utf-8").splitlines()
                except (OSError, UnicodeDecodeError) as error:
                    raise DataError(f"{file}: cannot be read: {error}") from error
                pairs = (line.strip().partition(" ") for line in lines if line.strip())
                return {key: name.partition(",")[0].strip() or key for key, _, name in pairs}
    return {}


def _taken_in_turn(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """One of each class, then a second of each, so that the first few are of many classes."""
    counts: dict[str, int] = {}
    turn = {}
    for entry in entries:
        of = entry.path.parent.name
        turn[entry.name] = counts[of] = counts.get(of, -1) + 1
    return tuple(sorted(entries, key=lambda entry: turn[entry.name]))
