"""What ``bench`` does, as Python calls; the command line only parses and prints."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datasets import open_dataset
from bench.datasets.dataset import Progress
from bench.errors import UnavailableError
from bench.machine import this_machine
from bench.metrics import metric_fingerprints
from bench.metrics.bjontegaard import Method
from bench.plan import Plan, choose_points, make_plan, parse_shard
from bench.report.compare import Report, compare
from bench.report.files import write_report
from bench.report.results import load_results
from bench.store import Store
from bench.sweep import Outcome, run_sweep

RESULTS = Path("bench-results")


@dataclass(frozen=True)
class Watcher:
    """Whoever wants to follow a sweep: told of its preparation, its plan and its progress."""

    preparing: Progress = lambda what, done, total: None
    planned: Callable[[Plan], None] = lambda plan: None
    going: Callable[[Plan, Outcome], None] = lambda plan, outcome: None


def run(
    codecs: Sequence[str],
    *,
    data: str = "toyscapes",
    root: Path | None = None,
    limit: int | None = None,
    points: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    anchor: str | None = None,
    jobs: int | None = None,
    shard: str | None = None,
    save_decoded: Path | None = None,
    results: Path = RESULTS,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
    watcher: Watcher | None = None,
) -> Report:
    """Code and measure whatever the store lacks, then compare with the anchor."""
    watcher = watcher or Watcher()
    part = parse_shard(shard)
    fingerprints = metric_fingerprints(metrics)
    dataset = open_dataset(data, root=root, limit=limit, progress=watcher.preparing)
    chosen = choose_points(codecs, dataset, points)
    for codec in chosen:
        if missing := codec.missing():
            raise UnavailableError(f"{codec.name}: {missing}")
    with Store(results, writable=True) as store:
        plan = make_plan(
            dataset, chosen, fingerprints, store, shard=part, save_decoded=save_decoded
        )
        watcher.planned(plan)
        store.begin_run(shlex.join(sys.argv), this_machine())
        store.add_dataset(dataset)
        for codec, its_points in chosen.items():
            store.add_codec(codec)
            store.add_planned(dataset, codec, its_points)
        if plan.operations:
            run_sweep(plan, store, jobs=jobs, watch=lambda outcome: watcher.going(plan, outcome))
        names = [codec.name for codec in chosen]
        if anchor is not None and anchor not in names:
            names.append(anchor)
        found = load_results(store, dataset=dataset.digest, codecs=names)
    made = compare(
        found,
        anchor=anchor,
        metrics=metrics,
        method=method,
        pareto=pareto,
        incomplete=incomplete,
    )
    write_report(made, results / "report")
    return made


def report(
    results: Path = RESULTS,
    *,
    data: str | None = None,
    codecs: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    anchor: str | None = None,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
) -> Report:
    """What ``run`` reports, from the store alone."""
    with Store(results, writable=False) as store:
        found = load_results(store, dataset=data, codecs=codecs)
    made = compare(
        found,
        anchor=anchor,
        metrics=metrics,
        method=method,
        pareto=pareto,
        incomplete=incomplete,
    )
    write_report(made, results / "report")
    return made
