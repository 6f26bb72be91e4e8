"""The training loop: resumable at any step, seeded for each step, with atomic checkpoints.

Each step has its own random seed, and its batch is a function of its number, so a run that was
interrupted and resumed is, on a CPU, bit for bit the run that was not. A checkpoint is written only
between two steps; if a step is interrupted, training resumes from the last checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from bench.errors import BenchError, DataError
from bench.runtime.files import replacing
from bench.training.processes import Processes
from bench.training.scalars import LOSSES, VALIDATION, Scalars
from bench.training.schedule import Schedule

Batch = TypeVar("Batch")

_CHECKPOINT = "checkpoint.pt"
_AHEAD = 3  # batches prepared in advance
_AGREE_EVERY = 10  # steps between two agreements of processes, for which a GPU must wait


@dataclass
class TrainingProgress:
    """The progress of a training; the losses are means since the last report."""

    step: int
    steps: int
    losses: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)  # the last, on other pictures
    seconds: float = 0.0  # of training so far, over all sessions


@dataclass(frozen=True, eq=False)
class Training(Generic[Batch]):
    """A network, its training data and its schedule."""

    network: nn.Module
    schedule: Schedule
    batch: Callable[[int], Batch]  # of a step, on the CPU; called in other threads
    losses: Callable[[Batch], dict[str, Tensor]]
    folder: Path
    processes: Processes
    resume_key: str  # everything that must be the same to resume from a checkpoint
    validate: Callable[[], dict[str, float]] | None = None


def train(
    training: Training[Any],
    *,
    most_seconds: float = math.inf,
    every: int = 50,
    save_seconds: float = 60.0,
    validate_every: int = 2000,
    watch: Callable[[TrainingProgress], None] = lambda progress: None,
) -> bool:
    """Resume from the last checkpoint; True at the end, False if the time ran out."""
    schedule, processes = training.schedule, training.processes
    parameters = [p for p in training.network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters, lr=schedule.rate, weight_decay=schedule.decay, foreach=True
    )
    training.folder.mkdir(parents=True, exist_ok=True)
    progress = _resume(training, optimiser)
    first = Scalars(training.folder, progress.step) if processes.first else None
    with first or nullcontext() as scalars:
        began = saved = time.monotonic()
        before, totals, counted = progress.seconds, dict[str, Tensor](), 0
        for step, batch in _batches(training, progress.step):
            asked = processes.count == 1 or step % _AGREE_EVERY == 0
            if asked and processes.agreed(time.monotonic() - began > most_seconds):
                break
            torch.manual_seed((schedule.seed * processes.count + processes.rank << 32) + step)
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at(step)
            losses = _step(training, batch, parameters, optimiser)
            progress.step = step + 1
            for name, value in losses.items():
                totals[name] = totals[name] + value if name in totals else value
            counted += 1
            progress.seconds = before + time.monotonic() - began
            last = progress.step == schedule.steps
            if progress.step % every == 0 or last:
                progress.losses = _means(processes, totals, counted, progress.step)
                totals, counted = {}, 0
                if scalars:
                    scalars.add(LOSSES, progress.step, progress.seconds, progress.losses)
                    watch(progress)
            if scalars and training.validate and (progress.step % validate_every == 0 or last):
                progress.validation = training.validate()
                scalars.add(VALIDATION, progress.step, progress.seconds, progress.validation)
            if scalars and time.monotonic() - saved > save_seconds:
                _save(training, optimiser, progress)
                saved = time.monotonic()
        if scalars:
            _save(training, optimiser, progress)
    processes.wait()
    return progress.step >= schedule.steps


def _step(
    training: Training[Any],
    batch: Any,
    parameters: list[nn.Parameter],
    optimiser: torch.optim.Optimizer,
) -> dict[str, Tensor]:
    """One step of the optimiser; nothing here waits for the device."""
    device = training.processes.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        losses = training.losses(batch)
        total = torch.stack(list(losses.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    training.processes.average_gradients(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, training.schedule.largest_gradient)
    optimiser.step()
    return {name: value.detach() for name, value in losses.items()}


def _batches(training: Training[Any], first: int) -> Iterator[tuple[int, Any]]:
    """The batches from a step on, some of them prepared ahead."""
    steps = range(first, training.schedule.steps)
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting = {step: pool.submit(training.batch, step) for step in steps[:_AHEAD]}
        try:
            for step in steps:
                batch = waiting.pop(step).result()
                if step + _AHEAD in steps:
                    waiting[step + _AHEAD] = pool.submit(training.batch, step + _AHEAD)
                yield step, batch
        finally:
            pool.shutdown(cancel_futures=True)


def _means(
    processes: Processes, totals: dict[str, Tensor], count: int, step: int
) -> dict[str, float]:
    values = processes.mean(torch.stack([value.float() for value in totals.values()])) / count
    means = dict(zip(totals, values.tolist(), strict=True))
    for name, value in means.items():
        if not math.isfinite(value):
            raise BenchError(
                f"{name} became {value} before step {step}; the last checkpoint is an earlier "
                "one. A lower rate or a smaller gradient limit may help"
            )
    return means


def _save(
    training: Training[Any], optimiser: torch.optim.Optimizer, progress: TrainingProgress
) -> None:
    if any(not p.isfinite().all() for p in training.network.parameters()):
        return  # keep the last good checkpoint
    state = {
        "describes": training.resume_key,
        "schedule": _fixed_settings(training.schedule),
        "network": training.network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": progress.step,
        "seconds": progress.seconds,
    }
    with replacing(training.folder / _CHECKPOINT) as temporary:
        torch.save(state, temporary)


def check_finished(folder: Path, resume_key: str) -> None:
    """Refuse the finished weights of another training, if there is a checkpoint to compare with."""
    path = folder / _CHECKPOINT
    if path.is_file() and _read(path, torch.device("cpu"))["describes"] != resume_key:
        raise _not_the_same(path)


def _read(path: Path, device: torch.device) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        assert {"describes", "schedule"} <= state.keys()
    except Exception as error:  # torch's readers may raise anything
        raise DataError(f"{path}: not a readable checkpoint; remove it to start again") from error
    return state


def _not_the_same(path: Path) -> DataError:
    return DataError(
        f"{path}: of another recipe, other data, other initial weights or another network in the "
        "loss; name another --out, or empty the folder to start again"
    )


def _resume(training: Training[Any], optimiser: torch.optim.Optimizer) -> TrainingProgress:
    path, steps = training.folder / _CHECKPOINT, training.schedule.steps
    if not path.is_file():
        return TrainingProgress(0, steps)
    state = _read(path, training.processes.device)
    same = state["describes"] == training.resume_key
    if not same or state["schedule"] != _fixed_settings(training.schedule):
        raise _not_the_same(path)
    training.network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return TrainingProgress(state["step"], steps, seconds=state["seconds"])


def _fixed_settings(schedule: Schedule) -> dict[str, float]:
    """The part of a schedule that may not change between two sessions."""
    return {name: value for name, value in asdict(schedule).items() if name != "steps"}
