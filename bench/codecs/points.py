"""Operating points as people write them, checked against what a card allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bench.codecs.card_file import point_fault
from bench.codecs.catalog import full_name
from bench.codecs.codec import Card, Codec, Point
from bench.errors import CardError

Points = Sequence[str | Point] | Mapping[str, Sequence[Point] | Point]
"""Points as ``--points`` says them, or by codec."""


def point_texts(chosen: Points) -> list[str]:
    """What ``--points`` would say."""
    if not isinstance(chosen, Mapping):
        return [str(choice) for choice in chosen]
    return [
        f"{codec}={','.join(map(str, [points] if isinstance(points, Point) else points))}"
        for codec, points in chosen.items()
    ]


def choose_points(
    codecs: Sequence[Codec], kind: str, chosen: Points
) -> dict[Codec, tuple[Point, ...]]:
    """Each codec's points: its defaults on that kind of dataset, or what ``--points`` says."""
    names = [codec.name for codec in codecs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CardError(f"two codecs are called '{twice}'; rename one")
    picked = name_points({codec.name: codec.card.unit for codec in codecs}, chosen)
    points = {}
    for codec in codecs:
        chosen_points = picked.get(codec.name) or codec.card.points_for(kind)
        checked = (check_point(codec.card, point) for point in chosen_points)
        points[codec] = tuple(dict.fromkeys(checked))
    return points


def name_points(units: Mapping[str, str], chosen: Points) -> dict[str, tuple[Point, ...]]:
    """What ``--points`` says of each codec.

    ``22,37`` is for all codecs and needs them to share a unit; ``vtm=22,37`` is for one.
    """
    own: dict[str, tuple[Point, ...]] = {}
    common: tuple[Point, ...] = ()
    for choice in point_texts(chosen):
        codec, equals, values = choice.rpartition("=")
        name = full_name(codec, units)
        if not equals:
            common += parse_points(values)
        elif name in units:
            own[name] = own.get(name, ()) + parse_points(values)
        else:
            raise CardError(f"--points {choice}: '{codec}' is not one of {', '.join(units)}")
    sharing = {unit for name, unit in units.items() if name not in own}
    if common and len(sharing) > 1:
        raise CardError(
            f"--points: the codecs count in {' and '.join(sorted(sharing))}; "
            "say CODEC=POINT,POINT for each"
        )
    return {name: own.get(name, common) for name in units if name in own or common}


def parse_points(text: str) -> tuple[Point, ...]:
    """``22,27.5,high`` as points: numbers where they are numbers."""
    points = tuple(_point(word.strip()) for word in text.split(",") if word.strip())
    if not points:
        raise CardError(f"--points {text!r}: no point in it")
    return points


def _point(word: str) -> Point:
    try:
        number = float(word)
    except ValueError:
        return word
    if not math.isfinite(number):
        raise CardError(f"point '{word}': not a finite number")
    return int(number) if number.is_integer() else number


def one_point(codec: Codec, text: str | Point) -> Point:
    """A single point as the command line gives it."""
    points = parse_points(str(text))
    if len(points) > 1:
        raise CardError(f"--point {text}: one point, not {len(points)}")
    return check_point(codec.card, points[0])


def check_point(card: Card, point: Point) -> Point:
    """The point if the codec has it; else CardError with the points that it has."""
    known = {str(value): value for values in card.points.values() for value in values}
    if str(point) in known:
        return known[str(point)]
    if card.weights is not None or all(isinstance(value, str) for value in known.values()):
        raise CardError(f"{card.name}: no {card.unit} '{point}'; there are {', '.join(known)}")
    if not isinstance(point, int | float) or not math.isfinite(point):
        raise CardError(f"{card.name}: {card.unit} '{point}' is not a number")
    if fault := point_fault(point, card.limits, whole=card.whole):
        raise CardError(f"{card.name}: {card.unit} {point} {fault}")
    return point
