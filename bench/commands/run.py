"""Sweeps as one calls them: what a run codes and measures, and what it reports."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.codecs.catalog import card_name, full_name, runnable
from bench.codecs.codec import Codec
from bench.codecs.points import choose_points, one_point
from bench.datasets import dataset_kind, open_dataset
from bench.datasets.dataset import Progress
from bench.metrics import metric_fingerprints, wap_of
from bench.metrics.between import parse_between
from bench.metrics.bjontegaard import Method
from bench.report.compare import Report, choose_anchor, compare, wanted_metrics
from bench.report.files import write_report
from bench.runtime.files import make_folder
from bench.runtime.machine import this_machine
from bench.runtime.text import counted
from bench.store import Store, StoreWriter, load_results, stored_name
from bench.sweep.execute import Outcome, run_sweep
from bench.sweep.plan import Plan, make_plan, parse_shard, plan_import
from bench.tasks.scorer import make_scorers
from bench.tasks.task import open_tasks

RESULTS = Path("bench-results")
TRUTH_SCORE = 0.5  # of a detection that is pseudo truth


@dataclass(frozen=True)
class Watcher:
    """Whoever wants to follow a sweep: told of its preparation, its plan and its progress."""

    preparing: Progress = lambda what, done, total: None
    planned: Callable[[Plan], None] = lambda plan: None
    progressed: Callable[[Outcome], None] = lambda outcome: None


def run(
    codecs: Sequence[str],
    *,
    data: str = "toyscapes",
    root: Path | None = None,
    limit: int | None = None,
    points: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    tasks: Sequence[str] = (),
    engine: str = "bench",
    truth: str = "labels",
    truth_score: float = TRUTH_SCORE,
    anchor: str | None = None,
    jobs: int | None = None,
    keep_going: bool = False,
    shard: str | None = None,
    save_decoded: Path | None = None,
    results: Path = RESULTS,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
    between: str | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Code and measure whatever the store lacks, then compare with the anchor.

    The arguments are the options of ``bench run``. It says nothing by itself: give it a watcher,
    as ``with bench.cli.progress.progress_watcher(rich.console.Console()) as watcher`` has one.
    """
    watcher = watcher or Watcher()
    part = parse_shard(shard)
    qualities = None if between is None else parse_between(between)
    fingerprints = metric_fingerprints(metrics)
    kind = dataset_kind(data)
    chosen = runnable_codecs(codecs, kind)
    its_points = choose_points(chosen, kind, points)
    if save_decoded is not None:
        make_folder(save_decoded)
    dataset = open_dataset(data, root=root, limit=limit, progress=watcher.preparing)
    its_tasks, remark = open_tasks(tasks, dataset.kind, engine)
    scorers = make_scorers(its_tasks, dataset, truth, truth_score)
    if qualities is not None:  # an invalid one is refused before hours of coding
        by_tasks = [wap_of(scorer.name) for scorer in scorers]
        qualities = qualities.among([*wanted_metrics(metrics), *by_tasks], metrics or ())
    names = [codec.name for codec in chosen]
    if anchor is not None and (anchor := full_name(card_name(anchor), names)) not in names:
        with Store(results) as store:
            anchor = stored_name(store, dataset.digest, anchor)
        names.append(anchor)
    with StoreWriter(results) as store:
        plan = make_plan(
            dataset,
            its_points,
            fingerprints,
            store,
            scorers=scorers,
            shard=part,
            save_decoded=save_decoded,
        )
        for folder in {each.picture.parent for each in plan.operations if each.picture}:
            make_folder(folder)
        anchor_text = _anchor_text(anchor, chosen) if len(names) > 1 else ""
        plan = replace(plan, remark=remark or None, anchor=anchor_text)
        outcome = carry_out(plan, store, jobs, watcher, keep_going=keep_going)
        asked = {codec.name: its_points[codec] for codec in chosen}
        found = load_results(store, dataset=dataset.digest, codecs=names, points=asked)
        found = replace(found, notes=(*found.notes, *_changed_pictures(outcome)))
    made = compare(
        found,
        anchor=anchor,
        metrics=metrics,
        tasks=[scorer.name for scorer in scorers],
        method=method,
        pareto=pareto,
        incomplete=incomplete,
        between=qualities,
    )
    write_report(made, results / "report")
    return replace(made, outcome=outcome)


def _anchor_text(named: str | None, codecs: Sequence[Codec]) -> str:
    """Whom these codecs will be compared with, and why."""
    anchor, why = choose_anchor(named, ((codec.name, codec.card.anchor) for codec in codecs))
    if anchor is None:
        return "none, as there is no conventional codec here; --anchor CODEC names one"
    return f"{anchor}, {why}"


def _changed_pictures(outcome: Outcome) -> list[str]:
    """A note for each codec whose kept streams decoded to other pictures than before."""
    return [
        f"{codec}: {counted(count, 'kept stream')} decoded to another picture than before, so all "
        "its figures were measured anew; what tasks outside this run found in it is dropped. A "
        "neural decoder may round differently on another machine; no other decoder should"
        for codec, count in outcome.changed.items()
    ]


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
    its_codec = runnable(codec, dataset_kind(data))
    its_point = one_point(its_codec, point)
    fingerprints = metric_fingerprints(metrics)
    dataset = open_dataset(data, root=root, progress=watcher.preparing)
    with StoreWriter(results) as store:
        plan = plan_import(dataset, its_codec, its_point, folder, fingerprints, store)
        watcher.planned(plan)
        _begin(plan, store)
        # Each file is an answer of its own: all of them are tried.
        outcome = run_sweep(plan, store, jobs=jobs, keep_going=True, watch=watcher.progressed)
        if outcome.done:
            _remember_points(plan, store)
        return outcome


def carry_out(
    plan: Plan, store: StoreWriter, jobs: int | None, watcher: Watcher, *, keep_going: bool = False
) -> Outcome:
    """Run a plan on a store that remembers what it was for."""
    watcher.planned(plan)
    _begin(plan, store)
    _remember_points(plan, store)
    return run_sweep(plan, store, jobs=jobs, keep_going=keep_going, watch=watcher.progressed)


def _begin(plan: Plan, store: StoreWriter) -> None:
    """Whose results are to come: the command, the machine, the images, the codecs."""
    command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    with store.write_transaction():
        store.begin_run(shlex.join(command), this_machine())
        store.add_dataset(plan.dataset)
        store.add_metrics(plan.metrics)
        for codec in plan.points:
            store.add_codec(codec)
        store.add_scorers(plan.scorers, plan.dataset)


def _remember_points(plan: Plan, store: StoreWriter) -> None:
    """What each curve is to be made of, for whoever reports."""
    with store.write_transaction():
        for codec, points in plan.points.items():
            store.add_planned(plan.dataset, codec, points)


def runnable_codecs(names: Sequence[str], kind: str) -> list[Codec]:
    """The codecs of a run; one card may be named twice, by its name and by its path."""
    codecs = [runnable(name, kind) for name in names]
    return list({(codec.card.path.resolve(), codec.name): codec for codec in codecs}.values())
