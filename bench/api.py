"""What ``bench`` does, as Python calls; the command line only parses and prints."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.catalog import card_name, full_name
from bench.codec import Codec
from bench.datasets import dataset_kind, open_dataset
from bench.datasets.dataset import Progress
from bench.errors import BenchError, StoreError
from bench.export import export
from bench.files import make_folder
from bench.inventory import codecs, datasets, doctor, metrics, show, tasks
from bench.machine import this_machine
from bench.metrics import metric_fingerprints
from bench.metrics.bjontegaard import Delta, Method, bd_quality, bd_rate
from bench.plan import Plan, choose_points, make_plan, parse_shard, plan_import
from bench.predict import Prediction, Predictions, predict
from bench.report.compare import Report, compare
from bench.report.curve_files import FileCurve, read_pair
from bench.report.files import write_report
from bench.report.loading import load_results, load_some, stored_datasets, stored_name
from bench.report.results import Results
from bench.report.spec import read_spec
from bench.score import Score, score, write_score
from bench.scoring import make_scorers
from bench.single import Coded, decode, encode, one_point, runnable
from bench.store import Store
from bench.sweep import Outcome, run_sweep
from bench.vision.tasks import open_tasks

if TYPE_CHECKING:
    from bench.gate.baseline import Baseline
    from bench.gate.recording import Recording
    from bench.gate.verdicts import Check
    from bench.report.specified import SpecReport
    from bench.training.loop import Progress as TrainingProgress
    from bench.training.zoo import Trained

__all__ = [
    "RESULTS",
    "Coded",
    "Difference",
    "Prediction",
    "Predictions",
    "Report",
    "Score",
    "Watcher",
    "bd",
    "check",
    "codecs",
    "datasets",
    "decode",
    "doctor",
    "encode",
    "export",
    "import_streams",
    "metrics",
    "predict",
    "record",
    "report",
    "report_by",
    "run",
    "score",
    "show",
    "tasks",
    "train",
    "write_score",
]

RESULTS = Path("bench-results")
TRUTH_SCORE = 0.5  # of a detection that is pseudo truth


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
    tasks: Sequence[str] = (),
    engine: str = "bench",
    truth: str = "labels",
    truth_score: float = TRUTH_SCORE,
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
    """Code and measure whatever the store lacks, then compare with the anchor.

    The arguments are the options of ``bench run``. It says nothing by itself: give it a watcher,
    as ``with bench.progress.following(rich.console.Console()) as watcher`` has one.
    """
    watcher = watcher or Watcher()
    part = parse_shard(shard)
    fingerprints = metric_fingerprints(metrics)
    kind = dataset_kind(data)
    chosen = _runnable(codecs, kind)
    its_points = choose_points(chosen, kind, points)
    if save_decoded is not None:
        make_folder(save_decoded)
    dataset = open_dataset(data, root=root, limit=limit, progress=watcher.preparing)
    its_tasks, remark = open_tasks(tasks, dataset.kind, engine)
    scorers = make_scorers(its_tasks, dataset, truth, truth_score)
    names = [codec.name for codec in chosen]
    if anchor is not None and (anchor := full_name(card_name(anchor), names)) not in names:
        with Store(results, writable=False) as store:
            anchor = stored_name(store, dataset.digest, anchor)
        names.append(anchor)
    with Store(results, writable=True) as store:
        plan = make_plan(
            dataset,
            its_points,
            fingerprints,
            store,
            scorers=scorers,
            shard=part,
            save_decoded=save_decoded,
        )
        plan = replace(plan, remark=remark or None)
        outcome = _sweep(plan, store, jobs, watcher)
        asked = {codec.name: its_points[codec] for codec in chosen}
        found = load_results(store, dataset=dataset.digest, codecs=names, points=asked)
    made = compare(
        found,
        anchor=anchor,
        metrics=metrics,
        tasks=[scorer.name for scorer in scorers],
        method=method,
        pareto=pareto,
        incomplete=incomplete,
    )
    write_report(made, results / "report")
    return replace(made, outcome=outcome)


def report(
    results: Path = RESULTS,
    *,
    data: str | None = None,
    codecs: Sequence[str] | None = None,
    points: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    tasks: Sequence[str] = (),
    anchor: str | None = None,
    method: Method = "akima",
    pareto: bool = False,
    incomplete: bool = False,
    root: Path | None = None,
    out: Path | None = None,
    html: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """What ``run`` reports, from the store alone; files go to ``out``, else beside the store.

    ``html`` adds a page to explore. Unless data, codecs or points are named, it has every data set
    of the store.
    """
    anchor = None if anchor is None else card_name(anchor)
    chosen = codecs is not None or bool(points) or data is not None
    if codecs is not None:
        named = [card_name(codec) for codec in codecs]
        codecs = list(dict.fromkeys([*named, anchor] if anchor else named))
    named_tasks = [] if list(tasks) == ["none"] else list(tasks) or None
    compared = partial(
        compare, metrics=metrics, method=method, pareto=pareto, incomplete=incomplete
    )
    with Store(results, writable=False) as store:
        found = load_some(store, data, codecs, points)
        if anchor is not None:
            anchor = full_name(anchor, [codec.name for codec in found.codecs])
        made = compared(found, anchor=anchor, tasks=named_tasks)
        write_report(made, out or results / "report")
        if html:
            from bench.report.html import write_page

            digests = [] if chosen else stored_datasets(store)
            others = [load_results(store, dataset=each) for each in digests if each != found.digest]
            reports = [made, *(_likewise(other, made, compared) for other in others)]
            folder = out or results / "report"
            write_page(store, reports, folder, root=root, pareto=pareto, progress=progress)
    return made


def _likewise(found: Results, made: Report, compared: Callable[..., Report]) -> Report:
    """Another data set's report, with what it has of the same anchor and tasks."""
    names = [codec.name for codec in found.codecs]
    shown = [scoring.name for scoring in made.results.scorings]
    return compared(
        found,
        anchor=made.anchor if made.anchor in names else None,
        tasks=[scoring.name for scoring in found.scorings if scoring.name in shown],
    )


def report_by(
    spec: str,
    results: Path = RESULTS,
    *,
    data: str | None = None,
    root: Path | None = None,
    method: Method = "akima",
    pareto: bool = False,
    out: Path | None = None,
) -> SpecReport:
    """The figures and tables of a spec, by its name or path, from the store alone.

    Pictures are decoded from what is kept and looked at again; ``root`` is where Cityscapes is.
    """
    from bench.report.specified import write_spec_report

    its_spec = read_spec(spec)
    folder = out or results / its_spec.name
    with Store(results, writable=False) as store:
        found = load_results(store, dataset=data)
        return write_spec_report(
            its_spec, store, found, folder, root=root, method=method, pareto=pareto
        )


def check(
    baseline: Path,
    *,
    rules: Sequence[str] = (),
    root: Path | None = None,
    jobs: int | None = None,
    results: Path = RESULTS,
    watcher: Watcher | None = None,
) -> Check:
    """Hold a baseline's codecs to its recording, by its rules or by those given instead.

    Whatever stands in the way of judging, images or programs that are missing, makes rules that
    nothing is known of; only a baseline that cannot be read is an error.
    """
    from bench.gate.baseline import read_baseline
    from bench.gate.judging import judge
    from bench.gate.recording import read_recording
    from bench.gate.verdicts import nothing_known

    asked = read_baseline(baseline, rules)
    try:
        recorded = read_recording(asked.recording)
        now, failures = _measured(asked, asked.judged, root, jobs, results, watcher)
    except BenchError as error:
        return nothing_known(asked, str(error))
    return judge(asked, recorded, now, failures)


def record(
    baseline: Path,
    *,
    root: Path | None = None,
    jobs: int | None = None,
    results: Path = RESULTS,
    watcher: Watcher | None = None,
) -> Check:
    """Write down what a baseline's codecs give now; a rule that can never be judged shows here."""
    from bench.gate.baseline import read_baseline
    from bench.gate.judging import judge
    from bench.gate.recording import write_recording

    asked = read_baseline(baseline)
    now, failures = _measured(asked, list(asked.codecs), root, jobs, results, watcher)
    if failures:
        raise StoreError("nothing was recorded: " + "; ".join(failures.values()))
    write_recording(now, asked.recording)
    return judge(asked, now, now, {})


def _measured(
    asked: Baseline,
    codecs: Sequence[str],
    root: Path | None,
    jobs: int | None,
    results: Path,
    watcher: Watcher | None,
) -> tuple[Recording, dict[str, str]]:
    """What some of a baseline's codecs give now, as it would be recorded; and what failed."""
    from bench.gate.taking import failures, take

    watcher = watcher or Watcher()
    kind = dataset_kind(asked.data)
    chosen = _runnable([asked.codecs[name] for name in codecs], kind)
    points = choose_points(chosen, kind, asked.points_of(codecs))
    dataset = open_dataset(asked.data, root=root, limit=asked.limit, progress=watcher.preparing)
    its_tasks, remark = open_tasks(asked.tasks, dataset.kind)
    scorers = make_scorers(its_tasks, dataset, asked.truth, TRUTH_SCORE)
    with Store(results, writable=True) as store:
        fingerprints = metric_fingerprints(asked.metrics)
        plan = make_plan(dataset, points, fingerprints, store, scorers=scorers)
        _sweep(replace(plan, remark=remark or None), store, jobs, watcher)
        named = {codec.name: points[codec] for codec in chosen}
        found = load_results(store, dataset=dataset.digest, codecs=list(named), points=named)
        seen = [scorer.name for scorer in scorers]
        found = replace(found, scorings=tuple(s for s in found.scorings if s.name in seen))
        return take(found, fingerprints, store), failures(found)


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
    with Store(results, writable=True) as store:
        plan = plan_import(dataset, its_codec, its_point, folder, fingerprints, store)
        watcher.planned(plan)
        _begin(plan, store)
        outcome = run_sweep(plan, store, jobs=jobs, watch=watcher.going)
        if outcome.done:
            _remember_points(plan, store)
        return outcome


def train(
    name: str,
    folder: Path,
    *,
    data: str | None = None,
    root: Path | None = None,
    steps: int | None = None,
    most_seconds: float = math.inf,
    preparing: Progress = lambda what, done, total: None,
    watch: Callable[[TrainingProgress], None] = lambda progress: None,
) -> Trained:
    """Make a network's or a codec's weights, going on where a training in the folder stopped.

    ``data`` and ``steps`` are instead of the recipe's.
    """
    from bench.training.classifiers import train_classifier
    from bench.training.codecs import train_codec
    from bench.training.detectors import train_detector
    from bench.training.recipes import CLASSIFIERS, RECIPES, check_name
    from bench.training.sitting import Sitting
    from bench.training.zoo import Trained, made

    check_name(name)
    sitting = Sitting(folder, data, root, steps, most_seconds, preparing, watch)
    if name in RECIPES:
        whole = train_detector(name, sitting)
    elif name in CLASSIFIERS:
        whole = train_classifier(name, sitting)
    else:
        whole = train_codec(name, sitting)
    return Trained(name, folder, made(folder), whole)


def zoo(its_set: str) -> list[str]:
    """What there is to train for a weight set, in the order in which it can be."""
    from bench.training.zoo import zoo

    return zoo(its_set)


def training_folder(name: str, within: Path = Path("bench-training")) -> Path:
    """Where a training is kept unless someone says otherwise; BENCH_WEIGHTS may name ``within``."""
    return within.joinpath(*card_name(name).split(":"))


def _sweep(plan: Plan, store: Store, jobs: int | None, watcher: Watcher) -> Outcome:
    watcher.planned(plan)
    _begin(plan, store)
    _remember_points(plan, store)
    return run_sweep(plan, store, jobs=jobs, watch=watcher.going)


def _begin(plan: Plan, store: Store) -> None:
    """Whose results are to come: the command, the machine, the images, the codecs."""
    command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    with store.writing():
        store.begin_run(shlex.join(command), this_machine())
        store.add_dataset(plan.dataset)
        store.add_metrics(plan.metrics)
        for codec in plan.points:
            store.add_codec(codec)
        store.add_scorers(plan.scorers, plan.dataset)


def _remember_points(plan: Plan, store: Store) -> None:
    """What each curve is to be made of, for whoever reports."""
    with store.writing():
        for codec, points in plan.points.items():
            store.add_planned(plan.dataset, codec, points)


def _runnable(names: Sequence[str], kind: str) -> list[Codec]:
    """The codecs of a run; one card may be named twice, by its name and by its path."""
    codecs = [runnable(name, kind) for name in names]
    return list({(codec.card.path.resolve(), codec.name): codec for codec in codecs}.values())


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
