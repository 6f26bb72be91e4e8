"""Small pictures made of numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from bench.images.colour import Pixels

Pictures = Callable[..., Path]  # the fixture ``pictures``


def picture(seed: int, width: int, height: int) -> Pixels:
    """Slopes, an edge and some noise: every codec has something to do."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    shade = 120 + 60 * np.sin(x / (5 + seed % 7)) + 40 * np.cos(y / (4 + seed % 5))
    shade[y > height // 2] += 30
    colours = np.stack([shade, shade[:, ::-1], 240 - shade], axis=-1)
    return (colours + rng.normal(0, 8, colours.shape)).clip(0, 255).astype(np.uint8)


def write_depth(folder: Path, width: int, height: int) -> Path:
    """A depth map, in hundredths of a metre: what is below is near."""
    y, _ = np.mgrid[:height, :width]
    path = folder / f"{width}x{height}_depth.png"
    Image.fromarray((1 + 90 * (height - y)).astype(np.uint16)).save(path)
    return path


def write_instances(folder: Path, width: int, height: int) -> Path:
    """A map of instance ids: sky over a road, and two cars."""
    ids = np.full((height, width), 7, np.uint16)
    ids[: height // 3] = 23
    for number, left in enumerate((width // 5, width // 2)):
        ids[height // 2 : height - 2, left : left + width // 5] = 26001 + number
    path = folder / f"{width}x{height}_instanceIds.png"
    Image.fromarray(ids).save(path)
    return path


def write_pictures(folder: Path, count: int, width: int = 48, height: int = 32) -> Path:
    """A new folder of so many different ones."""
    folder.mkdir()
    for index in range(count):
        Image.fromarray(picture(index, width, height)).save(folder / f"{index:02d}.png")
    return folder


def textured(width: int, height: int, seed: int = 0) -> Pixels:
    """Soft shapes, edges, texture and noise, in colour."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(height, width, 3))
    soft = gaussian_filter(noise, (12, 12, 0)) * 500
    fine = gaussian_filter(noise, (1, 1, 0.5)) * 25
    edges = 40 * np.sign(gaussian_filter(rng.normal(size=(height, width)), 9))[..., None]
    pixels: Pixels = np.clip(120 + soft + fine + edges, 0, 255).astype(np.uint8)
    return pixels


def distorted(original: Pixels, strength: float, seed: int = 1) -> Pixels:
    """Blurred, shifted a little in colour, and noisy: more than any one of them."""
    rng = np.random.default_rng(seed)
    blurred = gaussian_filter(original.astype(float), (strength / 3, strength / 3, 0))
    noise = rng.normal(0, strength, original.shape)
    return np.clip(blurred + noise + [0, 1, -1], 0, 255).round().astype(np.uint8)
