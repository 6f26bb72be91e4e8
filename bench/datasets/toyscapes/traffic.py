"""Who is out today: parked and moving vehicles, cyclists, people on foot."""

from __future__ import annotations

import math
from functools import lru_cache

from bench.datasets.toyscapes import cars, cycles, models, vehicles
from bench.datasets.toyscapes.furnishing import furnish, in_junction
from bench.datasets.toyscapes.ground import Footprint
from bench.datasets.toyscapes.people import heading
from bench.datasets.toyscapes.populace import Populace
from bench.datasets.toyscapes.stream import RandomStream, turn
from bench.datasets.toyscapes.street import Street, Thing, around, place, spot, yaw_of

PERSON, RIDER, CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE = 24, 25, 26, 27, 28, 31, 32, 33


def model_of(thing: Thing) -> models.SolidModel:
    return _model(thing.kind, thing.key, thing.extra)


@lru_cache(maxsize=100)
def _model(kind: str, key: int, ends: float) -> models.SolidModel:
    stream = RandomStream(key)
    if kind == "car":
        return cars.car(stream)
    if kind == "truck":
        return vehicles.truck(stream)
    if kind == "bus":
        return vehicles.bus(stream)
    return vehicles.tram_module(stream, rear=ends in (2, 3), front=ends in (1, 3))


def _vehicle(
    street: Street,
    stream: RandomStream,
    kind: str,
    s: float,
    z: float,
    yaw: float | None = None,
    towards: bool = False,
) -> Thing:
    x, z = place(street, s, z)
    return _standing(
        kind, x, z, yaw_of(street, z, towards) if yaw is None else yaw, stream.integer(0, 1 << 40)
    )


def _standing(kind: str, x: float, z: float, yaw: float, key: int, ends: float = 0.0) -> Thing:
    model = _model(kind, key, ends)
    foot = models.footprint(model, x, z, *turn(yaw))
    return Thing(kind, x, z, yaw, key, around(foot), foot, model.height, extra=ends)


def populate(street: Street, stream: RandomStream) -> None:
    crowd = Populace(street)
    furnish(crowd, stream.child("furniture"))
    _big(crowd, stream.child("big"))
    _drive(crowd, stream.child("drive"))
    _park(crowd, stream.child("park"))
    _ride(crowd, stream.child("ride"))
    _walk(crowd, stream.child("walk"))
    street.things = crowd.things


def _big(crowd: Populace, stream: RandomStream) -> None:
    street = crowd.street
    if street.rails and stream.chance(0.9):
        towards = stream.chance(0.6)
        s, z = (-1.7 if towards else 1.7), stream.uniform(*street.edition.driven(18, 75))
        if abs(s - street.lane) < 2.5:
            z = max(z, 25)
        key, count = stream.integer(0, 1 << 40), stream.integer(2, 4)
        ident = crowd.counts[TRAIN] = crowd.counts.get(TRAIN, -1) + 1
        for k in range(count):
            at = z + 9.1 * k
            x, _ = place(street, s, at)
            first, last = (k == 0, k == count - 1) if towards else (k == count - 1, k == 0)
            thing = _standing(
                "tram", x, at, yaw_of(street, at, towards), key, float(first + 2 * last)
            )
            thing.ids = {TRAIN: TRAIN * 1000 + ident}
            crowd.things.append(thing)
    for kind, label, chance in (("bus", BUS, 0.30), ("truck", TRUCK, 0.34)):
        if stream.chance(chance):
            for _ in range(3):
                towards = stream.chance(0.55)
                s = -street.road * stream.uniform(0.45, 0.55) if towards else street.road - 1.6
                if not towards and stream.chance(0.5) and street.parking:
                    s = street.road + 1.1
                z = stream.uniform(*street.edition.driven(16, 75))
                if crowd.add(_vehicle(street, stream, kind, s, z, towards=towards), label):
                    break


def _drive(crowd: Populace, stream: RandomStream) -> None:
    street, driven = crowd.street, crowd.street.edition.driven
    for _ in range(stream.count(6.5 * street.edition.crowd, 16)):
        towards = stream.chance(0.5)
        lanes = (
            [street.road * 0.5] if street.road < 4.5 else [street.road * 0.25, street.road * 0.75]
        )
        s = stream.pick(lanes) + stream.uniform(-0.3, 0.3)
        z = stream.uniform(*driven(9, 50) if stream.chance(0.4) else driven(40, 110))
        crowd.add(
            _vehicle(street, stream, "car", -s if towards else s, z, towards=towards), CAR, gap=1.2
        )
    if street.junction and stream.chance(0.7):
        begin, end = street.junction
        for _ in range(stream.count(1.2, 3)):
            right = stream.chance(0.5)
            z = begin + (end - begin) * (0.28 if right else 0.72)
            s = stream.uniform(-22, 22)
            yaw = round(math.pi / 2 * 1e6) / 1e6 * (1 if right else -1) + stream.uniform(
                -0.12, 0.12
            )
            crowd.add(_vehicle(street, stream, "car", s, z, yaw), CAR, gap=0.8)


def _park(crowd: Populace, stream: RandomStream) -> None:
    street = crowd.street
    for side in (-1.0, 1.0):
        if street.parking:
            full, s = stream.uniform(0.35, 1.0), street.road + street.parking * 0.48
        elif stream.chance(0.3):
            full, s = stream.uniform(0.1, 0.5), street.kerb + 0.6
        else:
            full, s = 0.0, street.kerb
        z = stream.uniform(5.0, 9.0) if stream.chance(0.35) else stream.uniform(9.0, 32.0)
        reach = stream.uniform(*street.edition.driven(45, 100)) if full else 0.0
        while z < reach:
            clear = street.junction and street.junction[0] - 7 < z < street.junction[1] + 5
            if not clear and stream.chance(full):
                towards = (side < 0) != stream.chance(0.12)
                crowd.add(
                    _vehicle(
                        street,
                        stream,
                        "car",
                        side * (s + stream.uniform(-0.12, 0.12)),
                        z,
                        towards=towards,
                    ),
                    CAR,
                    gap=0.2,
                )
            z += stream.uniform(5.1, 6.3)
        if (
            not street.parking and street.houses - street.kerb > 5.6 and stream.chance(0.5)
        ):  # nose to the houses
            z = stream.uniform(9, 25)
            for _ in range(stream.integer(4, 14)):
                yaw = side * round(math.pi / 2 * 1e6) / 1e6 * stream.pick((1, 1, -1))
                if not in_junction(street, z) and stream.chance(0.8):
                    crowd.add(
                        _vehicle(street, stream, "car", side * (street.houses - 2.7), z, yaw),
                        CAR,
                        gap=0.1,
                    )
                z += stream.uniform(2.4, 2.8)
        if street.parking and stream.chance(0.35):  # farther on, nobody tells them apart
            for k in range(stream.integer(3, 6)):
                crowd.add(
                    _vehicle(
                        street, stream, "car", side * s, reach + 4 + 5.6 * k, towards=side < 0
                    ),
                    CAR,
                    group=True,
                    gap=0.2,
                )


def _ride(crowd: Populace, stream: RandomStream) -> None:
    street = crowd.street
    for _ in range(stream.count(2.1 * street.edition.cycles, int(7 * street.edition.crowd))):
        kind = "bicycle" if stream.chance(0.84) else "motorcycle"
        side, towards = stream.pick((-1, 1)), stream.chance(0.45)
        s = (
            side * (street.kerb + stream.uniform(-1.2, 1.0))
            if kind == "bicycle"
            else side * street.road * 0.5
        )
        z = stream.uniform(*street.edition.walked(9, 60))
        yaw = yaw_of(street, z, towards) + stream.uniform(-0.25, 0.25)
        if stream.chance(0.2):
            s, yaw = stream.uniform(-street.road, street.road), stream.uniform(-math.pi, math.pi)
        x, _ = place(street, s, z)
        foot = cycles.plan(x, z, yaw, 0.9, 0.25)
        thing = Thing(
            "riding " + kind, x, z, yaw, stream.integer(0, 1 << 40), around(foot), foot, 1.4
        )
        crowd.add(thing, BICYCLE if kind == "bicycle" else MOTORCYCLE, RIDER)
    for _ in range(stream.count(0.45 * street.edition.cycles, 4)):
        _stand(crowd, stream, "motorcycle", MOTORCYCLE)
    if stream.chance(min(0.5 * street.edition.cycles, 0.9)):
        for _ in range(stream.integer(1, 5)):
            _stand(crowd, stream, "bicycle", BICYCLE)
    if stream.chance(min(0.55 * street.edition.cycles, 0.9)):  # a rack
        side, z = stream.pick((-1, 1)), stream.uniform(*street.edition.driven(12, 45))
        s = side * (street.houses - stream.uniform(0.9, 1.4))
        many, group = stream.integer(3, 8), stream.chance(0.4)
        for k in range(many):
            x, at = place(street, s, z + 0.6 * k)
            yaw = math.pi / 2 + stream.uniform(-0.25, 0.25)
            crowd.add(
                _parked("bicycle", stream, x, at, yaw), BICYCLE, group=group and k > 1, gap=-0.4
            )


def _parked(kind: str, stream: RandomStream, x: float, z: float, yaw: float) -> Thing:
    foot: Footprint = cycles.plan(x, z, yaw, 0.9, 0.25)
    return Thing(kind, x, z, yaw, stream.integer(0, 1 << 40), around(foot), foot, 0.9)


def _stand(crowd: Populace, stream: RandomStream, kind: str, label: int) -> None:
    street = crowd.street
    side, z = stream.pick((-1, 1)), stream.uniform(*street.edition.walked(8, 50))
    s = side * (stream.uniform(street.kerb + 0.5, street.houses - 0.5))
    x, _ = place(street, s, z)
    yaw = (
        yaw_of(street, z, towards=False)
        + stream.pick((0.0, math.pi, 1.4))
        + stream.uniform(-0.4, 0.4)
    )
    crowd.add(_parked(kind, stream, x, z, yaw), label)


def _walk(crowd: Populace, stream: RandomStream) -> None:
    street, walked = crowd.street, crowd.street.edition.walked
    busy = stream.weighted({3.0: 2.0, 10.0: 3.0, 22.0: 2.6, 38.0: 1.4})
    for _ in range(stream.count(busy * street.edition.crowd, 70)):
        side = stream.pick((-1, 1))
        z = stream.uniform(*walked(9, 45) if stream.chance(0.45) else walked(30, 90))
        s = side * stream.uniform(street.kerb + 0.3, street.houses - 0.3)
        yaw = heading(stream)
        if stream.chance(street.edition.crossing):
            if street.junction and stream.chance(0.7):
                z = street.junction[0] - stream.uniform(2.2, 4.8)
            s, yaw = (
                stream.uniform(-street.kerb, street.kerb),
                stream.pick((1.57, -1.57)) + stream.uniform(-0.2, 0.2),
            )
        for k in range(stream.weighted({1: 6.0, 2: 3.0, 3: 0.8})):
            x, _ = place(street, s + 0.55 * k, z)
            person = spot(
                "person", stream, x, z + 0.1 * k, yaw + stream.uniform(-0.2, 0.2), 0.2, 1.7
            )
            crowd.add(person, PERSON, gap=0.02)
    if stream.chance(0.3):  # a crowd far away
        side, z = stream.pick((-1, 1)), stream.uniform(*walked(45, 90))
        for _ in range(stream.integer(4, 9)):
            s = side * stream.uniform(street.kerb + 0.3, street.houses - 0.3)
            x, at = place(street, s, z + stream.uniform(0, 5))
            crowd.add(
                spot("person", stream, x, at, heading(stream), 0.2, 1.7),
                PERSON,
                group=True,
                gap=-0.2,
            )
