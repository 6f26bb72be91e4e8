"""The gate: runs a baseline's codecs, records their results or compares them with a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.commands.arguments import accepts_text
from bench.commands.notebook import watching
from bench.commands.run import RESULTS
from bench.errors import BenchError, StoreError
from bench.gate.baseline import Baseline, read_baseline
from bench.gate.judging import judge
from bench.gate.recorder import failures, to_recording
from bench.gate.recording import Recording, read_recording, write_recording
from bench.gate.verdicts import Check, inconclusive_check
from bench.store import StoreWriter, load_results
from bench.sweep.execute import execute
from bench.sweep.machine import ThisMachine
from bench.sweep.outcome import Watcher
from bench.sweep.plan import prepare
from bench.sweep.request import Request, open_inputs


@accepts_text
def check(
    baseline: Path,
    *,
    rules: Sequence[str] = (),
    root: Path | None = None,
    jobs: int | None = None,
    results: Path = RESULTS,
    watcher: Watcher | None = None,
) -> Check:
    """Compare a baseline's codecs with its recording, by its rules or by those given instead.

    If images or programs are missing, the rules are inconclusive; only a baseline that cannot be
    read is an error.
    """
    asked = read_baseline(baseline, rules)
    try:
        recorded = read_recording(baseline.with_suffix(".jsonl"))
        now, failed = _measured(asked, asked.judged, root, jobs, results, watcher)
    except BenchError as error:
        return inconclusive_check(baseline, asked.data, asked.rules, str(error))
    return judge(baseline, asked.rules, recorded, now, failed)


@accepts_text
def record(
    baseline: Path,
    *,
    root: Path | None = None,
    jobs: int | None = None,
    results: Path = RESULTS,
    watcher: Watcher | None = None,
) -> Check:
    """Record a baseline's codecs; a rule that can never be judged shows here."""
    asked = read_baseline(baseline)
    now, failed = _measured(asked, list(asked.cards), root, jobs, results, watcher)
    if failed:
        raise StoreError("nothing was recorded: " + "; ".join(failed.values()))
    write_recording(now, baseline.with_suffix(".jsonl"))
    return judge(baseline, asked.rules, now, now, {})


def _measured(
    asked: Baseline,
    codecs: Sequence[str],
    root: Path | None,
    jobs: int | None,
    results: Path,
    watcher: Watcher | None,
) -> tuple[Recording, dict[str, str]]:
    """The recording of some of a baseline's codecs, and the failures."""
    request = Request(
        [asked.cards[name] for name in codecs],
        data=asked.data,
        root=root,
        limit=asked.limit,
        points=asked.points_of(codecs),
        metrics=asked.metrics,
        tasks=asked.scorers,
        truth=asked.truth,
        jobs=jobs,
    )
    with watching(watcher) as watched, StoreWriter(results) as store:
        inputs = open_inputs(request, watched.preparing)
        plan = prepare(inputs, store)
        with ThisMachine.for_plan(plan) as executor:
            execute(plan, store, executor, watched)
        found = load_results(
            store, dataset=plan.dataset.digest, codecs=inputs.names, points=inputs.named_points
        )
        found = found.seen_by([scorer.name for scorer in plan.scorers])
        return to_recording(found, plan.metrics, store.folder), failures(found)
