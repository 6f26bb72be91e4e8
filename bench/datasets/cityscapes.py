"""Cityscapes as its own download lays it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.datasets.cityscapes_labels import CLASSES, SEMANTIC
from bench.datasets.cityscapes_truth import CityscapesInstances, CityscapesSemantic
from bench.datasets.dataset import Dataset, DatasetSource, Entry, Progress
from bench.errors import BenchError, DataError
from bench.images.depth import DISPARITY
from bench.instances.predictions import Labels
from bench.runtime.finding import DATA, Finding, absent
from bench.runtime.settings import user_path

VARIABLE = "CITYSCAPES_DATASET"
IMAGES = {"train": 2975, "val": 500, "test": 1525}
# Of all data sets in Cityscapes' layout.
OF_LABELS: Mapping[Labels, tuple[str, ...]] = {"instances": CLASSES, "semantic": SEMANTIC}
MEASURES = ("cityscapes-ap", "box-ap", "miou")


class Cityscapes(DatasetSource):
    """The user's own download."""

    name = kind = "cityscapes"
    title = "street scenes, 2048x1024"
    variants = (":val", ":test", ":train")

    def open(
        self, variant: str, *, root: Path | None, limit: int | None, progress: Progress | None
    ) -> Dataset:
        return _open(root, variant or "val")

    def missing(self) -> str | None:
        try:
            _open(None, "val")
        except BenchError as error:
            return str(error)
        return None

    def remark(self) -> str | None:
        return _open(None, "val").remark

    def facts(self) -> Mapping[str, str]:
        root = None if self.missing() else _checked_root(None, "val")
        of_splits = {
            f":{split}": _count_images(root, split) if root else f"{count} images"
            for split, count in IMAGES.items()
        }
        labels = "instances; those of test are not published"
        return {"labels": labels, "folder": str(root or "")} | of_splits

    def findings(self) -> Iterable[Finding]:
        if missing := self.missing():
            return [Finding("Cityscapes", absent(VARIABLE), "not found", missing, DATA)]
        root = _checked_root(None, "val")
        counts = "; ".join(f"{split} {_count_images(root, split)}" for split in ("train", "val"))
        return [Finding("Cityscapes", True, f"{root}, {counts}", self.remark(), DATA)]


def _open(root: Path | None, split: str) -> Dataset:
    """A split under the root; a remark says whether images are missing."""
    root = _checked_root(root, split)
    folder = root / "leftImg8bit" / split
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; unpack leftImg8bit_trainvaltest.zip in {root}")
    entries = read_split(root, split)
    if not entries:
        raise DataError(f"{folder}: no CITY/*_leftImg8bit.png in it; unpack the archive again")
    unlabelled = sum(entry.instances is None for entry in entries)
    remarks = []
    if len(entries) != IMAGES[split]:
        remarks.append(f"{len(entries)} of the {IMAGES[split]} images of {split} are in {folder}")
    if unlabelled:
        remarks.append(f"{unlabelled} images have no gtFine instanceIds")
    remark = "; ".join(remarks) or None
    return Dataset(
        "cityscapes", f"cityscapes:{split}", entries, remark, classes=OF_LABELS, measures=MEASURES
    )


def find_ground_truth(root: Path | None, split: str) -> dict[str, Path]:
    """The instance ids of each image of a split by its name, or the polygons where only they are.

    The images themselves, 11 GB of them, need not be there.
    """
    folder = _checked_root(root, split) / "gtFine" / split
    found: dict[str, Path] = {}
    for ending in ("_gtFine_polygons.json", "_gtFine_instanceIds.png"):
        found |= {path.name.removesuffix(ending): path for path in folder.glob(f"*/*{ending}")}
    if not found:
        raise DataError(
            f"{folder}: no CITY/*_gtFine_instanceIds.png in it; unpack gtFine_trainvaltest.zip"
        )
    return dict(sorted(found.items()))


def _checked_root(root: Path | None, split: str) -> Path:
    if split not in IMAGES:
        raise DataError(f"cityscapes:{split}: its splits are {', '.join(IMAGES)}")
    root = root or user_path(VARIABLE)
    if root is None:
        raise DataError(
            f"where is Cityscapes? Name its folder with --root or in {VARIABLE}; "
            "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip unpacked into one folder"
        )
    return root


def read_split(root: Path, split: str) -> tuple[Entry, ...]:
    """The images of a split in Cityscapes' layout, by name, with the labels found beside them."""
    entries = []
    for path in sorted((root / "leftImg8bit" / split).glob("*/*_leftImg8bit.png")):
        name, city = path.name.removesuffix("_leftImg8bit.png"), path.parent.name
        instances = _existing(root / "gtFine" / split / city / f"{name}_gtFine_instanceIds.png")
        semantic = _existing(root / "gtFine" / split / city / f"{name}_gtFine_labelIds.png")
        depth = _existing(root / "depth" / split / city / f"{name}_depth.png")
        depth = depth or _existing(root / "disparity" / split / city / f"{name}{DISPARITY}")
        entries.append(entry(name, path, instances, depth, semantic))
    return tuple(sorted(entries, key=lambda entry: entry.name))


def entry(
    name: str, path: Path, instances: Path | None, depth: Path | None, semantic: Path | None
) -> Entry:
    """An image with labels in Cityscapes' files."""
    return Entry(
        name,
        path,
        CityscapesInstances(instances) if instances else None,
        depth,
        CityscapesSemantic(semantic) if semantic else None,
    )


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _count_images(root: Path, split: str) -> str:
    """How many images of a split are there, and how many of them have labels."""
    entries = read_split(root, split)
    labelled = sum(entry.instances is not None for entry in entries)
    return f"{len(entries)} of {IMAGES[split]} images, {labelled} labelled"
