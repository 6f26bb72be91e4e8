"""Toyscapes on disk, in Cityscapes' layout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from bench.datasets.toyscapes.editions import FIRST, Edition
from bench.datasets.toyscapes.scene import Scene, render, stored_depth
from bench.errors import DataError
from bench.runtime.files import replacing

SIZES = {"train": 2000, "dev": 100, "val": 200}
CITY = "toyville"
_WORKER = "bench.datasets.toyscapes.worker"
PROBLEM = "problem: "  # how a worker's last line starts if it could not go on


def scene_name(split: str, index: int) -> str:
    """City, sequence and frame; sequences of different splits differ."""
    first = {"train": 0, "dev": 500000, "val": 700000}[split]
    return f"{CITY}_{first + index:06d}_000019"


def paths(root: Path, split: str, index: int) -> dict[str, Path]:
    """The four files of a scene, by what they hold."""
    name = scene_name(split, index)
    return {
        "pixels": root / "leftImg8bit" / split / CITY / f"{name}_leftImg8bit.png",
        "instances": root / "gtFine" / split / CITY / f"{name}_gtFine_instanceIds.png",
        "labels": root / "gtFine" / split / CITY / f"{name}_gtFine_labelIds.png",
        "depth": root / "depth" / split / CITY / f"{name}_depth.png",
    }


def write_split(
    root: Path,
    split: str,
    total: int | None = None,
    *,
    scale: int = 1,
    edition: Edition = FIRST,
    jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Renders what is missing of the first `total`; `progress` is told how many are there."""
    total = SIZES[split] if total is None else total
    missing = [k for k in range(total) if not _complete(root, split, k)]
    if progress and missing:
        progress(total - len(missing), total)
    for done, _ in enumerate(_written(root, split, missing, scale, edition, jobs), start=1):
        if progress:
            progress(total - len(missing) + done, total)


def _written(
    root: Path, split: str, indices: list[int], scale: int, edition: Edition, jobs: int
) -> Iterator[str]:
    """Each scene as it is there, rendered by processes that all report through one pipe.

    Not multiprocessing's: those would import the caller's own script again.
    """
    reports, report = os.pipe()
    command = [sys.executable, "-m", _WORKER, str(root), edition.version, split, str(scale)]
    workers = [
        # Ctrl-C is for us alone: we tell them.
        subprocess.Popen([*command, *map(str, share)], stdout=report, start_new_session=True)
        for share in (indices[first::jobs] for first in range(jobs))
        if share
    ]
    os.close(report)
    try:
        with open(reports, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(PROBLEM):
                    raise DataError(line.removeprefix(PROBLEM).strip())
                yield line
        if failed := [worker.returncode for worker in workers if worker.wait()]:
            raise DataError(f"{root}: rendering ended with status {failed[0]}; run it again")
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def write_scene(root: Path, edition: Edition, split: str, index: int, scale: int = 1) -> None:
    """The picture comes last: where it is, the rest is."""
    scene = render(split, index, scale, edition)
    files = paths(root, split, index)
    for kind in ("depth", "labels", "instances", "pixels"):
        _write(files[kind], _plane(scene, kind))


def _plane(scene: Scene, kind: str) -> Image.Image:
    if kind == "pixels":
        return Image.fromarray(scene.pixels)
    if kind == "labels":
        return Image.fromarray(scene.label_ids)
    if kind == "instances":
        return Image.fromarray(scene.instance_ids.astype(np.uint16))
    return Image.fromarray(stored_depth(scene))


def _complete(root: Path, split: str, index: int) -> bool:
    return all(path.is_file() for path in paths(root, split, index).values())


def _write(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        image.save(temporary, format="PNG", compress_level=2)
