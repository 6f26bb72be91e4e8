"""Where the sun does not reach, and where things on the ground keep the sky off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.datasets.toyscapes.ground import Footprint
from bench.datasets.toyscapes.light import Light
from bench.datasets.toyscapes.stream import RandomStream, turn
from bench.datasets.toyscapes.street import WHEELED, Street, Thing
from bench.datasets.toyscapes.walls import FENCE


def cast(street: Street, light: Light) -> list[Footprint]:
    """Puts shadows on the ground; returns those of the houses, which fall on things too."""
    sunny = light.sun[1] > 0.4
    ground = street.ground
    for thing in street.things:
        middle = np.array((thing.x, thing.z))
        wheeled = thing.kind in WHEELED
        if abs(thing.x) > 0.6 * thing.z + 4:
            continue  # beside the picture
        for grow, tone in ((1.25, 1), (1.08, 2), (0.96, 3)) if thing.z < 35 else ((1.1, 2),):
            if wheeled or tone < 3:
                ground.dim.append((middle + (thing.foot - middle) * grow, tone))
        if not sunny:
            continue
        if thing.kind == "tree":
            ground.shadows += _dapples(thing, light)
        else:
            ground.shadows.append(shadow(thing.foot, thing.height, light))
    houses = []
    if sunny:
        for wall in street.walls:
            if wall.kind != FENCE and wall.end[1] - wall.start[1] > 2:
                houses.append(shadow(np.array((wall.start, wall.end)), wall.eaves, light))
    ground.shadows += houses
    return houses


def _dapples(tree: Thing, light: Light) -> list[Footprint]:
    """The shadow of a crown, which lets light through here and there."""
    stream = RandomStream(tree.key, "dapples")
    high = tree.height * 0.66
    x = tree.x - light.toward[0] * high / light.toward[1]
    z = tree.z - light.toward[2] * high / light.toward[1]
    ring = np.array([turn(0.785 * k) for k in range(8)])
    blots = []
    for _ in range(14):
        reach, (c, s) = stream.uniform(0, 0.95) * tree.extra, turn(stream.uniform(0, 6.28))
        blots.append(
            ring * (stream.uniform(0.12, 0.42) * tree.extra) + (x + reach * c, z + reach * s)
        )
    return [*blots, shadow(tree.foot, high, light)]


def shadow(footprint: Footprint, height: float, light: Light) -> Footprint:
    """What a prism of this height shades: the hull of its foot and of its roof's shadow."""
    tall = height / light.toward[1]
    cast = footprint - np.array((light.toward[0], light.toward[2])) * tall
    return hull(np.concatenate((footprint, cast)))


def within(area: Footprint, points: Footprint) -> npt.NDArray[np.bool_]:
    """Which points lie in a convex polygon."""
    ahead = np.concatenate((area[1:], area[:1])) - area
    gap = points[None, :, :] - area[:, None, :]
    turns = ahead[:, 0, None] * gap[..., 1] - ahead[:, 1, None] * gap[..., 0]
    inside: npt.NDArray[np.bool_] = np.all(turns >= 0, axis=0) | np.all(turns <= 0, axis=0)
    return inside


def hull(points: Footprint) -> Footprint:
    """The convex hull, by Andrew's monotone chain."""
    ordered = sorted((float(x), float(y)) for x, y in points)
    chains = []
    for sequence in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for point in sequence:
            while len(chain) > 1 and _left_turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains.append(chain[:-1])
    return np.array(chains[0] + chains[1])


def _left_turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
