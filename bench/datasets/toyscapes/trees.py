"""Trees: a trunk, a few branches, and a heap of ragged balls of leaves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.datasets.toyscapes import textures
from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.furniture import reflected
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.noise import halvings
from bench.datasets.toyscapes.raster import Colour, Frame, Patch
from bench.datasets.toyscapes.shapes import limb
from bench.datasets.toyscapes.stream import RandomStream, turn

_Plane = NDArray[np.float32]
GREENS: tuple[Colour, ...] = (
    (0.07, 0.10, 0.035),
    (0.055, 0.085, 0.03),
    (0.09, 0.12, 0.04),
    (0.05, 0.07, 0.035),
    (0.11, 0.12, 0.04),
    (0.10, 0.085, 0.03),
)


def trunk(
    camera: Camera, light: Light, stream: RandomStream, x: float, z: float, high: float, lit: float
) -> list[Patch]:
    bark = reflected(
        light, lit, stream.pick(((0.05, 0.042, 0.034), (0.08, 0.07, 0.06), (0.035, 0.03, 0.026)))
    )
    radius = stream.uniform(0.10, 0.26)
    patches = [
        limb(
            camera,
            (x, 0.0, z),
            (x + stream.uniform(-0.2, 0.2), high * 0.6, z),
            radius,
            radius * 0.7,
            bark,
        )
    ]
    for _ in range(4):
        reach = stream.uniform(-0.28, 0.28) * high
        patches.append(
            limb(
                camera,
                (x, high * stream.uniform(0.3, 0.45), z),
                (x + reach, high * 0.75, z),
                radius * 0.45,
                0.04,
                bark,
            )
        )
    return patches


def crown(
    frame: Frame,
    camera: Camera,
    light: Light,
    stream: RandomStream,
    x: float,
    z: float,
    high: float,
    spread: float,
    lit: float,
    veil: float,
) -> None:
    """Foliage: a heap of ragged balls, light above and dark below, with holes."""
    scale = camera.focal / z
    middle = high * 0.66
    tall = high * 0.36
    column, row = camera.centre + x * scale, camera.horizon + (camera.eye - middle) * scale
    left = max(0, math.floor(column - spread * 1.15 * scale))
    right = min(camera.width, math.ceil(column + spread * 1.15 * scale))
    top = max(0, math.floor(row - tall * 1.2 * scale))
    bottom = min(camera.height, math.ceil(row + tall * 1.2 * scale))
    page, tint = stream.integer(0, 1), stream.pick(GREENS)
    balls = [(0.0, 0.0, 0.62)]
    for k in range(7):
        angle = 2 * math.pi * (k + stream.uniform()) / 7
        c, s = turn(angle)
        far = stream.uniform(0.45, 0.7)
        balls.append((c * far, s * far, stream.uniform(0.28, 0.45)))
    drift = stream.integer(0, 4095), stream.integer(0, 4095)
    if left >= right or top >= bottom:
        return
    u = (
        (np.arange(left, right, dtype=np.float32) + np.float32(0.5 - column))
        / np.float32(spread * scale)
    )[None, :]
    v = (
        (np.float32(row - 0.5) - np.arange(top, bottom, dtype=np.float32))
        / np.float32(tall * scale)
    )[:, None]
    texel = _leaves(u, v, page, drift, spread, tall, scale)
    rough = texel[..., 1] * np.float32(0.6) + texel[..., 2] * np.float32(0.5) - np.float32(0.55)
    inside, shine = _heap(balls, u, v, rough.shape)
    soft = max(1.5, 0.12 * spread * scale)
    cover = np.clip((inside + rough * np.float32(1.6)) * np.float32(soft), 0, 1)
    glow = np.clip(np.float32(0.62) + shine * np.float32(0.75), 0.12, 1.2) * (
        texel[..., 0] + np.float32(0.06)
    )
    fallen = light.on((0.0, 0.7, -0.3), lit)
    tone = np.array([tint[c] * fallen[c] for c in range(3)], np.float32) * np.float32(1.3)
    colour = glow[..., None] * tone
    colour += (np.array(light.haze, np.float32) - colour) * np.float32(veil)
    target = frame.colour[top:bottom, left:right]
    target += (colour - target) * cover[..., None]
    mask = cover >= 0.5
    np.copyto(frame.depth[top:bottom, left:right], np.float32(z), where=mask)
    np.copyto(frame.labels[top:bottom, left:right], np.uint8(21), where=mask)
    np.copyto(frame.ids[top:bottom, left:right], np.int32(21), where=mask)


def _leaves(
    u: _Plane,
    v: _Plane,
    page: int,
    drift: tuple[int, int],
    spread: float,
    tall: float,
    scale: float,
) -> _Plane:
    """The texture of leaves at each pixel."""
    texture = textures.leaves()
    pitch = texture.per_metre
    level = halvings(np.array([pitch / scale]))
    down, across_ = v * np.float32(-tall * pitch), u * np.float32(spread * pitch)
    if scale > 1.5 * pitch:  # near to, texels would show as squares: fray their edges
        fray = textures.mottle()[: len(v), : u.shape[1]]
        down, across_ = down + (fray - 1) * np.float32(6), across_ - (fray - 1) * np.float32(6)
    texels = texture.sample(
        np.int32(page),  # type: ignore[arg-type]
        np.floor(down).astype(np.int32) + drift[0],
        np.floor(across_).astype(np.int32) + drift[1],
        level,
        level,
    )
    return texels.astype(np.float32) * np.float32(1 / 255)


def _heap(
    balls: list[tuple[float, float, float]], u: _Plane, v: _Plane, shape: tuple[int, ...]
) -> tuple[_Plane, _Plane]:
    """How far each pixel is inside the nearest ball, and how that shines."""
    inside = np.full(shape, -1.0, np.float32)
    shine = np.zeros(shape, np.float32)
    for bx, by, radius in balls:
        du, dv = (
            (u - np.float32(bx)) / np.float32(radius),
            (v - np.float32(by)) / np.float32(radius),
        )
        within = 1 - (du * du + dv * dv)
        better = within > inside
        np.copyto(inside, within, where=better)
        np.copyto(
            shine,
            np.broadcast_to(dv * np.float32(0.5) + np.float32(0.25 * by), shine.shape),
            where=better,
        )
    return inside, shine
