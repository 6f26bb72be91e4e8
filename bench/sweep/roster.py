"""The workers of a Dask cluster: which there are now, what each is, and what it cannot run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bench import __version__
from bench.runtime.machine import this_machine
from bench.runtime.text import counted
from bench.sweep.chunks import ANY, introduce

if TYPE_CHECKING:
    import distributed

GPU = "GPU"
"""The resource of workers that says how many chunks may use their GPUs at a time."""

_LOOK_SECONDS = 1.0  # between two looks at which workers there are; of hundreds, longer
_WORKERS_A_LOOK = 100
ANSWER_SECONDS = 5.0
"""A worker that says nothing for so long is waited for no longer."""
_log = logging.getLogger(__name__)


class Roster:
    """Workers that are new are asked what they are; until they answer they get no jobs."""

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self.threads = 0
        self._facts: dict[str, dict[str, str]] = {}  # of those that answered, by address
        self._asked: dict[str, float] = {}  # the others, and when they were asked
        self._answered = 0.0  # the last answer; a thousand workers take a while
        self._silent = set[str]()  # of which that was said
        self._unfit: dict[str, dict[str, str]] = {}  # by codec: workers, each with its reason
        self._with_gpu = set[str]()
        self._next_look = 0.0

    def __len__(self) -> int:
        """How many can get jobs."""
        return len(self._facts)

    def wait(self) -> None:
        """Until all have answered, or had the time to."""
        began = time.monotonic()
        self.look()
        while (self._asked or not self._facts) and not self._too_long(began):
            time.sleep(0.05)
        self._next_look = 0.0
        self.look()

    def look(self) -> None:
        """Which workers there are now; at most once in a while."""
        if time.monotonic() < self._next_look:
            return
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        pause = _LOOK_SECONDS * max(1.0, len(workers) / _WORKERS_A_LOOK)
        self._next_look = time.monotonic() + pause
        self.threads = sum(worker["nthreads"] for worker in workers.values())
        self._with_gpu = {a for a, worker in workers.items() if worker["resources"].get(GPU)}
        for gone in [*(self._facts.keys() | self._asked.keys()) - workers.keys()]:
            self._facts.pop(gone, None)
            self._asked.pop(gone, None)
        for address in workers.keys() - self._facts.keys() - self._asked.keys():
            self._asked[address] = time.monotonic()
            asyncio.run_coroutine_threadsafe(self._ask(address), self._client.loop.asyncio_loop)
        for address, since in list(self._asked.items()):
            if self._too_long(since) and address not in self._silent:
                self._silent.add(address)
                _log.warning("%s has not answered yet; it gets no jobs until it does", address)

    def _too_long(self, since: float) -> bool:
        """Whether a worker should have answered by now, though the others answer first."""
        return time.monotonic() - max(since, self._answered) >= ANSWER_SECONDS

    async def _ask(self, address: str) -> None:
        try:
            (facts,) = (
                await self._client.run(
                    introduce, workers=[address], on_error="return", asynchronous=True
                )
            ).values()
        except Exception as error:
            facts = error
        self._answered = time.monotonic()
        if self._asked.pop(address, None) is None:
            return  # it is gone
        if not isinstance(facts, dict):
            self.is_unfit(address, ANY, f"{type(facts).__name__}: {facts}")
        elif (there := facts["bench"]) != __version__:
            self.is_unfit(address, ANY, f"it has bench {there}, not {__version__}")
        self._facts[address] = facts if isinstance(facts, dict) else {}

    def is_unfit(self, worker: str, codec: str, reason: str) -> None:
        """It gets no more jobs of a codec."""
        if worker not in self._unfit.setdefault(codec, {}):
            _log.warning("%s cannot run %s: %s", worker, codec or "any job", reason)
        self._unfit[codec][worker] = reason

    def unfit(self, codec: str) -> dict[str, str]:
        """Those that cannot run a codec, and why."""
        return self._unfit.get(ANY, {}) | self._unfit.get(codec, {})

    def fit(self, codec: str) -> list[str]:
        unfit = self.unfit(codec)
        return [address for address in list(self._facts) if address not in unfit]

    def are_all(self, workers: list[str]) -> bool:
        """Whether these are all workers of the scheduler."""
        return len(workers) == len(self._facts) + len(self._asked)

    def has_any(self, workers: Iterable[str]) -> bool:
        """Whether one of these is still there."""
        return any(each in self._facts or each in self._asked for each in workers)

    def with_gpu(self, workers: Iterable[str]) -> list[str]:
        """Those of them that offer a GPU."""
        return [each for each in workers if each in self._with_gpu]

    @property
    def remarks(self) -> list[str]:
        """What is worth knowing of them before work starts."""
        machines = {facts.get("processor", "") for facts in list(self._facts.values())}
        machines.add(this_machine().get("processor", ""))
        workers = len(self) + len(self._asked)
        size = f"{counted(workers, 'worker')}, {counted(self.threads, 'thread')}"
        lines = [f"cluster: {size}; {self._client.dashboard_link}"]
        if len(machines) > 1:
            lines.append(
                "the machines differ, so codecs and networks that compute in floating point may "
                f"give other figures on some: {', '.join(sorted(machines))}"
            )
        lines += [f"{each} gets no jobs: {reason}" for each, reason in self.unfit(ANY).items()]
        return lines
