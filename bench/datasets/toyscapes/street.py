"""What stands where: a street, its houses, and everything on and beside the road."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from bench.datasets.toyscapes import textures
from bench.datasets.toyscapes.editions import Edition
from bench.datasets.toyscapes.ground import Course, Footprint, Ground, RoadMarking, Strip
from bench.datasets.toyscapes.raster import Colour
from bench.datasets.toyscapes.stream import RandomStream
from bench.datasets.toyscapes.walls import Wall

WHEELED = ("car", "bus", "truck", "tram")
Bounds = tuple[float, float, float, float]  # x from, x to, z from, z to


@dataclass
class Thing:
    """Something to paint, in front of all that lies behind it."""

    kind: str
    x: float
    z: float
    yaw: float
    key: int
    bounds: Bounds
    foot: Footprint  # the ground it stands on
    height: float = 0.0
    group: bool = False  # one of a crowd that nobody told apart
    ids: dict[int, int] = field(default_factory=dict)  # class → instance id
    extra: float = 0.0


@dataclass
class Street:
    ground: Ground
    course: Course
    walls: list[Wall]
    things: list[Thing]
    road: float  # half its width
    parking: float  # width of the strip for parked cars on each side
    kerb: float  # where the pavement begins
    houses: float  # where the houses begin
    junction: tuple[float, float] | None
    lane: float
    rails: bool
    end: float
    edition: Edition


_ASPHALT: tuple[Colour, ...] = (
    (0.085, 0.087, 0.088),
    (0.10, 0.10, 0.098),
    (0.07, 0.072, 0.075),
    (0.115, 0.112, 0.105),
)
_PAVING: tuple[Colour, ...] = (
    (0.14, 0.135, 0.125),
    (0.12, 0.12, 0.12),
    (0.16, 0.14, 0.12),
    (0.11, 0.09, 0.08),
)
_WHITE: Colour = (0.42, 0.42, 0.41)


def plan(stream: RandomStream, edition: Edition) -> Street:
    lanes = stream.weighted({1: 6.0, 2: 3.0})
    road = lanes * stream.uniform(2.9, 3.5)
    rails = stream.chance(0.19)
    parking = stream.uniform(2.0, 2.3) if stream.chance(0.72) else 0.0
    pavement = stream.uniform(1.8, 4.5)
    verge = stream.uniform(1.0, 5.0) if stream.chance(0.4) else 0.0
    lane = road - 1.6 if lanes == 1 else stream.pick((road - 1.6, road * 0.5 - 1.6))
    lane += stream.uniform(-0.3, 0.3)
    kerb = road + parking
    houses = kerb + pavement + verge
    course = Course(
        -lane, stream.uniform(-0.045, 0.045), stream.uniform(-1, 1) * stream.uniform(0, 0.0024)
    )
    junction = None
    if stream.chance(0.45):
        begin = stream.uniform(14, 55)
        junction = begin, begin + stream.uniform(7, 13)
    end = stream.uniform(*edition.driven(70, 160))
    if stream.chance(0.14):  # the street ends at another
        end = stream.uniform(30, 60)
        junction = end - stream.uniform(9, 13), end - 3.0
    ground = _ground(
        stream.child("ground"), course, road, parking, pavement, verge, lanes, rails, junction
    )
    return Street(
        ground, course, [], [], road, parking, kerb, houses, junction, lane, rails, end, edition
    )


def _ground(
    stream: RandomStream,
    course: Course,
    road: float,
    parking: float,
    pavement: float,
    verge: float,
    lanes: int,
    rails: bool,
    junction: tuple[float, float] | None,
) -> Ground:
    asphalt = stream.pick(_ASPHALT)
    old = stream.chance(0.18)
    surface = textures.COBBLES if old else stream.pick((textures.ASPHALT, textures.PATCHED))
    paving = stream.pick(_PAVING)
    slabs = stream.weighted({textures.SLABS: 3.0, textures.COBBLES: 1.0, textures.ASPHALT: 1.0})
    side = textures.COBBLES if stream.chance(0.5) else surface
    kerb = road + parking
    strips: list[Strip] = []
    left = -1e4
    grass: Colour = (0.07, 0.095, 0.03)
    green = stream.chance(0.5)
    far_material, far_tint, far_label = (textures.GRASS, grass, 22) if green else (slabs, paving, 8)
    strips.append(Strip(left, far_material, far_tint, far_label))
    if verge:
        strips.append(Strip(-kerb - pavement, slabs, paving, 8))
        strips.append(Strip(-kerb - pavement + verge * 0.2, slabs, paving, 8))
    else:
        strips.append(Strip(-kerb - pavement, slabs, paving, 8))
    if parking:
        strips.append(Strip(-kerb, side, asphalt, 7))
    strips.append(Strip(-road, surface, asphalt, 7))
    road_index = len(strips) - 1
    if parking:
        strips.append(Strip(road, side, asphalt, 7))
    strips.append(Strip(kerb, slabs, paving, 8))
    strips.append(Strip(kerb + pavement, far_material, far_tint, far_label))
    lines = _markings(stream, road, parking, lanes, rails, old, junction)
    _wear_down(lines, stream, road, kerb, lanes)
    return Ground(course, strips, lines, junction, road_index)


def _markings(
    stream: RandomStream,
    road: float,
    parking: float,
    lanes: int,
    rails: bool,
    old: bool,
    junction: tuple[float, float] | None,
) -> list[RoadMarking]:
    """Kerbs, painted lines, rails and a crossing."""
    kerb = road + parking
    lines: list[RoadMarking] = []
    stone: Colour = (0.20, 0.195, 0.185)
    spans = [(0.0, 1e4)] if junction is None else [(0.0, junction[0]), (junction[1], 1e4)]
    for whole in spans:
        span = (whole[0], whole[1] - 7.0) if junction and whole[0] == 0 else whole
        for edge in (-kerb, kerb):
            lines.append(RoadMarking(edge, 0.16, stone, 0.9, span=whole))
            inner = edge * (1 - 0.14 / abs(edge))
            lines.append(RoadMarking(inner, 0.12, (0.03, 0.03, 0.03), 0.7, span=whole))
        wear = stream.uniform(0.5, 1.0)
        if not old:
            if not rails and lanes == 1 and stream.chance(0.7):
                lines.append(RoadMarking(0.0, 0.13, _WHITE, wear, 6.0, 3.0, span))
            if lanes == 2:
                lines.append(RoadMarking(0.0, 0.13, _WHITE, wear, span=span))
                for s in (-road / 2, road / 2):
                    lines.append(RoadMarking(s, 0.13, _WHITE, wear, 6.0, 3.0, span))
            if parking and stream.chance(0.5):
                for s in (-road, road):
                    lines.append(RoadMarking(s, 0.12, _WHITE, wear, span=span))
            elif stream.chance(0.5):
                for s in (-road + 0.3, road - 0.3):
                    lines.append(RoadMarking(s, 0.12, _WHITE, wear, span=span))
    if rails:
        for s in (-2.4, -0.95, 0.95, 2.4):
            lines.append(RoadMarking(s, 0.07, (0.15, 0.15, 0.155), 0.8))
            lines.append(RoadMarking(s + 0.07, 0.05, (0.02, 0.02, 0.02), 0.8))
    zebra = None
    if junction and stream.chance(0.75):
        zebra = junction[0] - 3.5
    elif stream.chance(0.15):
        zebra = stream.uniform(12, 40)
    if zebra and not old:
        lines.append(
            RoadMarking(
                zebra, 3.0, _WHITE, stream.uniform(0.6, 1.0), 1.0, 0.5, (-road, road), across=True
            )
        )
        lines.append(RoadMarking(zebra - 3.2, 0.5, _WHITE, 0.8, span=(0.0, road), across=True))
    return lines


def _wear_down(
    lines: list[RoadMarking], stream: RandomStream, road: float, kerb: float, lanes: int
) -> None:
    """What years of use leave on the road."""
    tracks = [-road / 2, road / 2] if lanes == 1 else [v * road for v in (-0.75, -0.25, 0.25, 0.75)]
    tone = stream.pick((0.05, 0.06, 0.15))
    for middle in tracks:  # where tyres have polished or darkened the surface
        for offset in (-0.75, 0.75):
            worn = RoadMarking(
                middle + offset,
                stream.uniform(0.25, 0.5),
                (tone, tone, tone),
                stream.uniform(0.08, 0.22),
                feather=0.5,
            )
            lines.insert(0, worn)
    for _ in range(stream.count(2.0, 6)):  # covers of drains
        at, z = stream.uniform(-kerb, kerb), stream.uniform(5, 50)
        lines.append(RoadMarking(at, 0.62, (0.045, 0.045, 0.045), 0.85, span=(z, z + 0.65)))
    for _ in range(stream.count(1.5, 5)):  # joints and sealed cracks
        z = stream.uniform(5, 60)
        lines.append(
            RoadMarking(z, 0.07, (0.025, 0.025, 0.025), 0.8, span=(-road, road), across=True)
        )
        at = stream.uniform(-road, road)
        lines.append(RoadMarking(at, 0.05, (0.025, 0.025, 0.025), 0.7, span=(z - 9, z + 14)))
    for _ in range(stream.count(1.5, 5)):  # patches of newer asphalt
        at, z = stream.uniform(-road, road), stream.uniform(5, 60)
        tone = stream.uniform(0.04, 0.09)
        lines.append(
            RoadMarking(
                at,
                stream.uniform(0.5, 2.5),
                (tone, tone, tone),
                0.6,
                span=(z, z + stream.uniform(2, 15)),
            )
        )


def place(street: Street, s: float, z: float) -> tuple[float, float]:
    return s + street.course.middle(z), z


def yaw_of(street: Street, z: float, towards: bool) -> float:
    """The direction of the street, away from the camera or towards it."""
    heading = math.atan(street.course.heading(z))
    return round((heading + math.pi if towards else heading) * 1e6) / 1e6


def around(foot: Footprint) -> Bounds:
    return (
        float(foot[:, 0].min()),
        float(foot[:, 0].max()),
        float(foot[:, 1].min()),
        float(foot[:, 1].max()),
    )


def spot(
    kind: str, stream: RandomStream, x: float, z: float, yaw: float, half: float, height: float
) -> Thing:
    """A thing on a small square foot."""
    foot = np.array(
        [(x - half, z - half), (x + half, z - half), (x + half, z + half), (x - half, z + half)]
    )
    return Thing(kind, x, z, yaw, stream.integer(0, 1 << 40), around(foot), foot, height)
