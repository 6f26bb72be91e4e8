"""Data sets by name: bench's own and those of other packages, or any folder of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.datasets.dataset import Dataset, DatasetSource, Progress
from bench.datasets.folder import Folder
from bench.errors import DataError
from bench.runtime.registry import Registry

DATASETS: Registry[type[DatasetSource]] = Registry(
    "data set",
    {
        "toyscapes": "bench.datasets.on_demand:Toyscapes",
        "toyscapes-2": "bench.datasets.on_demand:Toyscapes2",
        "cityscapes": "bench.datasets.cityscapes:Cityscapes",
        "coco": "bench.datasets.coco:Coco",
        "imagenet": "bench.datasets.imagenet:ImageNet",
    },
    "bench.datasets",
    "a subclass of bench.datasets.DatasetSource with that name",
    lambda name, source: (
        isinstance(source, type) and issubclass(source, DatasetSource) and source.name == name
    ),
)


Data = str | Dataset | DatasetSource | type[DatasetSource]
"""A data set by its name or folder, or as an object."""


def dataset_source(data: str) -> DatasetSource:
    """The source of what ``--data`` names: a registered data set, or a folder."""
    name = data.partition(":")[0]
    return DATASETS[name]() if name in DATASETS else Folder(Path(data))


def dataset_kind(data: Data) -> str:
    """The kind of what ``--data`` names, which decides its weights and operating points."""
    return dataset_source(data).kind if isinstance(data, str) else data.kind


def open_dataset(
    data: Data = "toyscapes",
    *,
    root: Path | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """``toyscapes`` (``toyscapes:dev``, ``toyscapes:val@2`` …), ``cityscapes`` or a folder."""
    if not isinstance(data, str):
        return _usable(_open_object(data, root, limit, progress), limit, progress)
    name, _, variant = data.partition(":")
    if name not in DATASETS and not Path(data).exists():
        raise DataError(f"no folder {data}, and {DATASETS.unknown(name)}")
    with DATASETS.called(name):
        dataset = dataset_source(data).open(variant, root=root, limit=limit, progress=progress)
        return _usable(dataset, limit, progress)


def _open_object(
    data: Dataset | DatasetSource | type[DatasetSource],
    root: Path | None,
    limit: int | None,
    progress: Progress | None,
) -> Dataset:
    if isinstance(data, Dataset):
        if root is not None:
            raise DataError("--root goes with the name of a data set, not with an open one")
        return data
    source = data() if isinstance(data, type) else data
    return source.open("", root=root, limit=limit, progress=progress)


def _usable(dataset: Dataset, limit: int | None, progress: Progress | None) -> Dataset:
    for path in (entry.path for entry in dataset.entries):
        if not str(path).isprintable():
            raise DataError(f"{str(path)!a}: unprintable characters in its name; rename it")
    return replace(dataset.limited(limit), progress=progress)
