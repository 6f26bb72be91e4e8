"""Trees, lamps, signs, traffic lights and clutter along a street."""

from __future__ import annotations

from bench.datasets.toyscapes.populace import Populace
from bench.datasets.toyscapes.stream import RandomStream
from bench.datasets.toyscapes.street import Street, place, spot


def furnish(crowd: Populace, stream: RandomStream) -> None:
    street = crowd.street
    edge = street.kerb + 0.6
    trees = stream.chance(0.75)
    for side in (-1.0, 1.0):
        if trees and stream.chance(0.8):
            step, z = stream.uniform(7, 16), stream.uniform(7, 16)
            while z < 90:
                if not in_junction(street, z) and stream.chance(0.85):
                    x, _ = place(street, side * (edge + 0.3), z)
                    tree = spot("tree", stream, x, z, 0.0, 0.25, stream.uniform(5.5, 12))
                    tree.extra = stream.uniform(0.30, 0.48) * tree.height
                    crowd.add(tree)
                z += step * stream.uniform(0.85, 1.15)
        z = stream.uniform(10, 30)
        while z < 100:
            x, _ = place(street, side * edge, z)
            if not in_junction(street, z) and stream.chance(0.8):
                crowd.add(spot("lamp", stream, x, z, 0.0, 0.1, 8.0))
            z += stream.uniform(22, 35)
        for _ in range(stream.count(1.6, 4)):
            z = stream.uniform(9, 60)
            x, _ = place(street, side * (edge - 0.2), z)
            crowd.add(spot("sign", stream, x, z, 0.0, 0.1, 2.5))
        if stream.chance(0.25):
            z, step = stream.uniform(8, 25), stream.uniform(1.4, 2.5)
            for k in range(stream.integer(4, 12)):
                x, at = place(street, side * (edge - 0.25), z + step * k)
                if not in_junction(street, at):
                    crowd.add(spot("bollard", stream, x, at, 0.0, 0.06, 0.9))
        for _ in range(stream.count(1.3, 4)):
            kind = stream.weighted(
                {"bin": 2.0, "cabinet": 2.0, "column": 0.7, "parasol": 1.5, "planter": 1.5}
            )
            z, s = stream.uniform(9, 60), street.houses - stream.uniform(0.5, 1.0)
            x, _ = place(street, side * (s if stream.chance(0.6) else edge), z)
            if not in_junction(street, z):
                half = {"column": 0.6, "parasol": 0.5, "planter": 0.45}.get(kind, 0.3)
                crowd.add(
                    spot(
                        kind,
                        stream,
                        x,
                        z,
                        0.0,
                        half,
                        {"column": 3.2, "parasol": 2.4}.get(kind, 1.1),
                    )
                )
        if street.junction and stream.chance(0.6):
            for z in (street.junction[0] - 1.0, street.junction[1] + 1.0):
                x, _ = place(street, side * edge, z)
                crowd.add(spot("signal", stream, x, z, 0.0, 0.1, 3.2))


def in_junction(street: Street, z: float) -> bool:
    return street.junction is not None and street.junction[0] - 1 < z < street.junction[1] + 1
