"""The things of a street, no two in one place, each instance with its id."""

from __future__ import annotations

from bench.datasets.toyscapes.street import Street, Thing


class Populace:
    """The things of a street, no two in one place."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.end = street.end - 1.0
        self.things: list[Thing] = list(street.things)
        self.counts: dict[int, int] = {}

    def add(self, thing: Thing, *labels: int, group: bool = False, gap: float = 0.25) -> bool:
        if thing.bounds[2] < 2.2 or thing.bounds[3] > self.end or self._meets(thing, gap):
            return False
        thing.group = group
        for label in labels:
            if group:
                thing.ids[label] = label
            else:
                self.counts[label] = self.counts.get(label, -1) + 1
                thing.ids[label] = label * 1000 + self.counts[label]
        self.things.append(thing)
        return True

    def _meets(self, thing: Thing, gap: float) -> bool:
        x, x2, z, z2 = thing.bounds
        return any(
            x < o[1] + gap and o[0] < x2 + gap and z < o[3] + gap and o[2] < z2 + gap
            for o in (other.bounds for other in self.things)
        )
