"""What else stands about: bins, cabinets, advertising columns, parasols, planters."""

from __future__ import annotations

from bench.datasets.toyscapes.camera import Camera
from bench.datasets.toyscapes.furniture import GREY, reflected
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.models import Face, Panel, SolidModel, across, along, box, seen
from bench.datasets.toyscapes.raster import Colour, Patch
from bench.datasets.toyscapes.shapes import ball, limb, panel
from bench.datasets.toyscapes.stream import RandomStream
from bench.datasets.toyscapes.trees import GREENS


def clutter(
    kind: str, camera: Camera, light: Light, stream: RandomStream, x: float, z: float, lit: float
) -> list[Patch]:
    """Bins, cabinets, advertising columns, parasols, planters."""

    def tone(colour: Colour) -> Colour:
        return reflected(light, lit, colour)

    if kind == "parasol":
        return _parasol(camera, light, stream, x, z, lit)
    colour = stream.pick(
        ((0.12, 0.13, 0.12), (0.05, 0.07, 0.05), (0.2, 0.2, 0.19), (0.07, 0.05, 0.04))
    )
    half, high = {"column": (0.6, 3.2), "cabinet": (0.45, 1.2), "planter": (0.45, 0.5)}.get(
        kind, (0.28, 1.05)
    )
    model = SolidModel(half, half, high)
    sides = box(model, -half, half, half, 0.0, high, colour, 0.0)
    if kind == "column":
        _stick_posters(sides, stream, half)
    patches = seen(model, camera, light, x, z, stream.uniform(-0.3, 0.3), lit)
    if kind == "planter":
        for _ in range(7):
            spot = x + stream.uniform(-0.4, 0.4), stream.uniform(0.55, 1.0), z
            green = tone(stream.pick(GREENS))
            patches.append(
                ball(
                    camera,
                    spot,
                    stream.uniform(0.12, 0.25),
                    stream.uniform(0.1, 0.22),
                    green,
                    (0.005, 0.007, 0.003),
                )
            )
    return patches


def _parasol(
    camera: Camera, light: Light, stream: RandomStream, x: float, z: float, lit: float
) -> list[Patch]:
    """With a table on each side."""

    def tone(colour: Colour) -> Colour:
        return reflected(light, lit, colour)

    cloth = stream.pick(
        ((0.42, 0.40, 0.36), (0.2, 0.03, 0.03), (0.05, 0.10, 0.07), (0.3, 0.24, 0.12))
    )
    peak, rim = (x, 2.6, z), 1.5
    fold = [(x - rim, 2.05, z), (x - rim * 0.3, 2.0, z - 0.4), (x, 2.6, z)]
    patches = [limb(camera, (x, 0.0, z), peak, 0.03, 0.03, tone(GREY))]
    for k in (-1, 1):
        patches.append(ball(camera, (x + 0.8 * k, 0.72, z), 0.4, 0.05, tone((0.16, 0.13, 0.1))))
        patches.append(
            limb(camera, (x + 0.8 * k, 0.0, z), (x + 0.8 * k, 0.7, z), 0.04, 0.04, tone(GREY))
        )
    whole = [
        (x - rim, 2.05, z),
        (x, 2.6, z),
        (x + rim, 2.05, z),
        (x + rim * 0.3, 2.0, z - 0.4),
        (x - rim * 0.3, 2.0, z - 0.4),
    ]
    patches.append(
        panel(camera, whole, tone(cloth), tone((cloth[0] * 0.6, cloth[1] * 0.6, cloth[2] * 0.6)))
    )
    patches.append(
        panel(
            camera,
            [fold[0], fold[2], fold[1]],
            tone((cloth[0] * 0.75, cloth[1] * 0.75, cloth[2] * 0.75)),
        )
    )
    return patches


def _stick_posters(sides: dict[str, Panel], stream: RandomStream, half: float) -> None:
    for name in ("back", "left", "right"):
        for _ in range(5):  # posters
            low, left = stream.uniform(0.5, 2.2), stream.uniform(-0.55, 0.1)
            high_edge, right = low + stream.uniform(0.3, 0.8), left + stream.uniform(0.2, 0.45)
            paper = (
                stream.uniform(0.02, 0.4),
                stream.uniform(0.02, 0.35),
                stream.uniform(0.02, 0.35),
            )
            face = (
                across(left, low, right, high_edge, -half)
                if name == "back"
                else along(half if name == "right" else -half, left, right, low, high_edge)
            )
            sides[name].faces.append(Face(face, paper))
