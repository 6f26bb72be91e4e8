"""The ends of a car: lamps, grille, plates, bumpers, rounded corners."""

from __future__ import annotations

from bench.datasets.toyscapes.models import BLACK, RUBBER, Face, Panel, across, pair
from bench.datasets.toyscapes.raster import Colour
from bench.datasets.toyscapes.shapes import scaled
from bench.datasets.toyscapes.stream import RandomStream

CORNER = 0.42  # metres of the length that a rounded corner takes


def corners(
    stream: RandomStream,
    side: float,
    line: list[tuple[float, float]],
    wide: float,
    sill: float,
    length: float,
    paint: Colour,
    trim: Colour,
) -> list[Panel]:
    """The rounded corners between flank and ends, with what of the lamps goes round them."""
    panels = []
    lamp, red = _lamps(stream)
    for end, low in ((1.0, line[0][1]), (-1.0, line[5][1])):
        z_end, z_side = end * length / 2, end * (length / 2 - CORNER)
        high = low + (line[1][1] - line[0][1]) * 0.5 if end > 0 else low
        a, b = side * wide * 0.84, side * wide
        faces = [
            Face(
                [(a, sill, z_end), (a, low, z_end), (b, high, z_side), (b, sill, z_side)],
                paint,
                0.35,
            )
        ]
        faces.append(
            Face(
                [
                    (a, sill, z_end),
                    (a, sill + 0.14, z_end),
                    (b, sill + 0.12, z_side),
                    (b, sill, z_side),
                ],
                scaled(trim, 0.5),
            )
        )
        share = 0.75 if end > 0 else 0.45
        x, z = a + (b - a) * share, z_end + (z_side - z_end) * share
        faces.append(
            Face(
                [
                    (a, low - 0.2, z_end),
                    (a, low - 0.05, z_end),
                    (x, low - 0.03, z),
                    (x, low - 0.14, z),
                ],
                lamp if end > 0 else red,
            )
        )
        panels.append(Panel(faces, (side * 0.8, 0.0, end * 0.6)))
    return panels


def _lamps(stream: RandomStream) -> tuple[Colour, Colour]:
    lamp = stream.pick(((0.30, 0.31, 0.31), (0.22, 0.23, 0.23), (0.4, 0.4, 0.39)))
    if stream.chance(0.2):
        lamp = (1.6, 1.6, 1.5)  # driving with lights on
    return lamp, (0.42, 0.02, 0.015) if stream.chance(0.25) else (0.13, 0.01, 0.01)


def front(
    stream: RandomStream,
    wide: float,
    sill: float,
    high: float,
    z: float,
    paint: Colour,
    trim: Colour,
) -> Panel:
    lamp, _ = _lamps(stream)
    edge = wide * 0.84
    faces = [Face(across(-edge, sill, edge, high, z), paint, 0.35)]
    faces.append(Face(across(-edge, sill - 0.02, edge, sill + 0.1, z), scaled(trim, 0.5)))
    grille = stream.uniform(0.35, 0.55) * wide
    faces.append(Face(across(-grille * 1.2, sill + 0.12, grille * 1.2, sill + 0.22, z), BLACK))
    faces.append(Face(across(-grille, high - 0.19, grille, high - 0.05, z), (0.02, 0.02, 0.022)))
    faces.append(Face(across(-0.07, high - 0.16, 0.07, high - 0.06, z), (0.3, 0.3, 0.3)))
    for left, right in pair(wide * 0.56, edge):
        faces.append(Face(across(left, high - 0.2, right, high - 0.06, z), lamp))
    for left, right in pair(wide * 0.55, wide * 0.9):
        faces.append(Face(across(left, 0.02, right, sill, z), RUBBER))
    faces.append(Face(across(-0.26, sill + 0.17, 0.26, sill + 0.28, z), (0.45, 0.45, 0.43)))
    return Panel(faces, (0, 0, 1))


def back(
    stream: RandomStream,
    wide: float,
    sill: float,
    high: float,
    z: float,
    paint: Colour,
    trim: Colour,
) -> Panel:
    _, red = _lamps(stream)
    edge = wide * 0.84
    faces = [Face(across(-edge, sill, edge, high, z), paint, 0.35)]
    faces.append(Face(across(-edge, sill - 0.02, edge, sill + 0.2, z), scaled(trim, 0.6)))
    faces.append(Face(across(-edge, sill + 0.26, edge, sill + 0.28, z), scaled(paint, 0.5)))
    inner = wide * stream.uniform(0.5, 0.72)
    for left, right in pair(inner, edge):
        faces.append(Face(across(left, high - 0.2, right, high - 0.05, z), red))
    for left, right in pair(wide * 0.55, wide * 0.9):
        faces.append(Face(across(left, 0.02, right, sill, z), RUBBER))
    plate = high - 0.26 if stream.chance(0.6) else sill + 0.22
    faces.append(Face(across(-0.26, plate, 0.26, plate + 0.11, z), (0.42, 0.42, 0.40)))
    return Panel(faces, (0, 0, -1))
