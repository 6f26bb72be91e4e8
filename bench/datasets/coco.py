"""Data sets in COCO's layout: images, and one JSON file with all labels."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.datasets.coco_masks import mask_of
from bench.datasets.dataset import Dataset, DatasetSource, Entry, Progress
from bench.errors import DataError
from bench.images.image import MAX_PIXELS
from bench.instances.objects import Objects
from bench.runtime.files import check_regular

# What values of other types than expected raise.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_USE = "expected coco:FOLDER or coco:FOLDER:FILE.json"


class Coco(DatasetSource):
    """A folder with images and annotations."""

    name = kind = "coco"
    title = "images with labels in COCO's JSON"
    variants = (":FOLDER", ":FOLDER:FILE.json")
    by_folder = True

    def open(
        self, variant: str, *, root: Path | None, limit: int | None, progress: Progress | None
    ) -> Dataset:
        if root is not None:
            raise DataError("--root does not go with coco:FOLDER, which names the folder itself")
        folder, file = _split(variant)
        content = read_annotations(file)
        entries, absent = _entries(folder, file, content)
        of = f"{len(content.images)} images of {file.name}"
        if not entries:
            raise DataError(f"{folder}: none of the {of} is in it")
        remark = f"{absent} of the {of} are not in {folder}" if absent else None
        return Dataset(
            self.kind,
            f"coco:{folder.resolve().name}:{file.stem}",
            entries,
            remark,
            self.address(variant),
            classes={"instances": content.names},
            measures=("coco-masks", "coco-boxes") if content.has_masks else ("coco-boxes",),
        )

    def address(self, variant: str) -> str:
        folder, file = _split(variant)
        return f"coco:{folder.resolve()}:{file.resolve().relative_to(folder.resolve())}"

    def facts(self) -> Mapping[str, str]:
        return {
            "labels": "boxes, and masks where the file has them; crowds count as in COCO",
            "file": "the only one in FOLDER or FOLDER/annotations, unless it is named",
            "images": "by their names in the file, in FOLDER or anywhere below",
            "use": "--data coco:FOLDER",
        }


def _split(variant: str) -> tuple[Path, Path]:
    """The folder and the file of annotations."""
    where, colon, name = variant.rpartition(":")
    if not (colon and name.endswith(".json")):
        where, name = variant, ""
    folder = Path(where).expanduser()
    if not where:
        raise DataError(f"coco: which folder? {_USE}")
    if not folder.is_dir():
        raise DataError(f"coco:{variant}: no folder {folder}; {_USE}")
    places = (folder, folder / "annotations")
    if name:
        for place in places:
            if (place / name).is_file():
                return folder, place / name
        raise DataError(f"coco:{variant}: no {name} in {folder} or its annotations")
    found = [file for place in places for file in sorted(place.glob("*.json"))]
    if len(found) != 1:
        there = ", ".join(file.name for file in found[:5])
        which = f"several, {there}; name one: coco:{where}:{found[0].name}" if found else "none"
        raise DataError(f"coco:{variant}: expected one JSON file in {folder}, there is {which}")
    return folder, found[0]


@dataclass(frozen=True, eq=False)
class Annotations:
    """The content of a file of annotations."""

    names: tuple[str, ...]  # of the classes, in the order of their ids
    places: Mapping[int, int]  # of the classes, by id
    images: Mapping[int, Mapping[str, Any]]
    of_image: Mapping[int, tuple[Mapping[str, Any], ...]]

    @property
    def has_masks(self) -> bool:
        """Whether every object has one."""
        return all(one.get("segmentation") for each in self.of_image.values() for one in each)


def read_annotations(path: Path) -> Annotations:
    """Read a file once, until it changes."""
    try:
        check_regular(path)
        state = path.stat()
        return _read(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


@lru_cache(maxsize=2)
def _read(path: Path, size: int, time: int) -> Annotations:
    try:
        content = json.loads(path.read_bytes())
        categories = sorted((int(each["id"]), str(each["name"])) for each in content["categories"])
        images = {int(each["id"]): each for each in content["images"]}
        of_image: dict[int, list[Mapping[str, Any]]] = {image: [] for image in images}
        for one in content["annotations"]:
            of_image[int(one["image_id"])].append(one)
    except (*_DAMAGE, RecursionError) as error:
        raise DataError(f"{path}: not COCO's annotations of objects ({error!r})") from error
    names = tuple(name for _, name in categories)
    if len({key for key, _ in categories}) < len(names) or len(set(names)) < len(names):
        raise DataError(f"{path}: two categories have one id or one name")
    if not images or not names:
        raise DataError(f"{path}: has no images or no categories")
    places = {key: place for place, (key, _) in enumerate(categories)}
    return Annotations(names, places, images, {key: tuple(each) for key, each in of_image.items()})


def _entries(folder: Path, file: Path, content: Annotations) -> tuple[tuple[Entry, ...], int]:
    """The images that are there, by name, and how many are not."""
    below: dict[str, Path] | None = None
    entries = []
    for key, image in content.images.items():
        name = _name(image, file)
        path = folder / name
        if not path.is_file():
            below = _files_below(folder) if below is None else below
            path = below.get(Path(name).name, path)
        if path.is_file():
            entries.append(Entry(name, path, CocoInstances(file, key)))
    if len({entry.name for entry in entries}) < len(entries):
        raise DataError(f"{file}: two images have the same name")
    return tuple(sorted(entries, key=lambda entry: entry.name)), len(content.images) - len(entries)


def _name(image: Mapping[str, Any], file: Path) -> str:
    name = image.get("file_name")
    inside = isinstance(name, str) and name and not Path(name).is_absolute()
    if not inside or ".." in Path(str(name)).parts:
        raise DataError(f"{file}: image {image.get('id')}: invalid file_name {name!r}")
    return str(name)


def _files_below(folder: Path) -> dict[str, Path]:
    """The files at any depth by name; of several, the first."""
    found: dict[str, Path] = {}
    for place, subfolders, names in os.walk(folder):
        subfolders.sort()
        for name in names:
            found.setdefault(name, Path(place) / name)
    return found


@dataclass(frozen=True)
class CocoInstances:
    """The objects in one image of a file of annotations."""

    path: Path
    image: int
    kind: ClassVar = "coco"

    @property
    def digest(self) -> str:
        """A digest of the annotations, for which no mask has to be drawn."""
        content = read_annotations(self.path)
        image = content.images[self.image]
        facts = image.get("height"), image.get("width"), content.names, self._annotations(content)
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def read(self) -> Objects:
        content = read_annotations(self.path)
        try:
            return self._objects(content)
        except (DataError, *_DAMAGE) as error:
            name = content.images[self.image].get("file_name")
            why = error if isinstance(error, DataError) else repr(error)
            raise DataError(f"{self.path}: labels of {name}: {why}") from error

    def _annotations(self, content: Annotations) -> tuple[Mapping[str, Any], ...]:
        if self.image not in content.of_image:
            raise DataError(f"{self.path}: has no image {self.image} any more")
        return content.of_image[self.image]

    def _objects(self, content: Annotations) -> Objects:
        annotations, image = self._annotations(content), content.images[self.image]
        height, width = int(image["height"]), int(image["width"])
        if min(height, width) < 1 or height * width > MAX_PIXELS:
            raise DataError(f"invalid size {width}x{height}")
        boxes = np.array([one["bbox"] for one in annotations], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        areas = np.array([one["area"] for one in annotations], np.float64)
        if not (np.isfinite(boxes).all() and np.isfinite(areas).all()):
            raise DataError("a box or an area that is not a number")
        masks = None
        if all(one.get("segmentation") for one in annotations):
            masks = tuple(mask_of(one["segmentation"], height, width) for one in annotations)
        classes = [content.places[one["category_id"]] for one in annotations]
        crowd = np.array([bool(one.get("iscrowd")) for one in annotations], np.bool_)
        return Objects(
            height,
            width,
            np.array(classes, np.int64),
            crowd,
            areas,
            boxes,
            masks,
            known_digest=self.digest,
        )
