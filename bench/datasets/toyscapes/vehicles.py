"""Trucks, buses and trams: boxes with windows, doors, wheels and lamps."""

from __future__ import annotations

from bench.datasets.toyscapes.models import (
    BLACK,
    GLASS,
    RUBBER,
    Face,
    Panel,
    SolidModel,
    across,
    along,
    box,
    pair,
    wheel,
)
from bench.datasets.toyscapes.raster import Colour
from bench.datasets.toyscapes.shapes import scaled
from bench.datasets.toyscapes.stream import RandomStream

_SIDES = (("left", -1.0), ("right", 1.0))
_LOADS: tuple[Colour, ...] = (
    (0.5, 0.5, 0.48),
    (0.55, 0.55, 0.55),
    (0.27, 0.28, 0.29),
    (0.045, 0.07, 0.14),
    (0.24, 0.055, 0.045),
    (0.08, 0.115, 0.075),
    (0.32, 0.26, 0.14),
)
_CABS: tuple[Colour, ...] = (
    (0.5, 0.5, 0.5),
    (0.4, 0.4, 0.4),
    (0.15, 0.02, 0.02),
    (0.03, 0.045, 0.11),
    (0.28, 0.17, 0.04),
    (0.05, 0.085, 0.06),
)
_SIGNS: tuple[Colour, ...] = (
    (0.28, 0.04, 0.035),
    (0.04, 0.08, 0.17),
    (0.05, 0.15, 0.07),
    (0.3, 0.24, 0.05),
)
_BUSES: tuple[tuple[Colour, Colour], ...] = (
    ((0.45, 0.45, 0.43), (0.17, 0.03, 0.03)),
    ((0.18, 0.02, 0.025), (0.4, 0.4, 0.39)),
    ((0.045, 0.07, 0.16), (0.33, 0.33, 0.33)),
    ((0.36, 0.27, 0.07), (0.1, 0.1, 0.1)),
    ((0.42, 0.42, 0.42), (0.05, 0.12, 0.1)),
    ((0.10, 0.16, 0.11), (0.42, 0.42, 0.42)),
)
_TRAMS: tuple[tuple[Colour, Colour], ...] = (
    ((0.42, 0.42, 0.39), (0.2, 0.03, 0.03)),
    ((0.07, 0.15, 0.135), (0.42, 0.42, 0.42)),
    ((0.22, 0.03, 0.03), (0.42, 0.42, 0.38)),
    ((0.34, 0.25, 0.06), (0.42, 0.42, 0.42)),
    ((0.055, 0.095, 0.19), (0.42, 0.42, 0.42)),
)
_RED, _LAMP = (0.22, 0.015, 0.01), (0.4, 0.4, 0.37)


def truck(stream: RandomStream) -> SolidModel:
    length, wide = stream.uniform(5.5, 10.5), stream.uniform(1.05, 1.25)
    high, cab = stream.uniform(2.5, 3.6), stream.uniform(1.7, 2.2)
    cab_high = min(high - 0.1, stream.uniform(2.3, 2.9))
    load, paint = stream.pick(_LOADS), stream.pick(_CABS)
    model = SolidModel(length / 2, wide, high)
    nose, tail = length / 2, -length / 2
    chassis = box(model, tail + 0.2, nose - 0.3, wide * 0.92, 0.45, 0.9, BLACK)
    body = box(model, tail, nose - cab - 0.15, wide, 0.95, high, load)
    head = box(model, nose - cab, nose, wide * 0.98, 0.5, cab_high, paint)
    lettered = stream.chance(0.6)
    sign = stream.pick(_SIGNS)
    for side, half in _SIDES:
        x = half * wide
        for k in range(1, int(length)):
            z = tail + k
            if z < nose - cab - 0.4:
                body[side].faces.append(
                    Face(along(x, z, z + 0.03, 1.0, high - 0.05), scaled(load, 0.8))
                )
        if lettered:
            at = along(x, tail + 0.8, tail + length * 0.45, high * 0.55, high * 0.78)
            body[side].faces.append(Face(at, sign))
        body[side].faces.append(
            Face(along(x, tail, nose - cab - 0.15, high - 0.1, high), scaled(load, 0.6))
        )
        for z in (tail + 1.0, tail + 2.15) if length > 8.5 else (tail + 1.0,):
            chassis[side].faces += wheel(x * 0.99, z, 0.48, (0.08, 0.08, 0.08), 1.0)
        chassis[side].faces += wheel(x * 0.99, nose - 1.1, 0.48, (0.08, 0.08, 0.08), 1.1)
        window = along(x * 0.98, nose - cab * 0.75, nose - 0.15, cab_high * 0.55, cab_high * 0.88)
        head[side].faces.append(Face(window, GLASS, 0.5))
        head[side].faces.append(
            Face(
                along(x * 0.98, nose - cab * 0.85, nose - cab * 0.83, 0.6, cab_high * 0.9),
                scaled(paint, 0.5),
            )
        )
    for z in (-0.03, 0.03):
        body["back"].faces.append(
            Face(across(z - 0.02, 1.0, z + 0.02, high - 0.1, tail), scaled(load, 0.4))
        )
    body["back"].faces.append(Face(across(-wide, 0.95, wide, 1.08, tail), scaled(load, 0.5)))
    for left, right in pair(wide * 0.7, wide * 0.9):
        chassis["back"].faces.append(Face(across(left, 0.6, right, 0.8, tail + 0.2), _RED))
        chassis["back"].faces.append(Face(across(left, 0.0, right, 0.5, tail + 0.2), RUBBER))
        head["front"].faces.append(Face(across(left, 0.65, right, 0.85, nose), _LAMP))
        head["front"].faces.append(Face(across(left, 0.0, right, 0.5, nose), RUBBER))
    chassis["back"].faces.append(
        Face(across(-0.26, 0.6, 0.26, 0.71, tail + 0.2), (0.42, 0.42, 0.4))
    )
    head["front"].faces.append(
        Face(across(-wide * 0.9, cab_high * 0.5, wide * 0.9, cab_high * 0.9, nose), GLASS, 0.7)
    )
    head["front"].faces.append(
        Face(across(-wide * 0.6, 0.85, wide * 0.6, cab_high * 0.42, nose), BLACK)
    )
    return model


def bus(stream: RandomStream) -> SolidModel:
    paint, band = stream.pick(_BUSES)
    length, high = stream.uniform(10.5, 12.5), stream.uniform(2.95, 3.25)
    return _coach(stream, length, 1.27, high, paint, band, (False, True), road=True)


def tram_module(stream: RandomStream, rear: bool, front: bool) -> SolidModel:
    """One of a tram's modules; drawn from streams of one key, they are of one colour."""
    paint, band = stream.pick(_TRAMS)
    return _coach(stream, 9.0, 1.22, 3.25, paint, band, (rear, front), road=False)


def _coach(
    stream: RandomStream,
    length: float,
    wide: float,
    high: float,
    paint: Colour,
    band: Colour,
    cabs: tuple[bool, bool],
    road: bool,
) -> SolidModel:
    """A long body with a row of windows."""
    model = SolidModel(length / 2, wide, high)
    nose, tail, low = length / 2, -length / 2, 0.30
    body = box(model, tail, nose, wide, low, high, paint, 0.3)
    belt, rim = high * 0.40, high * 0.80
    striped = stream.chance(0.6)
    count = max(3, int(length / 1.5))
    for side, half in _SIDES:
        x = half * wide
        faces = body[side].faces
        faces.append(Face(along(x, tail, nose, low, low + 0.3), scaled(band, 0.5)))
        faces.append(Face(along(x, tail + 0.2, nose - 0.1, belt, rim), GLASS, 0.5))
        if striped:
            faces.append(Face(along(x, tail + 0.2, nose - 0.1, belt - 0.3, belt - 0.08), band))
        for k in range(count + 1):
            z = tail + 0.2 + (length - 0.3) * k / count
            faces.append(Face(along(x, z - 0.05, z + 0.05, belt, rim), BLACK))
            if k % 3 == 1 and k < count and (half > 0 or not road):
                faces.append(Face(along(x, z + 0.1, z + 1.3, low + 0.05, rim), GLASS, 0.4))
                faces.append(Face(along(x, z + 0.66, z + 0.74, low + 0.05, rim), BLACK))
        faces.append(
            Face(along(x, tail + 0.4, nose - 0.4, high - 0.12, high - 0.06), scaled(paint, 0.6))
        )
        if road:
            for z in (nose - 2.4, tail + 3.0):
                faces += wheel(x, z, 0.48, (0.08, 0.08, 0.08))
    for z, name, cab, lamp in ((tail, "back", cabs[0], _RED), (nose, "front", cabs[1], _LAMP)):
        faces = body[name].faces
        faces.append(Face(across(-wide, low, wide, low + 0.3, z), scaled(band, 0.5)))
        if cab:
            faces += _windscreen(wide, high, z)
        elif road:
            faces += [
                Face(across(-wide * 0.8, high * 0.52, wide * 0.8, high * 0.8, z), GLASS, 0.5),
                Face(
                    across(-wide * 0.6, low + 0.5, wide * 0.6, high * 0.42, z), scaled(paint, 0.4)
                ),
            ]
        for left, right in pair(wide * 0.7, wide * 0.95):
            faces.append(Face(across(left, low + 0.35, right, low + 0.6, z), lamp))
            if road:
                faces.append(Face(across(left, 0.0, right, low, z), RUBBER))
    if not road:
        body["top"].faces[0].shine = 0.1
        model.panels.append(_tram_gear(high))
    return model


def _windscreen(wide: float, high: float, z: float) -> list[Face]:
    """With the destination above it."""
    return [
        Face(across(-wide * 0.94, high * 0.34, wide * 0.94, high * 0.82, z), GLASS, 0.7),
        Face(across(-wide * 0.6, high * 0.84, wide * 0.6, high * 0.95, z), BLACK),
        Face(across(-wide * 0.4, high * 0.87, wide * 0.2, high * 0.92, z), (0.5, 0.33, 0.07)),
        Face(across(-0.02, high * 0.34, 0.02, high * 0.82, z), BLACK),
    ]


def _tram_gear(high: float) -> Panel:
    """What reaches for the wire."""
    gear = [
        (-0.7, high + 0.35, -2.0),
        (-0.7, high, -2.2),
        (-0.7, high, 2.2),
        (-0.7, high + 0.35, 2.0),
    ]
    return Panel([Face(gear, (0.1, 0.1, 0.1))], (0, 0, 0))
