"""Cars: six bodies, each of varied length, height and paint."""

from __future__ import annotations

from typing import NamedTuple

from bench.datasets.toyscapes.car_ends import CORNER, back, corners, front
from bench.datasets.toyscapes.models import (
    BLACK,
    GLASS,
    Face,
    Panel,
    SolidModel,
    bar,
    inset,
    wheel,
)
from bench.datasets.toyscapes.raster import Colour
from bench.datasets.toyscapes.shapes import scaled
from bench.datasets.toyscapes.stream import RandomStream

PAINT: dict[Colour, float] = {
    (0.015, 0.015, 0.017): 5,
    (0.04, 0.042, 0.045): 4,
    (0.12, 0.125, 0.13): 4,
    (0.27, 0.28, 0.28): 4,
    (0.52, 0.52, 0.51): 3.5,
    (0.02, 0.035, 0.10): 2,
    (0.05, 0.085, 0.17): 1,
    (0.19, 0.02, 0.02): 1.3,
    (0.10, 0.015, 0.02): 0.7,
    (0.03, 0.06, 0.04): 0.6,
    (0.18, 0.16, 0.12): 0.8,
    (0.32, 0.22, 0.05): 0.15,
    (0.08, 0.055, 0.04): 0.5,
}


class Body(NamedTuple):
    """Ranges in metres; the line from bonnet to tail as (share of length, share of height)."""

    length: tuple[float, float]
    height: tuple[float, float]
    width: tuple[float, float]
    line: tuple[tuple[float, float], ...]  # bonnet edge, cowl, roof front, roof rear, belt, tail


BODIES = {
    "hatchback": Body(
        (3.6, 4.3),
        (1.42, 1.56),
        (1.62, 1.80),
        ((0.03, 0.50), (0.22, 0.63), (0.43, 0.985), (0.79, 0.97), (0.965, 0.64), (1.0, 0.60)),
    ),
    "saloon": Body(
        (4.4, 4.95),
        (1.40, 1.50),
        (1.72, 1.88),
        ((0.02, 0.50), (0.26, 0.64), (0.43, 0.985), (0.66, 0.98), (0.82, 0.69), (1.0, 0.65)),
    ),
    "estate": Body(
        (4.4, 4.9),
        (1.44, 1.54),
        (1.72, 1.86),
        ((0.02, 0.50), (0.25, 0.63), (0.41, 0.985), (0.86, 0.96), (0.97, 0.64), (1.0, 0.60)),
    ),
    "suv": Body(
        (4.3, 4.8),
        (1.62, 1.80),
        (1.78, 1.95),
        ((0.015, 0.55), (0.23, 0.64), (0.37, 0.985), (0.88, 0.96), (0.98, 0.64), (1.0, 0.60)),
    ),
    "van": Body(
        (4.6, 5.4),
        (1.85, 2.05),
        (1.85, 1.98),
        ((0.015, 0.46), (0.16, 0.56), (0.31, 0.98), (0.96, 0.97), (0.985, 0.60), (1.0, 0.56)),
    ),
    "mini": Body(
        (2.7, 3.5),
        (1.45, 1.58),
        (1.55, 1.66),
        ((0.03, 0.48), (0.17, 0.62), (0.38, 0.985), (0.84, 0.97), (0.97, 0.64), (1.0, 0.60)),
    ),
}
SHARES = {"hatchback": 6.0, "saloon": 4.0, "estate": 4.0, "suv": 3.0, "van": 1.6, "mini": 1.2}


def car(stream: RandomStream) -> SolidModel:
    kind = stream.weighted(SHARES)
    body = BODIES[kind]
    length, high = stream.uniform(*body.length), stream.uniform(*body.height)
    wide = stream.uniform(*body.width) / 2
    paint = stream.weighted(PAINT)
    trim = BLACK if stream.chance(0.3) else scaled(paint, 0.7)
    rim = stream.pick(((0.2, 0.2, 0.21), (0.1, 0.1, 0.1), (0.28, 0.28, 0.29), (0.04, 0.04, 0.04)))
    line = [(length * (0.5 - share), high * up) for share, up in body.line]
    sill = 0.27 if kind == "suv" else 0.2
    belt, roof = wide * 0.96, wide * stream.uniform(0.74, 0.80)
    model = SolidModel(length / 2, wide, high, core=(line[5][1], scaled(paint, 0.5)))
    glazed = kind != "van" or stream.chance(0.6)
    for side in (-1.0, 1.0):
        model.panels.append(_cabin(kind, side, line, belt, roof, paint, glazed))
        model.panels.append(_flank(kind, side, line, wide, sill, length, paint, trim, rim))
        model.panels += corners(stream.child("lamps"), side, line, wide, sill, length, paint, trim)
        mirror = [
            (side * wide * u, line[1][1] + v, line[1][0] - length * 0.06)
            for u, v in ((0.97, 0.02), (1.11, 0.02), (1.11, 0.14), (0.97, 0.12))
        ]
        model.panels.append(Panel([Face(mirror, scaled(paint, 0.7))], (0, 0, 0)))
    widths = [wide * 0.84, belt, roof, roof * 0.97, belt, wide * 0.84]
    for one, shine in enumerate((0.5, 0.2, 0.6, 0.2, 0.5)):
        (za, ya), (zb, yb) = line[one], line[one + 1]
        wa, wb = widths[one], widths[one + 1]
        slope = [(-wa, ya, za), (-wb, yb, zb), (wb, yb, zb), (wa, ya, za)]
        faces = [Face(slope, paint, shine)]
        if one == 1 or (one == 3 and glazed):
            faces.append(Face(inset(slope, 0.06, 0.06, 0.08), GLASS, 0.7))
        model.panels.append(Panel(faces, (0.0, za - zb, yb - ya)))
    model.panels.append(
        front(stream.child("lamps"), wide, sill, line[0][1], length / 2, paint, trim)
    )
    model.panels.append(
        back(stream.child("lamps"), wide, sill, line[5][1], -length / 2, paint, trim)
    )
    return model


def _cabin(
    kind: str,
    side: float,
    line: list[tuple[float, float]],
    belt: float,
    roof: float,
    paint: Colour,
    glazed: bool,
) -> Panel:
    shape = [
        (side * w, y, z)
        for w, (z, y) in zip((belt, roof, roof * 0.97, belt), line[1:5], strict=True)
    ]
    faces = [Face(shape, paint, 0.3)]
    if glazed:
        glass = inset(shape, 0.06, 0.06, 0.12)
        faces.append(Face(glass, GLASS, 0.55))
        for at in (0.45, 0.78 if kind in ("estate", "suv", "van") else 0.74):
            faces.append(Face(bar(glass, at, 0.022), scaled(paint, 0.4)))
    return Panel(faces, (side, 0.35, 0.0))


def _flank(
    kind: str,
    side: float,
    line: list[tuple[float, float]],
    wide: float,
    sill: float,
    length: float,
    paint: Colour,
    trim: Colour,
    rim: Colour,
) -> Panel:
    x = side * wide
    nose, tail = length / 2 - CORNER, -length / 2 + CORNER
    shoulder = line[4][1]
    fore = line[0][1] + (line[1][1] - line[0][1]) * 0.5
    shape = [
        (x, sill, nose),
        (x, fore, nose),
        (x * 0.97, line[1][1], min(line[1][0], nose)),
        (x * 0.97, shoulder, max(line[4][0], tail)),
        (x, line[5][1], tail),
        (x, sill, tail),
    ]
    waist = sill + (shoulder - sill) * 0.72
    faces = [Face(shape, paint, 0.35)]
    faces.append(
        Face(
            [
                (x, waist, nose),
                (x, waist + 0.025, nose),
                (x, waist + 0.05, tail),
                (x, waist + 0.02, tail),
            ],
            scaled(paint, 0.75),
        )
    )
    faces.append(
        Face(
            [(x, sill, nose), (x, sill + 0.1, nose), (x, sill + 0.1, tail), (x, sill, tail)],
            scaled(trim, 0.5),
        )
    )
    faces += _doors(kind, x, sill, shoulder, length, paint)
    radius = {"suv": 0.36, "van": 0.34, "mini": 0.28}.get(kind, 0.315)
    inward = 0.5 if kind == "mini" else 0.78
    for z in (length / 2 - inward, -length / 2 + inward - 0.03):
        faces += wheel(x, z, radius, rim)
    return Panel(faces, (side, 0.0, 0.0))


def _doors(
    kind: str, x: float, sill: float, shoulder: float, length: float, paint: Colour
) -> list[Face]:
    """The seams between doors, and their handles."""
    waist = sill + (shoulder - sill) * 0.72
    faces = []
    doors = (0.14, -0.06) if kind == "mini" else (0.16, -0.06, -0.24)
    for at in doors:
        z = length * at
        faces.append(
            Face(
                [
                    (x, sill + 0.1, z),
                    (x, shoulder * 0.98, z),
                    (x, shoulder * 0.98, z - 0.025),
                    (x, sill + 0.1, z - 0.025),
                ],
                scaled(paint, 0.45),
            )
        )
        grip = z - length * 0.14
        if at < 0.1:
            grip = z + 0.1
        faces.append(
            Face(
                [
                    (x, waist + 0.06, grip),
                    (x, waist + 0.09, grip),
                    (x, waist + 0.09, grip + 0.16),
                    (x, waist + 0.06, grip + 0.16),
                ],
                scaled(paint, 0.5),
            )
        )
    return faces
