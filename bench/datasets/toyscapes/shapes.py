"""Solid shapes made of patches: limbs, balls and panels, seen by a camera under a light."""

from __future__ import annotations

import math

import numpy as np

from bench.datasets.toyscapes.camera import Camera, Point
from bench.datasets.toyscapes.raster import Colour, Outline, Patch
from bench.datasets.toyscapes.stream import turn

_ROUND = np.array([turn(2 * math.pi * k / 12) for k in range(12)])


def scaled(colour: Colour, by: float) -> Colour:
    return colour[0] * by, colour[1] * by, colour[2] * by


def shaded(colour: Colour, light: Colour) -> Colour:
    """What a surface of that colour sends back of the light."""
    return colour[0] * light[0], colour[1] * light[1], colour[2] * light[2]


def capsule(x: float, y: float, r: float, x2: float, y2: float, r2: float) -> Outline:
    """The outline of two discs and what lies between, in the picture."""
    dx, dy = x2 - x, y2 - y
    length = math.sqrt(dx * dx + dy * dy)
    if length < 1e-6:
        along, across = 1.0, 0.0
    else:
        along, across = dx / length, dy / length
    points = []
    for k in range(4):  # half a disc around the second end, from -90 to 90 degrees
        c, s = _HALF[k]
        points.append((x2 + r2 * (along * c - across * s), y2 + r2 * (across * c + along * s)))
    for k in range(4):
        c, s = _HALF[k]
        points.append((x - r * (along * c - across * s), y - r * (across * c + along * s)))
    return np.array(points)


_HALF = [turn(-math.pi / 2 + math.pi * k / 3) for k in range(4)]


def limb(
    camera: Camera,
    start: Point,
    end: Point,
    radius: float,
    radius_end: float,
    top: Colour,
    bottom: Colour | None = None,
) -> Patch:
    x, y, scale = camera.place(start)
    x2, y2, scale2 = camera.place(end)
    outline = capsule(x, y, radius * scale, x2, y2, radius_end * scale2)
    return Patch(outline, top, top if bottom is None else bottom, (start[2] + end[2]) / 2)


def ball(
    camera: Camera,
    middle: Point,
    across: float,
    up: float,
    top: Colour,
    bottom: Colour | None = None,
) -> Patch:
    x, y, scale = camera.place(middle)
    outline = _ROUND * (across * scale, up * scale) + (x, y)
    return Patch(outline, top, top if bottom is None else bottom, middle[2])


def panel(
    camera: Camera,
    points: list[Point],
    top: Colour,
    bottom: Colour | None = None,
    solid: bool = True,
) -> Patch:
    outline = camera.project(np.array(points))
    depth = math.fsum(p[2] for p in points) / len(points)
    return Patch(outline, top, top if bottom is None else bottom, depth, solid)
