"""Models: faces on panels, placed on the ground, shaded, and seen in perspective."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from bench.datasets.toyscapes.camera import Camera, Floats, Point, dot
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.raster import Colour, Patch
from bench.datasets.toyscapes.shapes import scaled, shaded
from bench.datasets.toyscapes.stream import turn

GLASS = (0.03, 0.034, 0.038)
RUBBER = (0.012, 0.012, 0.013)
BLACK = (0.014, 0.014, 0.015)
_ROUND = [turn(2 * math.pi * k / 14) for k in range(14)]


@dataclass
class Face:
    points: list[Point]  # in the model's own frame: right, up, ahead
    colour: Colour
    shine: float = 0.0  # how much of the sky it mirrors towards its top


@dataclass
class Panel:
    """Faces in one plane, drawn in order; hidden together when the plane looks away."""

    faces: list[Face]
    outward: Point  # (0, 0, 0) is seen from everywhere


@dataclass
class SolidModel:
    half_length: float
    half_width: float
    height: float
    panels: list[Panel] = field(default_factory=list)
    core: tuple[float, Colour] | None = None  # height and colour of what shows through seams


def across(left: float, low: float, right: float, high: float, z: float) -> list[Point]:
    """A rectangle that looks ahead or back."""
    return [(left, low, z), (right, low, z), (right, high, z), (left, high, z)]


def along(x: float, near: float, far: float, low: float, high: float) -> list[Point]:
    """A rectangle that looks to the side."""
    return [(x, low, near), (x, high, near), (x, high, far), (x, low, far)]


def pair(inner: float, outer: float) -> list[tuple[float, float]]:
    """The same span left and right of the middle."""
    return [(-outer, -inner), (inner, outer)]


def disc(x: float, z: float, up: float, radius: float) -> list[Point]:
    return [(x, up + radius * s, z + radius * c) for c, s in _ROUND]


def wheel(x: float, z: float, radius: float, rim: Colour, arch: float = 1.16) -> list[Face]:
    return [
        Face(disc(x, z, radius + 0.02, radius * arch), (0.006, 0.006, 0.006)),
        Face(disc(x, z, radius, radius), RUBBER),
        Face(disc(x, z, radius, radius * 0.68), rim),
        Face(disc(x, z, radius, radius * 0.45), scaled(rim, 0.55)),
        Face(disc(x, z, radius, radius * 0.2), rim),
    ]


def inset(corners: list[Point], side: float, low: float, high: float) -> list[Point]:
    """A smaller quadrilateral within one whose corners are low, high, high, low."""
    return [
        _within(corners, u, v)
        for u, v in ((side, low), (side, 1 - high), (1 - side, 1 - high), (1 - side, low))
    ]


def bar(corners: list[Point], at: float, half: float) -> list[Point]:
    """An upright bar across such a quadrilateral, at a share of its length."""
    return [
        _within(corners, u, v)
        for u, v in ((at - half, 0.0), (at - half, 1.0), (at + half, 1.0), (at + half, 0.0))
    ]


def _within(corners: list[Point], u: float, v: float) -> Point:
    a, b, c, d = corners
    x, y, z = (
        (a[k] + (d[k] - a[k]) * u) * (1 - v) + (b[k] + (c[k] - b[k]) * u) * v for k in range(3)
    )
    return x, y, z


def box(
    model: SolidModel,
    back: float,
    front: float,
    half: float,
    low: float,
    high: float,
    paint: Colour,
    shine: float = 0.2,
) -> dict[str, Panel]:
    """Adds a box; its panels by the side they look to."""
    roof = [(-half, high, back), (half, high, back), (half, high, front), (-half, high, front)]
    panels = {
        "left": Panel([Face(along(-half, back, front, low, high), paint, shine)], (-1, 0, 0)),
        "right": Panel([Face(along(half, back, front, low, high), paint, shine)], (1, 0, 0)),
        "back": Panel([Face(across(-half, low, half, high, back), paint, shine)], (0, 0, -1)),
        "front": Panel([Face(across(-half, low, half, high, front), paint, shine)], (0, 0, 1)),
        "top": Panel([Face(roof, paint, 0.3)], (0, 1, 0)),
    }
    model.panels.extend(panels.values())
    return panels


def seen(
    model: SolidModel, camera: Camera, light: Light, x: float, z: float, yaw: float, lit: float
) -> list[Patch]:
    """A model's patches at a place on the ground; with yaw 0 it drives away from the camera."""
    cos, sin = turn(yaw)
    corners = np.array([p for panel in model.panels for face in panel.faces for p in face.points])
    world = np.empty_like(corners)
    world[:, 0] = x + corners[:, 0] * cos + corners[:, 2] * sin
    world[:, 1] = corners[:, 1]
    world[:, 2] = np.maximum(z - corners[:, 0] * sin + corners[:, 2] * cos, 0.7)
    flat = camera.project(world)
    counts = [len(face.points) for panel in model.panels for face in panel.faces]
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)[:-1]))
    sizes = np.maximum.reduceat(flat, starts, axis=0) - np.minimum.reduceat(flat, starts, axis=0)
    specks = (sizes[:, 0] * sizes[:, 1] < 0.25).tolist()
    spot = number = 0
    ranked: list[tuple[float, list[Patch]]] = []
    for panel in model.panels:
        middle = _middle(world[spot : spot + len(panel.faces[0].points)])
        normal = _turned(panel.outward, cos, sin)
        toward = (-middle[0], camera.eye - middle[1], -middle[2])
        hidden = dot(normal, toward) <= 0
        fallen = light.on(normal, lit)
        patches = []
        for face in panel.faces:
            outline = flat[spot : spot + len(face.points)]
            spot += len(face.points)
            number += 1
            if not hidden and not specks[number - 1]:
                patches.append(_painted(face, outline, fallen, light, middle[2]))
        ranked.append((-dot(toward, toward), patches))
    ranked.sort(key=lambda entry: entry[0])
    patches = _inside(model, camera, light, x, z, cos, sin)
    return patches + [patch for _, group in ranked for patch in group]


def _turned(outward: Point, cos: float, sin: float) -> Point:
    right, up, ahead = outward
    length = math.sqrt(right * right + up * up + ahead * ahead)
    if length == 0:
        return 0.0, 0.3, -0.9
    return (right * cos + ahead * sin) / length, up / length, (ahead * cos - right * sin) / length


def _middle(points: Floats) -> Point:
    count = len(points)
    x, y, z = (math.fsum(points[:, k].tolist()) / count for k in range(3))
    return x, y, z


def _painted(face: Face, outline: Floats, fallen: Colour, light: Light, depth: float) -> Patch:
    body = shaded(face.colour, fallen)
    mirrored = (0.2 if face.colour is GLASS else 0.09) * face.shine
    top = tuple(b + mirrored * s for b, s in zip(body, light.sky, strict=True))
    bottom = scaled(body, 0.9 - 0.35 * face.shine)
    return Patch(outline, (top[0], top[1], top[2]), bottom, depth)


def _inside(
    model: SolidModel, camera: Camera, light: Light, x: float, z: float, cos: float, sin: float
) -> list[Patch]:
    """The dark between the wheels, and a core behind the panels."""
    layers = [(0.9, 0.06, 0.45, (0.005, 0.005, 0.005))]
    if model.core:
        layers.append((0.82, 0.35, model.core[0], shaded(model.core[1], light.on((0, 0, -1), 0.0))))
    patches = []
    for grow, low, high, tone in layers:
        ring = footprint(model, x, z, cos, sin, grow).tolist()
        for k in range(4):
            (xa, za), (xb, zb) = ring[k], ring[(k + 1) % 4]
            za, zb = max(za, 0.7), max(zb, 0.7)
            corners = np.array(((xa, low, za), (xb, low, zb), (xb, high, zb), (xa, high, za)))
            patches.append(Patch(camera.project(corners), tone, tone, z))
    return patches


def footprint(
    model: SolidModel, x: float, z: float, cos: float, sin: float, grow: float = 1.0
) -> Floats:
    """The rectangle of ground under a model."""
    length, wide = model.half_length * grow, model.half_width * grow
    return np.array(
        [
            (x + right * cos + ahead * sin, z - right * sin + ahead * cos)
            for right, ahead in ((-wide, -length), (wide, -length), (wide, length), (-wide, length))
        ]
    )
