"""Toyscapes as a dataset: rendered on first use, into the user's cache or under a named root."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bench.datasets.cityscapes import MEASURES, OF_LABELS, entry
from bench.datasets.dataset import Dataset, DatasetSource, Entry, Progress
from bench.datasets.toyscapes import (
    FIRST,
    SECOND,
    SIZES,
    Edition,
    digest,
    paths,
    scene_name,
    write_split,
)
from bench.errors import DataError
from bench.runtime.cache import cache_folder
from bench.runtime.cores import available_cores

SCALES = (1, 2, 3, 4)


class Toyscapes(DatasetSource):
    """A split, ``val`` or ``val@2`` at twice its size; only what ``limit`` asks for is rendered."""

    name = kind = "toyscapes"
    title = "rendered street scenes, 512x256"
    edition = FIRST
    version = FIRST.version
    variants = (":val", ":train", ":dev", *(f"@{scale}" for scale in SCALES if scale > 1))

    def open(
        self, variant: str, *, root: Path | None, limit: int | None, progress: Progress | None
    ) -> Dataset:
        split, scale = self._parse(variant or "val")
        name = f"{self.name}:{split}" if scale == 1 else f"{self.name}:{split}@{scale}"
        if root is None:
            pixels, size = self.edition.pixels[split][:12], f"{512 * scale}x{256 * scale}"
            root = cache_folder() / "toyscapes" / pixels / size
        try:
            write_split(
                root,
                split,
                SIZES[split] if limit is None else min(limit, SIZES[split]),
                scale=scale,
                edition=self.edition,
                jobs=available_cores(),
                progress=progress and partial(progress, f"rendering {name}"),
            )
            remark = _difference(root, split, self.edition)
        except OSError as error:
            why = error.strerror or error
            raise DataError(f"{root}: cannot render {name} there: {why}") from error
        return Dataset(
            self.kind,
            name,
            _entries(root, split),
            remark,
            version=self.version,
            classes=OF_LABELS,
            measures=MEASURES,
        )

    def _parse(self, variant: str) -> tuple[str, int]:
        split, _, scale = variant.partition("@")
        if split not in SIZES or (scale or "1") not in map(str, SCALES):
            raise DataError(
                f"{self.name}:{variant}: its splits are {', '.join(SIZES)}; @2, @3 or @4 after "
                "one multiplies the size, 512x256"
            )
        return split, int(scale or 1)

    def facts(self) -> Mapping[str, str]:
        splits = ", ".join(f":{split} {count}" for split, count in SIZES.items())
        return {
            "images": f"{splits}; {self.name} is {self.name}:val",
            "size": f"512x256; {', '.join(self.variants[-3:])} after the split multiply it",
            "labels": "instances and pixels of Cityscapes' classes; depth",
            "version": self.edition.version,
            "made": f"rendered at first use, in {cache_folder() / 'toyscapes'} or --root",
        }


class Toyscapes2(Toyscapes):
    """Seen through a longer lens, so that objects are as large as in Cityscapes, in pixels."""

    name = kind = "toyscapes-2"
    title = "rendered street scenes, 512x256, with objects of Cityscapes' size"
    edition = SECOND
    version = SECOND.version


def _entries(root: Path, split: str) -> tuple[Entry, ...]:
    """All scenes of a split, rendered already or not."""
    files = (paths(root, split, index) for index in range(SIZES[split]))
    return tuple(
        entry(
            scene_name(split, index),
            each["pixels"],
            each["instances"],
            each["depth"],
            each["labels"],
        )
        for index, each in enumerate(files)
    )


def _difference(root: Path, split: str, edition: Edition) -> str | None:
    """Whether this machine renders the pixels that published figures were measured on."""
    note = root / f"{split}-pixels"  # of the first scenes, found once, for it takes a second
    if not note.is_file():
        note.write_text(digest(split, edition=edition))
    if note.read_text() == edition.pixels[split]:
        return None
    return (
        "this machine renders other pixels than the published ones: figures are close to the "
        "published figures, not equal to them"
    )
