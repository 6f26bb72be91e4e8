"""Toyscapes on disk, in Cityscapes' layout."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from bench.datasets.toyscapes.scene import Scene, render

SIZES = {"train": 2000, "dev": 100, "val": 200}
CITY = "toyville"


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
    scale: int = 1,
    jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Renders what is missing; `progress` is told how many are there, and of how many."""
    total = SIZES[split]
    missing = [k for k in range(total) if not _complete(root, split, k)]
    done = total - len(missing)
    if progress:
        progress(done, total)
    if jobs < 2 or len(missing) < 2:
        for index in missing:
            write_scene(root, split, index, scale)
            done += 1
            if progress:
                progress(done, total)
        return
    # Spawned, for the caller may hold threads; and a worker is not to see Ctrl-C, but to be told.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_deafen)
    try:
        futures = [pool.submit(write_scene, root, split, index, scale) for index in missing]
        for future in as_completed(futures):
            future.result()
            done += 1
            if progress:
                progress(done, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def write_scene(root: Path, split: str, index: int, scale: int = 1) -> None:
    """The picture comes last: where it is, the rest is."""
    scene = render(split, index, scale)
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


def stored_depth(scene: Scene) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """Hundredths of a metre; 0 where there is nothing but sky, and beyond 655 m."""
    known = scene.depth < 655.35
    metres = np.where(known, scene.depth, np.float32(0))
    return np.rint(metres * np.float32(100)).astype(np.uint16)


def _complete(root: Path, split: str, index: int) -> bool:
    return all(path.is_file() for path in paths(root, split, index).values())


def _write(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    held = io.BytesIO()
    image.save(held, format="PNG", compress_level=2)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(held.getvalue())
    os.replace(temporary, path)


def _deafen() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
