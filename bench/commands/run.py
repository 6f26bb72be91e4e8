"""Runs sweeps: code, measure, report; or import bitstreams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from bench.codecs.catalog import card_name, full_name
from bench.codecs.codec import Codec, Point
from bench.codecs.functions import FunctionCodec
from bench.commands.arguments import accepts_text, takes
from bench.commands.notebook import watching
from bench.datasets import Data
from bench.errors import CardError
from bench.metrics.between import Between, parse_between
from bench.metrics.bjontegaard import Method
from bench.report.compare import Report, choose_anchor, compare, wanted_metrics
from bench.report.files import write_report
from bench.runtime.files import make_folder
from bench.runtime.text import counted
from bench.runtime.trace import traced_to
from bench.store import Store, StoreWriter, load_results, stored_name
from bench.sweep.execute import execute
from bench.sweep.machine import ThisMachine
from bench.sweep.outcome import Outcome, Watcher
from bench.sweep.plan import Plan, prepare, prepare_import
from bench.sweep.request import Inputs, Request, open_inputs

RESULTS = Path("bench-results")


@dataclass(frozen=True, kw_only=True)
class RunRequest(Request):
    """What to code and measure, and how to compare it: the options of ``bench run``."""

    anchor: str | Codec | None = None
    method: Method = "akima"
    pareto: bool = False
    incomplete: bool = False
    between: str | None = None
    cluster: str | None = None
    trace: Path | None = None
    results: Path = RESULTS
    watcher: Watcher | None = None

    def __post_init__(self) -> None:
        if self.cluster is not None and self.save_decoded is not None:
            raise CardError("--save-decoded: not with --cluster; run it again here afterwards")
        if self.between is not None:
            parse_between(self.between)  # an invalid one is refused before anything else


@dataclass(frozen=True, eq=False, repr=False)
class RunReport(Report):
    """A report, and what the sweep did for it."""

    outcome: Outcome = field(kw_only=True)


@accepts_text
@takes(RunRequest)
def run(request: RunRequest) -> RunReport:
    """Code and measure whatever the store lacks, then compare with the anchor.

    The arguments are the options of ``bench run``; codecs, tasks and the data set may be objects.
    It shows its progress in a notebook, and nothing elsewhere: give it a watcher, as ``with
    bench.cli.progress.progress_watcher(rich.console.Console()) as watcher`` has one.
    """
    with watching(request.watcher) as watcher:
        return _run(request, watcher)


def _run(request: RunRequest, watcher: Watcher) -> RunReport:
    if request.save_decoded is not None:
        make_folder(request.save_decoded)
    inputs = open_inputs(request, watcher.preparing)
    between = _between(request, inputs)
    anchor = _anchor(request, inputs)
    names = list(dict.fromkeys([*inputs.names, *([anchor] if anchor else [])]))
    with StoreWriter(request.results) as store:
        plan = prepare(inputs, store, _anchor_text(anchor, inputs) if len(names) > 1 else "")
        for folder in plan.picture_folders:
            make_folder(folder)
        with traced_to(request.trace):
            outcome = _execute(plan, request, store, watcher)
        found = load_results(
            store, dataset=plan.dataset.digest, codecs=names, points=inputs.named_points
        )
    made = compare(
        replace(found, notes=(*found.notes, *_changed_pictures(outcome), *_not_reused(inputs))),
        anchor=anchor,
        metrics=request.metrics,
        tasks=[scorer.name for scorer in plan.scorers],
        method=request.method,
        pareto=request.pareto,
        incomplete=request.incomplete,
        between=between,
    )
    write_report(made, request.results / "report")
    return RunReport(
        **{each.name: getattr(made, each.name) for each in fields(made)}, outcome=outcome
    )


def _execute(plan: Plan, request: RunRequest, store: StoreWriter, watcher: Watcher) -> Outcome:
    """On this machine, or on the cluster that is asked for."""
    if request.cluster is None or not plan.jobs:
        with ThisMachine.for_plan(plan) as executor:
            return execute(plan, store, executor, watcher)
    from bench.sweep.open_cluster import check_portable, open_cluster

    check_portable(plan)
    with open_cluster(request.cluster) as cluster:
        remarks = [*filter(None, [plan.remark]), *cluster.remarks]
        return execute(replace(plan, remark="; ".join(remarks)), store, cluster, watcher)


def _between(request: RunRequest, inputs: Inputs) -> Between | None:
    """The range of quality of BD-rates, of a metric that will be measured."""
    if request.between is None:
        return None
    by_tasks = [scorer.metric for scorer in inputs.scorers]
    compared = [*wanted_metrics(request.metrics), *by_tasks]
    return parse_between(request.between).among(compared, request.metrics or ())


def _anchor(request: RunRequest, inputs: Inputs) -> str | None:
    """The full name of the requested anchor, a codec of the run or of the store."""
    if request.anchor is None:
        return None
    named = request.anchor if isinstance(request.anchor, str) else request.anchor.name
    anchor = full_name(card_name(named), inputs.names)
    if anchor in inputs.names:
        return anchor
    with Store(request.results) as store:
        return stored_name(store, inputs.dataset.digest, anchor)


def _anchor_text(named: str | None, inputs: Inputs) -> str:
    """The codec that the others will be compared with, and why."""
    anchor, why = choose_anchor(named, ((codec.name, codec.card.anchor) for codec in inputs.points))
    if anchor is None:
        return "none, as no codec here is conventional; --anchor CODEC names one"
    return f"{anchor}, {why}"


def _changed_pictures(outcome: Outcome) -> list[str]:
    """A note for each codec whose stored streams decoded to other pictures than before."""
    return [
        f"{codec}: {counted(count, 'stored stream')} decoded to another picture than before; all "
        "figures were measured again, and those of tasks outside this run are deleted. A neural "
        "decoder may round differently on another machine; no other decoder should"
        for codec, count in outcome.changed.items()
    ]


def _not_reused(inputs: Inputs) -> list[str]:
    """A note for each codec whose results cannot be recognised again."""
    made = [codec for codec in inputs.points if isinstance(codec, FunctionCodec)]
    return [f"{codec.name}: {codec.remark()}" for codec in made if codec.unknown]


@accepts_text
def import_streams(
    folder: Path,
    codec: str | Codec,
    point: str | Point,
    *,
    data: Data = "toyscapes",
    root: Path | None = None,
    metrics: Sequence[str] | None = None,
    jobs: int | None = None,
    results: Path = RESULTS,
    watcher: Watcher | None = None,
) -> Outcome:
    """Import bitstreams that were coded elsewhere: each is decoded and measured."""
    request = Request(
        [codec],
        data=data,
        root=root,
        points=[point],
        metrics=metrics,
        tasks=["none"],
        jobs=jobs,
        keep_going=True,  # all files are tried
    )
    with watching(watcher) as watched, StoreWriter(results) as store:
        inputs = open_inputs(request, watched.preparing)
        plan = prepare_import(inputs, folder, store)
        with ThisMachine.for_plan(plan) as executor:
            return execute(plan, store, executor, watched)
