"""What lines a street: house fronts, parks, hedges, fences, and what closes the view."""

from __future__ import annotations

from bench.datasets.toyscapes import textures
from bench.datasets.toyscapes.raster import Colour
from bench.datasets.toyscapes.stream import RandomStream
from bench.datasets.toyscapes.street import Street, place, spot
from bench.datasets.toyscapes.walls import BUILDING, FENCE, GREEN, MASONRY, Wall

_WALLS: dict[Colour, float] = {
    (0.42, 0.38, 0.30): 3,
    (0.36, 0.35, 0.33): 3,
    (0.50, 0.48, 0.44): 3,
    (0.45, 0.37, 0.22): 1.5,
    (0.30, 0.27, 0.23): 2,
    (0.38, 0.29, 0.22): 1.5,
    (0.22, 0.10, 0.07): 1.5,
    (0.28, 0.30, 0.31): 1.5,
    (0.33, 0.35, 0.30): 1,
    (0.25, 0.15, 0.11): 1.5,
    (0.30, 0.33, 0.38): 0.6,
    (0.44, 0.30, 0.26): 0.6,
    (0.18, 0.17, 0.16): 1,
}
_ROOFS: tuple[Colour, ...] = (
    (0.14, 0.06, 0.045),
    (0.07, 0.07, 0.075),
    (0.10, 0.08, 0.07),
    (0.18, 0.08, 0.05),
)


_LEAVES: tuple[Colour, ...] = (
    (0.085, 0.11, 0.045),
    (0.065, 0.09, 0.035),
    (0.10, 0.12, 0.05),
    (0.09, 0.085, 0.04),
)


def line_up(stream: RandomStream, street: Street) -> None:
    """Houses, parks and hedges on both sides, and what closes the street."""
    for side in (-1.0, 1.0):
        leafy = stream.weighted({0.05: 1.8, 0.3: 2.0, 0.9: 1.8})
        low = stream.chance(0.25)
        z = -6.0
        setback = 0.0
        while z < street.end:
            wide = stream.uniform(9, 22)
            far = z + wide
            if street.junction and z < street.junction[1] and far > street.junction[0]:
                if z < street.junction[0] - 4:
                    far = street.junction[0] - 1.5
                else:
                    z = street.junction[1] + 1.5
                    setback = stream.uniform(0.0, 2.0)
                    _corner(stream, street, side, z, street.houses + setback)
                    continue
            if stream.chance(leafy):
                _green(stream, street, side, z, far)
            else:
                if stream.chance(0.35):
                    setback = stream.uniform(0.0, 6.0 if low else 2.5)
                _house(stream, street, side, z, far, street.houses + setback, low)
                if setback > (0.5 if street.edition.walls else 1.2):
                    _border(stream, street, side, z, far)
            z = far
    _close(stream, street)


def _corner(stream: RandomStream, street: Street, side: float, z: float, at: float) -> None:
    """The front along the far side of a side street."""
    s = at
    for _ in range(4):
        wide = stream.uniform(10, 18)
        a = place(street, side * s, z)
        b = a[0] + side * wide, z
        street.walls.append(_front(stream, a, b))
        s += wide


def _front(
    stream: RandomStream, a: tuple[float, float], b: tuple[float, float], low: bool = False
) -> Wall:
    storeys = (
        stream.integer(1, 2) if low else stream.weighted({2: 1.2, 3: 3.5, 4: 4.5, 5: 3.0, 6: 1.0})
    )
    style = stream.integer(0, 7)
    roof = 0.0 if style == 5 else stream.uniform(0.0, 3.2) if stream.chance(0.75) else 0.0
    tint = stream.weighted(_WALLS)
    if style % 3 == 2 and stream.chance(0.6):
        tint = stream.pick(((0.24, 0.10, 0.07), (0.28, 0.15, 0.10), (0.20, 0.12, 0.09)))
    shade = stream.uniform(0.8, 1.1)
    return Wall(
        BUILDING,
        a,
        b,
        storeys * 3.2,
        roof,
        style,
        (tint[0] * shade, tint[1] * shade, tint[2] * shade),
        stream.pick(_ROOFS),
        11,
        stream.integer(0, 1 << 30),
        shift=stream.uniform(0, 3.2),
    )


def _house(
    stream: RandomStream, street: Street, side: float, z: float, far: float, at: float, low: bool
) -> None:
    a, b = place(street, side * at, z), place(street, side * at, far)
    wall = _front(stream, a, b, low)
    street.walls.append(wall)
    deep = a[0] + side * 12.0  # the gable that looks at the camera
    street.walls.append(
        Wall(
            BUILDING,
            a,
            (deep, a[1]),
            wall.eaves,
            wall.roof * 1.3,
            7,
            wall.tint,
            wall.tint,
            11,
            wall.key + 1,
            gable=wall.roof > 0,
        )
    )


def _border(stream: RandomStream, street: Street, side: float, z: float, far: float) -> None:
    """A hedge, a fence or a low wall before a garden."""
    a, b = (place(street, side * (street.houses + 0.2), v) for v in (z, far))
    kinds = {GREEN: 3.0, FENCE: 2.0, "none": 2.0}
    if street.edition.walls:
        kinds = {GREEN: 3.0, FENCE: 2.0, MASONRY: 2.0, "none": 1.0}
    kind = stream.weighted(kinds)
    key = stream.integer(0, 1 << 30)
    if kind == GREEN:
        tint = stream.pick(_LEAVES)
        street.walls.append(
            Wall(GREEN, a, b, stream.uniform(0.9, 2.0), 0.0, 0, tint, tint, 21, key)
        )
    elif kind == FENCE:
        tone = stream.pick(((0.05, 0.05, 0.05), (0.3, 0.3, 0.29), (0.12, 0.08, 0.05)))
        high = stream.uniform(0.9, 1.5)
        street.walls.append(Wall(FENCE, a, b, high, 0.0, stream.integer(0, 1), tone, tone, 13, key))
    elif kind == MASONRY:
        tone = stream.pick(((0.22, 0.11, 0.08), (0.30, 0.28, 0.25), (0.36, 0.34, 0.30)))
        page = stream.pick((textures.COBBLES, textures.SLABS))
        high = stream.uniform(0.6, 1.4)
        street.walls.append(Wall(MASONRY, a, b, high, 0.0, page, tone, tone, 12, key))


def _green(stream: RandomStream, street: Street, side: float, z: float, far: float) -> None:
    tint = stream.pick(_LEAVES)
    back = street.houses + stream.uniform(4, 9)
    a, b = place(street, side * back, z - 3), place(street, side * back, far + 3)
    key = stream.integer(0, 1 << 30)
    street.walls.append(Wall(GREEN, a, b, stream.uniform(3, 7), 0.0, 1, tint, tint, 21, key))
    at = z
    while at < far:
        x, _ = place(street, side * (back - stream.uniform(0.5, 3.5)), at)
        tree = spot("tree", stream, x, at, 0.0, 0.3, stream.uniform(6, 14))
        tree.extra = stream.uniform(0.34, 0.5) * tree.height
        street.things.append(tree)
        at += stream.uniform(4.5, 9.0)
    if stream.chance(0.35 if street.edition.walls else 0.6):
        a, b = (
            place(street, side * (street.houses + 0.3), z),
            place(street, side * (street.houses + 0.3), far),
        )
        street.walls.append(
            Wall(GREEN, a, b, stream.uniform(1.0, 2.2), 0.0, 0, tint, tint, 21, key + 7)
        )
    elif street.edition.walls:
        _border(stream, street, side, z, far)


def _close(stream: RandomStream, street: Street) -> None:
    """Far away something always ends the view."""
    x = street.course.middle(street.end)
    reach = 90.0
    at = x - reach
    while at < x + reach:
        wide = stream.uniform(12, 25)
        a, b = (at, street.end), (at + wide, street.end + 0.1)
        if stream.chance(0.4):
            tint, high = stream.pick(_LEAVES), stream.uniform(3, 12)
            key = stream.integer(0, 1 << 30)
            street.walls.append(Wall(GREEN, a, b, high, 0.0, 1, tint, tint, 21, key))
        elif street.end < 61 or abs(at + wide / 2 - x) > street.kerb or stream.chance(0.5):
            street.walls.append(_front(stream, a, b, stream.chance(0.4)))
        at += wide
