"""Bicycles and motorcycles. Masks are filled silhouettes: what shows between spokes is theirs."""

from __future__ import annotations

import math

import numpy as np

from bench.datasets.toyscapes.camera import Camera, Point
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.raster import Colour, Patch
from bench.datasets.toyscapes.shapes import ball, limb, panel
from bench.datasets.toyscapes.stream import RandomStream, turn

BICYCLE_SADDLE, MOTORCYCLE_SADDLE = 0.95, 0.80
_FRAMES: list[Colour] = [
    (0.02, 0.02, 0.02),
    (0.05, 0.05, 0.06),
    (0.3, 0.3, 0.31),
    (0.25, 0.03, 0.03),
    (0.03, 0.06, 0.16),
    (0.05, 0.12, 0.07),
    (0.5, 0.5, 0.48),
    (0.04, 0.04, 0.04),
]
_RING = [turn(2 * math.pi * k / 16) for k in range(16)]


class _Place:
    """A machine's own frame: ahead and up in its plane, right out of it."""

    def __init__(
        self, camera: Camera, light: Light, x: float, z: float, yaw: float, lit: float
    ) -> None:
        self.camera = camera
        self.x, self.z = x, z
        self.cos, self.sin = turn(yaw)
        self.fallen = light.on((0.0, 0.4, -0.8), lit)

    def at(self, ahead: float, up: float, right: float = 0.0) -> Point:
        return (
            self.x + right * self.cos + ahead * self.sin,
            up,
            self.z - right * self.sin + ahead * self.cos,
        )

    def seen(self, colour: Colour) -> Colour:
        f = self.fallen
        return colour[0] * f[0], colour[1] * f[1], colour[2] * f[2]

    def tube(self, a: Point, b: Point, radius: float, colour: Colour) -> Patch:
        return limb(self.camera, a, b, radius, radius, self.seen(colour))

    def disc(
        self, ahead: float, up: float, radius: float, colour: Colour, solid: bool = True
    ) -> Patch:
        points = [self.at(ahead + radius * c, up + radius * s) for c, s in _RING]
        return panel(self.camera, points, self.seen(colour), solid=solid)

    def wheel(self, ahead: float, radius: float, thick: float) -> list[Patch]:
        tyre = (0.015, 0.015, 0.015)
        return [
            self.tube(self.at(ahead, thick), self.at(ahead, 2 * radius - thick), thick, tyre),
            self.disc(ahead, radius, radius, tyre),
        ]

    def spoked_wheel(self, ahead: float, radius: float) -> list[Patch]:
        silhouette = self.disc(ahead, radius, radius * 0.88, (0, 0, 0), solid=False)
        patches = [*self.wheel(ahead, radius, 0.025), silhouette]
        for k in range(4):
            c, s = _RING[2 * k + 1]
            spoke = self.at(ahead + radius * c, radius + radius * s)
            far = self.at(ahead - radius * c, radius - radius * s)
            patches.append(self.tube(far, spoke, 0.004, (0.2, 0.2, 0.2)))
        return patches


def bicycle(
    camera: Camera, light: Light, stream: RandomStream, x: float, z: float, yaw: float, lit: float
) -> list[Patch]:
    place = _Place(camera, light, x, z, yaw, lit)
    paint = stream.pick(_FRAMES)
    radius = stream.uniform(0.32, 0.35)
    tube, bar = 0.018, (0.03, 0.03, 0.03)
    rear, front = -0.52, 0.52
    patches: list[Patch] = []
    see_through = [
        place.at(rear, radius),
        place.at(-0.15, 0.86),
        place.at(0.38, 0.86),
        place.at(front, radius),
    ]
    see_through += [place.at(0.0, 0.28)]
    patches.append(panel(camera, see_through, (0, 0, 0), solid=False))
    for wheel in (rear, front):
        patches += place.spoked_wheel(wheel, radius)
    hub_rear, hub_front = place.at(rear, radius), place.at(front, radius)
    crank, seat, head = place.at(-0.05, 0.29), place.at(-0.2, 0.80), place.at(0.36, 0.86)
    step_through = stream.chance(0.4)
    for a, b in (
        (hub_rear, crank),
        (hub_rear, seat),
        (crank, seat),
        (crank, head),
        (seat if not step_through else place.at(-0.14, 0.55), head),
        (head, hub_front),
    ):
        patches.append(place.tube(a, b, tube, paint))
    if stream.chance(0.7):  # mudguards and a carrier
        patches.append(
            place.tube(
                place.at(rear - 0.25, radius + 0.27),
                place.at(rear + 0.2, radius + 0.30),
                0.015,
                paint,
            )
        )
        patches.append(place.tube(place.at(-0.75, 0.72), place.at(-0.25, 0.72), 0.012, bar))
    if stream.chance(0.25):  # a basket
        basket = [
            place.at(0.42, 0.75),
            place.at(0.42, 1.0),
            place.at(0.75, 1.0),
            place.at(0.72, 0.75),
        ]
        patches.append(panel(camera, basket, place.seen((0.06, 0.045, 0.03))))
    patches.append(place.tube(place.at(-0.34, 0.94), place.at(-0.08, 0.94), 0.04, bar))
    patches.append(place.tube(head, place.at(0.32, 1.02), tube, bar))
    patches.append(place.tube(place.at(0.30, 1.03, -0.28), place.at(0.30, 1.03, 0.28), 0.018, bar))
    patches.append(ball(camera, place.at(-0.62, 0.70), 0.03, 0.03, place.seen((0.4, 0.02, 0.02))))
    return patches


def motorcycle(
    camera: Camera, light: Light, stream: RandomStream, x: float, z: float, yaw: float, lit: float
) -> list[Patch]:
    place = _Place(camera, light, x, z, yaw, lit)
    paint = stream.pick(_FRAMES)
    scooter = stream.chance(0.45)
    radius = 0.24 if scooter else 0.31
    rear, front = -0.62, 0.66
    metal, black = (0.22, 0.22, 0.23), (0.02, 0.02, 0.02)
    patches: list[Patch] = []
    for wheel in (rear, front):
        patches += place.wheel(wheel, radius, 0.065)
        patches.append(place.disc(wheel, radius, radius * 0.6, (0.12, 0.12, 0.12)))
    patches.append(place.tube(place.at(front, radius), place.at(0.42, 0.95), 0.035, metal))
    patches += _scooter(place, paint) if scooter else _engine(place, paint, metal)
    patches.append(place.tube(place.at(-0.70, 0.82), place.at(-0.1, 0.80), 0.07, black))
    patches.append(place.tube(place.at(-0.4, 0.45, -0.05), place.at(-0.4, 0.7, 0.05), 0.16, black))
    patches.append(
        place.tube(place.at(0.40, 1.02, -0.36), place.at(0.40, 1.02, 0.36), 0.022, black)
    )
    if stream.chance(0.6):
        screen = [
            place.at(0.52, 0.85, -0.2),
            place.at(0.52, 0.85, 0.2),
            place.at(0.42, 1.25, 0.15),
            place.at(0.42, 1.25, -0.15),
        ]
        patches.append(panel(camera, screen, place.seen((0.1, 0.11, 0.12))))
    patches.append(ball(camera, place.at(0.58, 0.85), 0.09, 0.09, place.seen((0.6, 0.6, 0.55))))
    patches.append(ball(camera, place.at(-0.92, 0.70), 0.06, 0.04, place.seen((0.4, 0.02, 0.02))))
    for side in (-1, 1):
        patches.append(
            place.tube(
                place.at(0.42, 1.05, side * 0.3), place.at(0.42, 1.18, side * 0.36), 0.04, black
            )
        )
    return patches


def _scooter(place: _Place, paint: Colour) -> list[Patch]:
    """The body."""
    body = [
        place.at(-0.85, 0.45),
        place.at(-0.75, 0.78),
        place.at(-0.15, 0.78),
        place.at(-0.05, 0.35),
        place.at(0.35, 0.30),
        place.at(0.38, 0.95),
        place.at(0.50, 0.95),
        place.at(0.55, 0.25),
        place.at(-0.5, 0.2),
    ]
    below = (paint[0] * 0.5, paint[1] * 0.5, paint[2] * 0.5)
    return [panel(place.camera, body, place.seen(paint), place.seen(below))]


def _engine(place: _Place, paint: Colour, metal: Colour) -> list[Patch]:
    """With its exhaust, the tank and the tail."""
    return [
        place.tube(place.at(-0.3, 0.42), place.at(0.2, 0.42), 0.17, (0.05, 0.05, 0.05)),
        place.tube(place.at(-0.5, 0.30), place.at(-0.85, 0.38), 0.05, metal),
        place.tube(place.at(-0.05, 0.78), place.at(0.28, 0.82), 0.13, paint),
        place.tube(place.at(-0.75, 0.78), place.at(-0.45, 0.72), 0.09, paint),
    ]


def plan(
    x: float, z: float, yaw: float, length: float, wide: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The rectangle on the ground under a machine."""
    cos, sin = turn(yaw)
    corners = ((-wide, -length), (wide, -length), (wide, length), (-wide, length))
    return np.array([(x + r * cos + a * sin, z - r * sin + a * cos) for r, a in corners])
