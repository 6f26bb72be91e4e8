"""Plans a sweep: what it would do, what that costs, and a job script for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.commands.arguments import accepts_text, takes
from bench.commands.run import RESULTS
from bench.errors import BenchError
from bench.runtime.files import write_text
from bench.store import Store, StoreWriter
from bench.sweep.estimate import Estimate, estimate, run_probe
from bench.sweep.outcome import Watcher
from bench.sweep.plan import prepare
from bench.sweep.request import Request, open_inputs
from bench.sweep.slurm import job_script


@dataclass(frozen=True, kw_only=True)
class PlanRequest(Request):
    """The options of ``bench plan``."""

    probe: int | None = None
    slurm: Path | None = None
    results: Path = RESULTS
    watcher: Watcher | None = None


@accepts_text
@takes(PlanRequest)
def plan(request: PlanRequest) -> Estimate:
    """What a sweep would do and what that costs; nothing is coded or measured, but by a probe.

    ``probe`` codes and measures so many images first; their results are kept. ``slurm`` writes the
    script of a job array there.
    """
    if request.slurm is not None and request.shard is not None:
        raise BenchError("--shard: not allowed with --slurm, whose tasks are shards")
    watcher = request.watcher or Watcher()
    inputs = open_inputs(request, watcher.preparing)
    probe = None
    with _store(request) as store:
        planned = prepare(inputs, store)
        if request.probe is not None and planned.jobs:
            if request.probe < 1 or not isinstance(store, StoreWriter):
                raise BenchError(f"--probe {request.probe}: expected at least one image")
            probe = run_probe(planned, store, request.probe, watcher.preparing)
            planned = prepare(inputs, store)
        made = estimate(planned, store, probe)
    if request.slurm is not None:
        write_text(request.slurm, job_script(made, request.results))
    return made


@contextmanager
def _store(request: PlanRequest) -> Iterator[Store]:
    """The results folder, which is only made for a probe."""
    if request.probe is not None:
        with StoreWriter(request.results) as writer:
            yield writer
    elif (request.results / "store.sqlite").is_file():
        with Store(request.results) as store:
            yield store
    else:
        with tempfile.TemporaryDirectory() as empty, StoreWriter(Path(empty)) as store:
            yield store
