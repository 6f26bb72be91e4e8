"""Calls of many threads to a device: together where they can be, each with its own result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bench.runtime.lanes import Direct, Lanes


class Doubler:
    """A network that notes its batches; while it is held it computes nothing."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.going = threading.Event()
        self.going.set()

    def double(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        assert self.going.wait(10)
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]

    def negate(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        return [-number for number in numbers]


def call(
    lanes: Lanes[Doubler],
    number: int,
    key: str = "",
    run: Callable[..., list[int]] = Doubler.double,
) -> int:
    return lanes.call(run, lambda network: number, key)


@contextmanager
def meanwhile(lanes: Lanes[Doubler]) -> Iterator[Callable[..., Future[int]]]:
    """Submit calls that wait, because the device is busy with another one until the block ends."""
    with ThreadPoolExecutor(32) as pool:
        waiting = 0

        def submit(number: int, **options: object) -> Future[int]:
            nonlocal waiting
            waiting += 1
            return pool.submit(call, lanes, number, **options)  # type: ignore[arg-type]

        lanes.one.going.clear()
        first = submit(0)
        while not lanes.one.batches:
            time.sleep(1e-3)
        yield submit
        while lanes._lanes[0].busy < waiting:
            time.sleep(1e-3)
        time.sleep(0.05)  # from its entry, a thread is soon in the queue
        lanes.one.going.set()
        assert first.result() == 0


def test_calls_that_wait_are_made_together() -> None:
    lanes = Lanes([Doubler()])
    with meanwhile(lanes) as submit:
        found = [submit(number) for number in range(1, 7)]
    assert [each.result() for each in found] == [2, 4, 6, 8, 10, 12]
    assert list(map(len, lanes.one.batches)) == [1, 6]


def test_no_more_than_so_many() -> None:
    lanes = Lanes([Doubler()], most=4)
    with meanwhile(lanes) as submit:
        found = [submit(number) for number in range(10)]
    assert [each.result() for each in found] == [2 * number for number in range(10)]
    assert sorted(map(len, lanes.one.batches)) == [1, 2, 4, 4]


def test_what_differs_in_size_or_function_is_not_mixed() -> None:
    lanes = Lanes([Doubler()])
    with meanwhile(lanes) as submit:
        small = [submit(number, key="small") for number in (1, 2)]
        large = [submit(number, key="large") for number in (3, 4)]
        other = [submit(number, key="small", run=Doubler.negate) for number in (5, 6)]
    assert [each.result() for each in (*small, *large, *other)] == [2, 4, 6, 8, -5, -6]
    assert {frozenset(batch) for batch in lanes.one.batches[1:]} == {
        frozenset(pair) for pair in ((1, 2), (3, 4), (5, 6))
    }


def test_a_batch_that_fails_is_made_again_one_by_one() -> None:
    lanes = Lanes([Doubler()])
    with meanwhile(lanes) as submit:
        found = {number: submit(number) for number in (12, 13, 14)}
    with pytest.raises(ValueError, match="13"):
        found[13].result()
    assert (found[12].result(), found[14].result()) == (24, 28)
    assert call(lanes, 4) == 8


def test_devices_share_the_calls() -> None:
    networks = [Doubler(), Doubler()]
    lanes = Lanes(networks)
    for each in networks:
        each.going.clear()
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(call, lanes, number) for number in (1, 2)]
        while not all(each.batches for each in networks):
            time.sleep(1e-3)
        for each in networks:
            each.going.set()
        assert [each.result() for each in found] == [2, 4]


def test_on_the_cpu_each_thread_calls_by_itself() -> None:
    lanes = Direct(Doubler())
    lanes.one.going.clear()
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(call, lanes, number) for number in (1, 2, 3)]
        while len(lanes.one.batches) < 3:  # all at once
            time.sleep(1e-3)
        lanes.one.going.set()
        assert [each.result() for each in found] == [2, 4, 6]
    assert list(map(len, lanes.one.batches)) == [1, 1, 1]
