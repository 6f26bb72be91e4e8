"""Lanes: copies of a network, one on each device, and the calls of many threads that use them.

A GPU computes one batch at a time. Calls that come meanwhile wait, and those that can be made
together are the next batch: the busier the device, the larger the batches. No more wait than there
are threads. What else a thread does (reading, copying, entropy coding, metrics) goes on beside it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bench.runtime.trace import holding, span

if TYPE_CHECKING:
    import torch

# Of two megapixels each, by the largest networks, 8 need some 10 GB of the device.
_MOST = 8
_log = logging.getLogger(__name__)

Network = TypeVar("Network")
Given = TypeVar("Given")
Found = TypeVar("Found")
Run = Callable[[Network, Sequence[Given]], Sequence[Found]]


def devices() -> list[torch.device]:
    """The GPUs, or the CPU."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [torch.device("cuda", index) for index in range(count)] or [torch.device("cpu")]


@contextmanager
def beside(device: torch.device) -> Iterator[None]:
    """Copy to a device or from it while it computes something else."""
    if device.type != "cuda":
        yield
        return
    import torch

    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        yield
    stream.synchronize()


def finish(device: torch.device) -> None:
    """Wait until a device has computed what this thread asked of it."""
    if device.type == "cuda":
        import torch

        torch.cuda.current_stream(device).synchronize()


class Lanes(Generic[Network]):
    """Copies of a network, each used by one thread at a time, for a batch of calls."""

    def __init__(self, networks: Sequence[Network], most: int = _MOST) -> None:
        self.one = networks[0]
        self._lanes = [_Lane(network, most) for network in networks]

    def call(
        self,
        run: Run[Network, Given, Found],
        given: Callable[[Network], Given],
        key: Hashable,
    ) -> Found:
        """One of what ``run`` returns for a batch; it must have finished computing it.

        ``given`` brings a call's argument to the network's device. Calls of one function with the
        same key can be made together.
        """
        lane = min(self._lanes, key=lambda each: each.busy)
        with lane.entered():
            found: Found = lane.call(run, given(lane.network), (run, key))
            return found


class Direct(Lanes[Network]):
    """One network that threads call side by side, each for itself, as they do on a CPU."""

    def __init__(self, network: Network) -> None:
        self.one = network

    def call(
        self,
        run: Run[Network, Given, Found],
        given: Callable[[Network], Given],
        key: Hashable,
    ) -> Found:
        (found,) = run(self.one, [given(self.one)])
        return found


def lanes_of(networks: Sequence[Network], device: torch.device) -> Lanes[Network]:
    """For a network on the CPU, or its copies on GPUs."""
    return Direct(networks[0]) if device.type == "cpu" else Lanes(networks)


class _Call:
    def __init__(self, given: Any, key: Hashable) -> None:
        self.given, self.key, self.found = given, key, Future[Any]()


class _Lane:
    def __init__(self, network: Any, most: int) -> None:
        self.network, self.busy = network, 0
        self._most = most
        self._device = threading.Lock()  # held while it computes
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        with self._lock:
            self.busy += 1
        try:
            yield
        finally:
            with self._lock:
                self.busy -= 1

    def call(self, run: Run[Any, Any, Any], given: Any, key: Hashable) -> Any:
        call = _Call(given, key)
        with self._lock:
            self._waiting.append(call)
        with holding(self._device, "the device"):
            if not call.found.done():  # else it was in another thread's batch
                self._run_batch(run, self._take(call))
        return call.found.result()

    def _take(self, call: _Call) -> list[_Call]:
        """The call, and others that wait and can be made with it."""
        with self._lock:
            others = [each for each in self._waiting if each.key == call.key and each is not call]
            batch = [call, *others[: self._most - 1]]
            self._waiting = [each for each in self._waiting if each not in batch]
        return batch

    def _run_batch(self, run: Run[Any, Any, Any], batch: Sequence[_Call]) -> None:
        try:
            with span("device", batch=len(batch)):
                found = run(self.network, [call.given for call in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0].found.set_exception(error)
                return
            self._most = len(batch) // 2  # with little memory, fewer may do
            _log.info("run again one by one, a batch of %d: %s", len(batch), error)
            for call in batch:
                self._run_batch(run, [call])
            return
        for call, each in zip(batch, found, strict=True):
            call.found.set_result(each)
