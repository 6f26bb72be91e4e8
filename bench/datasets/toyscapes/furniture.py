"""Poles and what they carry: lamps, signs, traffic lights."""

from __future__ import annotations

from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.raster import Colour, Patch
from bench.datasets.toyscapes.shapes import ball, limb, panel, shaded
from bench.datasets.toyscapes.stream import RandomStream

GREY: Colour = (0.13, 0.135, 0.13)


def reflected(light: Light, lit: float, colour: Colour) -> Colour:
    """The colour of something upright that faces the camera."""
    return shaded(colour, light.on((0.0, 0.2, -0.9), lit))


def post(
    camera: Camera,
    light: Light,
    x: float,
    z: float,
    high: float,
    radius: float,
    lit: float,
    colour: Colour = GREY,
) -> Patch:
    tone = reflected(light, lit, colour)
    return limb(camera, (x, 0.0, z), (x, high, z), radius, radius * 0.8, tone)


def lamp(camera: Camera, light: Light, x: float, z: float, lit: float) -> list[Patch]:
    high, arm = 8.0, -1.6 if x > 0 else 1.6
    tone = reflected(light, lit, GREY)
    return [
        post(camera, light, x, z, high, 0.08, lit),
        limb(camera, (x, high, z), (x + arm, high + 0.3, z), 0.05, 0.04, tone),
        limb(camera, (x + arm, high + 0.3, z), (x + arm * 1.35, high + 0.3, z), 0.09, 0.07, tone),
    ]


_RED: Colour = (0.32, 0.02, 0.025)
_BLUE: Colour = (0.02, 0.07, 0.30)
_WHITE: Colour = (0.55, 0.55, 0.55)


def sign(
    camera: Camera, light: Light, stream: RandomStream, x: float, z: float, lit: float
) -> list[Patch]:
    """The plate alone; its post is a post."""
    high = stream.uniform(2.2, 2.9)
    kind = stream.integer(0, 5)

    def tone(colour: Colour) -> Colour:
        return reflected(light, lit, colour)

    front = z - 0.06

    def disc(radius: float, colour: Colour) -> Patch:
        return ball(camera, (x, high, front), radius, radius, tone(colour))

    def plate(colour: Colour, *corners: tuple[float, float]) -> Patch:
        return panel(camera, [(x + r, high + up, front) for r, up in corners], tone(colour))

    def bar(colour: Colour, left: float, low: float, right: float, top: float) -> Patch:
        return plate(colour, (left, low), (right, low), (right, top), (left, top))

    match kind:
        case 0:
            return [disc(0.32, _RED), disc(0.23, _WHITE)]
        case 1:
            return [disc(0.32, _BLUE), bar(_WHITE, -0.05, -0.2, 0.05, 0.2)]
        case 2:
            return [
                plate(_RED, (-0.42, -0.3), (0.42, -0.3), (0.0, 0.42)),
                plate(_WHITE, (-0.28, -0.22), (0.28, -0.22), (0.0, 0.26)),
            ]
        case 3:
            return [
                plate(_WHITE, (-0.3, 0.0), (0.0, -0.3), (0.3, 0.0), (0.0, 0.3)),
                plate((0.5, 0.34, 0.03), (-0.2, 0.0), (0.0, -0.2), (0.2, 0.0), (0.0, 0.2)),
            ]
        case 4:
            return [disc(0.32, _RED), bar(_WHITE, -0.2, -0.05, 0.2, 0.05)]
    board = stream.pick(((0.5, 0.4, 0.05), _BLUE, _WHITE))
    return [
        bar(board, -0.5, -0.25, 0.5, 0.35),
        bar((0.03, 0.03, 0.03), -0.4, 0.0, 0.35, 0.07),
    ]


def signal(
    camera: Camera, light: Light, stream: RandomStream, x: float, z: float, lit: float, high: float
) -> list[Patch]:
    """The lantern of a traffic light."""
    dark = reflected(light, lit, (0.02, 0.022, 0.02))
    front = z - 0.12
    box = [
        (x - 0.15, high - 0.45, front),
        (x + 0.15, high - 0.45, front),
        (x + 0.15, high + 0.45, front),
        (x - 0.15, high + 0.45, front),
    ]
    patches = [panel(camera, box, dark)]
    bright = stream.integer(0, 2)
    for k, colour in enumerate(((1.1, 0.08, 0.05), (1.0, 0.5, 0.05), (0.10, 0.9, 0.35))):
        shown = (
            colour
            if k == bright
            else reflected(light, lit, (colour[0] * 0.05, colour[1] * 0.05, colour[2] * 0.05))
        )
        patches.append(ball(camera, (x, high + 0.28 - 0.28 * k, front - 0.02), 0.1, 0.1, shown))
    return patches
