"""The gate as one calls it: a baseline's codecs run, recorded, or held to what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.codecs.points import choose_points
from bench.commands.run import RESULTS, TRUTH_SCORE, Watcher, carry_out, runnable_codecs
from bench.datasets import dataset_kind, open_dataset
from bench.errors import BenchError, StoreError
from bench.gate.baseline import Baseline, read_baseline
from bench.gate.judging import judge
from bench.gate.recorder import failures, to_recording
from bench.gate.recording import Recording, read_recording, write_recording
from bench.gate.verdicts import Check, inconclusive_check
from bench.metrics import metric_fingerprints
from bench.store import StoreWriter, load_results
from bench.sweep.plan import make_plan
from bench.tasks.scorer import make_scorers
from bench.tasks.task import open_tasks


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
    asked = read_baseline(baseline, rules)
    try:
        recorded = read_recording(asked.recording)
        now, failed = _measured(asked, asked.judged, root, jobs, results, watcher)
    except BenchError as error:
        return inconclusive_check(asked, str(error))
    return judge(asked, recorded, now, failed)


def record(
    baseline: Path,
    *,
    root: Path | None = None,
    jobs: int | None = None,
    results: Path = RESULTS,
    watcher: Watcher | None = None,
) -> Check:
    """Write down what a baseline's codecs give now; a rule that can never be judged shows here."""
    asked = read_baseline(baseline)
    now, failed = _measured(asked, list(asked.codecs), root, jobs, results, watcher)
    if failed:
        raise StoreError("nothing was recorded: " + "; ".join(failed.values()))
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

    watcher = watcher or Watcher()
    kind = dataset_kind(asked.data)
    chosen = runnable_codecs([asked.codecs[name] for name in codecs], kind)
    points = choose_points(chosen, kind, asked.points_of(codecs))
    dataset = open_dataset(asked.data, root=root, limit=asked.limit, progress=watcher.preparing)
    its_tasks, remark = open_tasks(asked.tasks, dataset.kind)
    scorers = make_scorers(its_tasks, dataset, asked.truth, TRUTH_SCORE)
    with StoreWriter(results) as store:
        fingerprints = metric_fingerprints(asked.metrics)
        plan = make_plan(dataset, points, fingerprints, store, scorers=scorers)
        carry_out(replace(plan, remark=remark or None), store, jobs, watcher)
        named = {codec.name: points[codec] for codec in chosen}
        found = load_results(store, dataset=dataset.digest, codecs=list(named), points=named)
        seen = [scorer.name for scorer in scorers]
        found = replace(found, tasks=tuple(s for s in found.tasks if s.name in seen))
        return to_recording(found, fingerprints, store.folder), failures(found)
