"""From light to a photograph: lens, vignette, white balance, tone curve, noise."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.noise import Floats32
from bench.datasets.toyscapes.raster import Frame
from bench.datasets.toyscapes.stream import RandomStream
from bench.datasets.toyscapes.textures import grain


@cache
def _tone() -> npt.NDArray[np.float32]:
    """Light from 0 to 2 → 0 to 255: nearly sRGB's curve, with a shoulder, on a grid of 1/64."""
    values = []
    for k in range(4097):
        light = k / 2048.0
        soft = light if light < 0.7 else 0.7 + (light - 0.7) / (1 + (light - 0.7) / 0.4)
        shown = 12.92 * soft if soft < 0.0031308 else 1.055 * soft ** (1 / 2.4) - 0.055
        values.append(round(min(shown, 1.0) * 255 * 64) / 64)
    return np.array(values, np.float32)


def _soften(image: Floats32, side: float) -> Floats32:
    """A three-tap blur along both axes; edges repeat."""
    weight, middle = np.float32(side), np.float32(1 - 2 * side)
    down = image * middle
    down[1:] += image[:-1] * weight
    down[:-1] += image[1:] * weight
    down[0] += image[0] * weight
    down[-1] += image[-1] * weight
    result = down * middle
    result[:, 1:] += down[:, :-1] * weight
    result[:, :-1] += down[:, 1:] * weight
    result[:, 0] += down[:, 0] * weight
    result[:, -1] += down[:, -1] * weight
    return result


def _ramp(count: int) -> Floats32:
    """From -1 to 1, pixel by pixel."""
    ramp: Floats32 = (np.arange(count, dtype=np.float32) * 2 + 1) / np.float32(count)
    return ramp - np.float32(1)


@cache
def _vignette(height: int, width: int) -> Floats32:
    y, x = _ramp(height), _ramp(width)
    dark = np.float32(0.10) * (x * x)[None, :] + np.float32(0.05) * (y * y)[:, None]
    result: Floats32 = np.float32(1) - dark[..., None]
    return result


def bonnet(frame: Frame, stream: RandomStream, scale: int) -> None:
    """The car that carries the camera: a curved, dark mirror at the bottom of the picture."""
    height, width = frame.depth.shape
    rise = stream.uniform(5, 17) * scale
    if not stream.chance(0.7):
        return
    across = (np.arange(width) + 0.5 - width * stream.uniform(0.48, 0.55)) / (width * 0.5)
    head = height - rise * (1 - 0.55 * across * across)
    top = int(np.floor(head.min()))
    rows = np.arange(top, height)
    cover = np.clip(rows[:, None] + 1 - head, 0, 1).astype(np.float32)[..., None]
    mirrored = np.maximum(top - 1 - (rows - top) * 9 - 4 * scale, 0)
    paint = np.float32(stream.uniform(0.006, 0.05))
    share = np.float32(stream.uniform(0.10, 0.28))
    colour = frame.colour[mirrored] * share + paint
    edge = np.clip(1.6 - (rows[:, None] - head) / (1.2 * scale), 0, 1).astype(np.float32)
    colour = colour + (edge * np.float32(stream.uniform(0.0, 0.12)))[..., None]
    target = frame.colour[top:]
    target += (colour - target) * cover
    mask = cover[..., 0] >= 0.5
    frame.depth[top:][mask] = 1.6
    frame.labels[top:][mask] = 1
    frame.ids[top:][mask] = 1


def expose(frame: Frame, light: Light, stream: RandomStream, scale: float) -> npt.NDArray[np.uint8]:
    """The 8-bit picture of a frame."""
    blur = stream.uniform(0.0, 0.07) if scale == 1 else stream.uniform(0.10, 0.2)
    strength = stream.uniform(0.6, 1.6) * (1.0 if scale == 1 else 1.25)
    image = _soften(frame.colour, blur)
    gain = np.array([light.exposure * w for w in light.white], np.float32) * np.float32(2048)
    image *= _vignette(*frame.depth.shape)
    image *= gain
    shown = _tone().take(np.clip(image, 0, 4096).astype(np.int32), mode="clip")
    noise = grain()
    size = noise.shape[0]
    height, width = frame.depth.shape
    for channel in range(3):
        down, across = stream.integer(0, size - 1), stream.integer(0, size - 1)
        rows = (np.arange(height) + down) % size
        columns = (np.arange(width) + across) % size
        amount = np.float32(strength) * (
            np.float32(1.1) - shown[..., channel] * np.float32(0.5 / 255)
        )
        shown[..., channel] += noise[rows[:, None], columns[None, :]] * amount
    return np.rint(np.clip(shown, 0, 255)).astype(np.uint8)
