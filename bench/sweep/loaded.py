"""Values that are loaded once and shared by threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loaded(Generic[K, V]):
    """Values by key: the first thread that asks for one loads it, and others wait.

    ``max_size`` limits the total size; the least recently used values are dropped.
    """

    def __init__(
        self,
        known: Mapping[K, V] | None = None,
        *,
        max_size: int = 0,
        size: Callable[[V], int] = lambda value: 0,
    ) -> None:
        self._values = {key: Future[V]() for key in known or {}}  # in the order of their last use
        for key, value in (known or {}).items():
            self._values[key].set_result(value)
        self._max_size, self._size = max_size, size
        self._lock = threading.Lock()

    def get(self, key: K, load: Callable[[], V]) -> V:
        with self._lock:
            future = self._values.pop(key, None)
            first = future is None
            future = self._values[key] = future or Future()
        if first:
            try:
                future.set_result(load())
            except BaseException as error:
                with self._lock:
                    self._values.pop(key, None)  # the next thread tries again
                future.set_exception(error)
            self._drop()
        return future.result()

    def _drop(self) -> None:
        with self._lock:
            held = [(key, each.result()) for key, each in self._values.items() if each.done()]
            excess = sum(self._size(value) for _, value in held) - self._max_size
            for key, value in held[:-1]:
                if excess <= 0:
                    return
                excess -= self._size(value)
                del self._values[key]
