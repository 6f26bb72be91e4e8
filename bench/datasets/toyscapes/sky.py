"""The sky: clouds on a ceiling, flattened towards the horizon."""

from __future__ import annotations

import numpy as np

from bench.datasets.toyscapes import textures
from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.raster import Frame


def sky(frame: Frame, camera: Camera, light: Light, drift: tuple[int, int]) -> None:
    """Clouds on a ceiling, flattened towards the horizon."""
    bottom = min(int(camera.horizon) + 1, camera.height)
    rows = (camera.horizon - np.arange(bottom, dtype=np.float64) - 0.5) / camera.focal
    ceiling = 1.0 / np.maximum(rows + 0.07, 0.02)
    across = camera.slopes()[None, :] * ceiling[:, None] * 26.0
    cloud = textures.clouds()
    size = cloud.shape[0]
    down = np.floor(ceiling * 26.0).astype(np.int32)[:, None] + drift[0]
    right = np.floor(across).astype(np.int32) + drift[1]
    cover = cloud[down % size, right % size].astype(np.float32) / np.float32(255)
    cover = np.clip((cover - np.float32(0.7 - 0.42 * light.cloud)) * np.float32(2.2), 0, 1)
    height = np.clip(rows * 2.2, 0, 1).astype(np.float32)[:, None, None]
    blue = np.array((0.62, 0.80, 1.0), np.float32) * (1 - height * np.float32(0.45))
    blue = blue + (np.array((1.0, 1.0, 1.0), np.float32) - blue) * (1 - height) * np.float32(0.6)
    grey = np.float32(1.35 - 0.45 * light.cloud)
    white = np.array((1.0, 1.0, 1.01), np.float32) * (
        grey + np.float32(0.6) * (cover[..., None] - np.float32(0.35))
    )
    share = np.maximum(cover, np.float32(light.cloud * light.cloud))[..., None]
    frame.colour[:bottom] = (blue + (white - blue) * share) * np.float32(1.1)
    frame.labels[:bottom] = 23
    frame.ids[:bottom] = 23
