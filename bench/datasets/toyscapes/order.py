"""What hides what: the order in which walls and things are painted."""

from __future__ import annotations

from typing import TypeVar

from bench.datasets.toyscapes.street import Bounds

T = TypeVar("T")


def far_to_near(items: list[tuple[Bounds, T]]) -> list[T]:
    """Whatever hides nothing comes first; ranges that overlap in depth are told apart sideways."""
    order = sorted(range(len(items)), key=lambda i: -items[i][0][3])
    behind: dict[int, set[int]] = {i: set() for i in order}  # what must be painted before
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            if items[j][0][3] <= items[i][0][2]:
                continue  # wholly nearer: the order by depth serves
            if _hides(items[i][0], items[j][0]):
                behind[i].add(j)
    done: set[int] = set()
    result: list[T] = []

    def visit(i: int, path: frozenset[int]) -> None:
        if i in done or i in path:
            return
        for j in behind[i]:
            visit(j, path | {i})
        if i not in done:
            done.add(i)
            result.append(items[i][1])

    for i in order:
        visit(i, frozenset())
    return result


def _hides(one: Bounds, other: Bounds) -> bool:
    """Whether the first, though not wholly nearer, stands nearer to the axis."""
    if one[0] >= 0 and one[1] <= other[0]:
        return True
    return one[1] <= 0 and one[0] >= other[1]
