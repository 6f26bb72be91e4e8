"""What ``bench`` does, as Python calls; the command line only parses and prints."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datasets import dataset_kind, open_dataset
from bench.datasets.dataset import Progress
from bench.export import export
from bench.inventory import codecs, datasets, doctor, metrics, show
from bench.machine import this_machine
from bench.metrics import metric_fingerprints
from bench.metrics.bjontegaard import Delta, Method, bd_quality, bd_rate
from bench.plan import Plan, choose_points, make_plan, parse_shard, plan_import
from bench.report.compare import Report, compare
from bench.report.curve_files import FileCurve, read_pair
from bench.report.files import write_report
from bench.report.results import check_has_results, load_results, load_some
from bench.single import Coded, decode, encode, one_point, runnable
from bench.store import Store
from bench.sweep import Outcome, run_sweep

__all__ = [
    "RESULTS",
    "Coded",
    "Difference",
    "Report",
    "Watcher",
    "bd",
    "codecs",
    "datasets",
    "decode",
    "doctor",
    "encode",
    "export",
    "import_streams",
    "metrics",
    "report",
    "run",
    "show",
]

RESULTS = Path("bench-results")


@dataclass(frozen=True)
class Watcher:
    """Whoever wants to follow a sweep: told of its preparation, its plan and its progress."""

    preparing: Progress = lambda what, done, total: None
    planned: Callable[[Plan], None] = lambda plan: None
    going: Callable[[Outcome], None] = lambda outcome: None


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
    chosen = [runnable(name) for name in dict.fromkeys(codecs)]
    its_points = choose_points(chosen, dataset_kind(data), points)
    dataset = open_dataset(data, root=root, limit=limit, progress=watcher.preparing)
    with Store(results, writable=True) as store:
        names = [codec.name for codec in chosen]
        if anchor is not None and anchor not in names:
            check_has_results(store, dataset.digest, anchor)
            names.append(anchor)
        plan = make_plan(
            dataset, its_points, fingerprints, store, shard=part, save_decoded=save_decoded
        )
        _carry_out(plan, store, jobs, watcher)
        asked = {codec.name: points for codec, points in its_points.items()}
        found = load_results(store, dataset=dataset.digest, codecs=names, points=asked)
    made = compare(
        found, anchor=anchor, metrics=metrics, method=method, pareto=pareto, incomplete=incomplete
    )
    write_report(made, results / "report")
    return made


def report(
    results: Path = RESULTS,
    *,
    data: str | None = None,
    codecs: Sequence[str] | None = None,
    points: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    anchor: str | None = None,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
    out: Path | None = None,
) -> Report:
    """What ``run`` reports, from the store alone; files go to ``out``, else beside the store."""
    if codecs is not None and anchor is not None:
        codecs = list(dict.fromkeys([*codecs, anchor]))
    with Store(results, writable=False) as store:
        found = load_some(store, data, codecs, points)
    made = compare(
        found, anchor=anchor, metrics=metrics, method=method, pareto=pareto, incomplete=incomplete
    )
    write_report(made, out or results / "report")
    return made


def import_streams(
    folder: Path,
    codec: str,
    point: str,
    *,
    data: str = "toyscapes",
    root: Path | None = None,
    metrics: Sequence[str] | None = None,
    jobs: int | None = None,
    results: Path = RESULTS,
    watcher: Watcher | None = None,
) -> Outcome:
    """Adopt bitstreams that were coded elsewhere: each is decoded here, and measured."""
    watcher = watcher or Watcher()
    its_codec = runnable(codec)
    its_point = one_point(its_codec, point)
    fingerprints = metric_fingerprints(metrics)
    dataset = open_dataset(data, root=root, progress=watcher.preparing)
    with Store(results, writable=True) as store:
        plan = plan_import(dataset, its_codec, its_point, folder, fingerprints, store)
        return _carry_out(plan, store, jobs, watcher)


def _carry_out(plan: Plan, store: Store, jobs: int | None, watcher: Watcher) -> Outcome:
    watcher.planned(plan)
    command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    store.begin_run(shlex.join(command), this_machine())
    store.add_dataset(plan.dataset)
    store.add_metrics(plan.metrics)
    for codec, points in plan.points.items():
        store.add_codec(codec)
        store.add_planned(plan.dataset, codec, points)
    store.commit()
    return run_sweep(plan, store, jobs=jobs, watch=watcher.going)


@dataclass(frozen=True)
class Difference:
    """One curve against another, by both Bjøntegaard figures."""

    anchor: FileCurve
    test: FileCurve
    rate: Delta
    quality: Delta


def bd(
    anchor: str,
    test: str,
    *,
    metric: str | None = None,
    test_metric: str | None = None,
    rate: str | None = None,
    test_rate: str | None = None,
    method: Method = "akima",
    pareto: bool = False,
) -> Difference:
    """Compare two curves of anyone's, each ``FILE`` or ``FILE:CODEC``."""
    one, other = read_pair(
        anchor, test, metric=metric, test_metric=test_metric, rate=rate, test_rate=test_rate
    )
    return Difference(
        one,
        other,
        bd_rate(one.curve, other.curve, method=method, pareto=pareto),
        bd_quality(one.curve, other.curve, method=method, pareto=pareto),
    )
