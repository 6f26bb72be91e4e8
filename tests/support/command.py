"""What the fixture ``bench`` gives: the command line, and its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Said(NamedTuple):
    """What a command answered."""

    status: int
    out: str
    err: str


Bench = Callable[..., Said]
