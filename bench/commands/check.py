"""The gate as one calls it: a baseline's codecs run, recorded, or held to what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.commands.arguments import accepts_text
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
    return judge(asked.path, asked.rules, recorded, now, failed)


@accepts_text
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
    now, failed = _measured(asked, list(asked.cards), root, jobs, results, watcher)
    if failed:
        raise StoreError("nothing was recorded: " + "; ".join(failed.values()))
    write_recording(now, asked.recording)
    return judge(asked.path, asked.rules, now, now, {})


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
    inputs = open_inputs(request, watcher.preparing)
    with StoreWriter(results) as store:
        plan = prepare(inputs, store)
        with ThisMachine(plan) as executor:
            execute(plan, store, executor, watcher)
        found = load_results(
            store, dataset=plan.dataset.digest, codecs=inputs.names, points=inputs.named_points
        )
        seen = [scorer.name for scorer in plan.scorers]
        found = replace(found, tasks=tuple(s for s in found.tasks if s.name in seen))
        return to_recording(found, plan.metrics, store.folder), failures(found)
