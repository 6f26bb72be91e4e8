"""The cores that this process may use, and work that is spread over them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def available_cores() -> int:
    """The number of cores that this process may use; on a shared machine, not all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_all_cores(
    call: Callable[[T], R],
    items: Collection[T],
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[R]:
    """The result for each item, in order; an error or an interrupt does not wait for the rest."""
    pool = ThreadPoolExecutor(available_cores())
    try:
        for done, result in enumerate(pool.map(call, items), start=1):
            yield result
            if progress:
                progress(done, len(items))
    finally:
        pool.shutdown(cancel_futures=True)
