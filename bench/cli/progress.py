"""The progress of a sweep: live bars on a terminal, sparse lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bench.cli.plan_screen import operations_left, plan_screen
from bench.datasets.dataset import Progress as PreparingProgress
from bench.runtime.text import counted, duration, grouped, one_line
from bench.sweep.outcome import Outcome, Watcher, failed_text
from bench.sweep.plan import Plan

if TYPE_CHECKING:
    from bench.training.loop import TrainingProgress

# Seconds between two lines where there is no terminal.
_SPARSE = 30.0
_ORIGINALS = "uncompressed images"


@contextmanager
def progress_watcher(console: Console) -> Iterator[Watcher]:
    """A watcher that prints a sweep's plan and progress to the console."""
    if console.is_terminal:
        with _bars(console, "red", speed_over=120, transient=True) as bars:
            yield _live_bars(bars)
    else:
        yield _sparse_lines(console)


def _bars(console: Console, remark: str, *, speed_over: float, transient: bool = False) -> Progress:
    """Bars that end in a remark of this style; ``speed_over`` is in seconds."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None, complete_style="cyan", finished_style="green"),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[remark]}", style=remark, markup=False),
        console=console,
        transient=transient,
        expand=True,
        speed_estimate_period=speed_over,
    )


def _live_bars(bars: Progress) -> Watcher:
    tasks: dict[str, TaskID] = {}
    reported = set[str]()

    def preparing(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total, remark="")
        bars.update(tasks[what], completed=done, visible=done < total)

    def planned(plan: Plan) -> None:
        bars.console.print(plan_screen(plan), "", sep="\n")
        totals = operations_left(plan)
        if len(totals) > 1:
            totals["all"] = len(plan.jobs)
        for name, total in {_ORIGINALS: len(plan.originals), **totals}.items():
            if total:
                tasks[name] = bars.add_task(name, total=total, remark="")

    def progressed(outcome: Outcome) -> None:
        failed, untried = outcome.failed, outcome.untried
        for line in given_up(outcome, reported):
            bars.console.print(Text(line, style="red"), soft_wrap=True)
        show(_ORIGINALS, outcome.originals)
        for name in outcome.coded | failed:
            show(name, outcome.coded[name], failed[name], untried[name])
        show("all", outcome.coded.total(), failed.total(), untried.total())

    def show(name: str, coded: int, failed: int = 0, untried: int = 0) -> None:
        """Show coding: it moves steadily, while many pictures at a time are measured soon after."""
        if name in tasks:
            remark = failed_text(failed, untried)
            bars.update(tasks[name], completed=coded + failed + untried, remark=remark)

    return Watcher(preparing, planned, progressed)


def given_up(outcome: Outcome, reported: set[str]) -> Iterator[str]:
    """A line about each codec that was given up, unless it was reported before."""
    for name, untried in outcome.untried.items():
        if name in reported or not untried:  # all its operations had already started
            continue
        reported.add(name)
        reasons = Counter(why for each, why in outcome.failures if each.codec.name == name)
        reason, _ = reasons.most_common(1)[0]
        yield (
            f"{name}: stopped after {counted(reasons.total(), 'failure')} and no success; "
            f"{untried} not tried (--keep-going tries all): {one_line(reason)}"
        )


class _Rate(ProgressColumn):
    """Operations per second, or seconds per operation if they are slow."""

    def render(self, task: Task) -> Text:
        return Text(_rate(task.speed) if task.speed else "", style="cyan")


def _rate(speed: float) -> str:
    return f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each"


@contextmanager
def training_progress(
    console: Console, name: str
) -> Iterator[tuple[PreparingProgress, Callable[[TrainingProgress], None]]]:
    """Print the progress and the losses of a training to the console."""
    if not console.is_terminal:
        yield _sparse_lines(console).preparing, _sparse_losses(console)
        return
    with _bars(console, "", speed_over=600) as bars:
        tasks: list[TaskID] = []

        def watch(progress: TrainingProgress) -> None:
            total = f"loss {sum(progress.losses.values()):.3f}"
            if not tasks:
                tasks.append(bars.add_task(name, total=progress.steps, remark=total))
            bars.update(tasks[0], completed=progress.step, remark=total)

        yield _live_bars(bars).preparing, watch


def _sparse_losses(console: Console) -> Callable[[TrainingProgress], None]:
    def watch(progress: TrainingProgress) -> None:
        losses = ", ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        left = progress.seconds / progress.step * (progress.steps - progress.step)
        step = f"step {progress.step} of {progress.steps}"
        _print_line(console, f"{step}: {losses}{_ahead(left)}")

    return watch


def _print_line(console: Console, words: str) -> None:
    console.print(f"{time.strftime('%H:%M:%S')}  {words}", highlight=False, soft_wrap=True)


def _ahead(seconds: float) -> str:
    return f", about {duration(seconds)} left" if seconds else ""


def _sparse_lines(console: Console) -> Watcher:
    began = last = time.monotonic()
    planned_operations = planned_originals = 0
    reported = set[str]()
    say = partial(_print_line, console)

    def preparing(what: str, done: int, total: int) -> None:
        nonlocal last
        if done == 0 or done == total or time.monotonic() - last > _SPARSE:
            last = time.monotonic()
            say(f"{what}: {done} of {total}")

    def planned(plan: Plan) -> None:
        nonlocal planned_operations, planned_originals, began, last
        console.print(plan_screen(plan), soft_wrap=True)
        planned_operations, planned_originals = len(plan.jobs), len(plan.originals)
        began = last = time.monotonic()

    def progressed(outcome: Outcome) -> None:
        nonlocal began, last
        now = time.monotonic()
        finished = outcome.finished
        for line in given_up(outcome, reported):
            say(line)
        if not outcome.coded and not outcome.failures:
            began = now  # the time so far does not help to predict the rest
            if outcome.originals < planned_originals and now - last > _SPARSE:
                last = now
                say(f"{outcome.originals} of {planned_originals} {_ORIGINALS} scored")
        if finished and (now - last > _SPARSE or finished == planned_operations):
            last, taken = now, now - began
            left = taken / finished * (planned_operations - finished)
            counts = [f"{name} {count}" for name, count in outcome.done.items()]
            if failed := failed_text(len(outcome.failures), outcome.untried.total()):
                counts.append(failed)
            done = f"{finished} of {planned_operations} done ({', '.join(counts)})"
            say(f"{done}, {_rate(finished / taken)}{_ahead(left)}")

    return Watcher(preparing, planned, progressed)


def refused_files(outcome: Outcome) -> list[str]:
    """The bitstreams that an import refused, each reason once."""
    by_reason = grouped((reason, str(job.imported_stream)) for job, reason in outcome.failures)
    return [
        f"{files[0]}{f' and {len(files) - 1} more' if files[1:] else ''}: {one_line(reason)}"
        for reason, files in by_reason.items()
    ]
