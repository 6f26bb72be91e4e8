"""Which workers of a cluster get jobs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.sweep import roster
from bench.sweep.chunks import introduce
from bench.sweep.roster import Roster

distributed = pytest.importorskip("distributed", reason="--cluster needs pip install '.[cluster]'")


async def one_after_the_other(dask_worker: Any) -> dict[str, str]:
    await asyncio.sleep(0.4 * dask_worker.name)
    return introduce()


def test_workers_are_waited_for_while_others_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """As hundreds answer to one scheduler: the last one long after the first."""
    monkeypatch.setattr(roster, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(roster, "introduce", one_after_the_other)
    with (
        distributed.LocalCluster(
            n_workers=5, threads_per_worker=1, processes=False, dashboard_address=None
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        client.wait_for_workers(5)
        workers = Roster(client)
        workers.wait()
        assert len(workers) == 5
