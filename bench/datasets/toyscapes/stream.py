"""Randomness frozen for good: hashes of integers, never a library's generator."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def _mix(value: int) -> int:
    """The finaliser of SplitMix64."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


def _key(parts: Sequence[int | str]) -> int:
    state = 0x243F6A8885A308D3
    for part in parts:
        number = zlib.crc32(part.encode()) + (1 << 40) if isinstance(part, str) else part
        state = _mix((state ^ number) + _GOLDEN & _MASK)
    return state


class RandomStream:
    """A sequence of random numbers that depends on nothing but its key."""

    def __init__(self, *parts: int | str) -> None:
        self._state = self._origin = _key(parts)

    def child(self, *parts: int | str) -> RandomStream:
        """An independent stream; how much was drawn from this one does not matter."""
        return RandomStream(self._origin, *parts)

    def bits(self) -> int:
        self._state = (self._state + _GOLDEN) & _MASK
        return _mix(self._state)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * ((self.bits() >> 11) / 9007199254740992.0)

    def middling(self, low: float, high: float) -> float:
        """Between low and high, more often near the middle."""
        return low + (high - low) * (self.uniform() + self.uniform() + self.uniform()) / 3.0

    def integer(self, low: int, high: int) -> int:
        """Between low and high, both included."""
        return low + self.bits() % (high - low + 1)

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.bits() % len(choices)]

    def weighted(self, choices: dict[T, float]) -> T:
        left = self.uniform(0.0, math.fsum(choices.values()))
        for choice, weight in choices.items():
            left -= weight
            if left < 0:
                return choice
        return next(reversed(choices))

    def count(self, mean: float, most: int) -> int:
        """A whole number with about this mean, long-tailed, never above `most`."""
        number = 0
        while number < most and self.uniform() < mean / (1.0 + mean):
            number += 1
        return number


def bytes_grid(shape: tuple[int, ...], *parts: int | str) -> npt.NDArray[np.uint8]:
    """Random bytes, from the same hash as `RandomStream`."""
    number = math.prod(shape)
    words = np.arange(1, (number + 7) // 8 + 1, dtype=np.uint64)
    words = words * np.uint64(_GOLDEN) + np.uint64(_key(parts))
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words = words ^ (words >> np.uint64(31))
    return words.astype("<u8").view(np.uint8)[:number].reshape(shape)


def turn(angle: float) -> tuple[float, float]:
    """Cosine and sine on a grid of a millionth: the last bit differs between C libraries."""
    return round(math.cos(angle) * 1e6) / 1e6, round(math.sin(angle) * 1e6) / 1e6
