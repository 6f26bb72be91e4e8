"""Training on a GPU: its precision, its speed, and processes that share a step.

As a program, which torchrun starts, one of the processes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from findings import DATA, PICTURES, Findings, LeftOutError, Options, utilisation

from bench.codecs.families.inference import full_precision
from bench.datasets import Dataset, open_dataset
from bench.training.classifiers import train_classifier
from bench.training.codecs import train_codec
from bench.training.detectors import train_detector
from bench.training.labels import LabelledBatch
from bench.training.loop import Training, TrainingProgress, train
from bench.training.session import TrainingSession

# A codec for each loss, and whether its LSMnet is trained, too.
LOSSES = {
    "L_HVS": "ncn-hvs:toyscapes",
    "L_F": "ncn-f:toyscapes",
    "L_TASK": "ncn-task:toyscapes",
    "L_TASK with an LSMnet": "ncn-lsm:toyscapes",
}
# How far mean losses may be apart, relative; one crop has few regions.
_PRECISION, _PRECISION_SMALLEST = 0.1, 0.5
_PROCESSES = 1e-3


@dataclass(frozen=True, eq=False)
class ShortSession(TrainingSession):
    """Some steps of one training on a few pictures, observed, in a precision of our choice."""

    options: Options = field(kw_only=True)
    short: bool | None = None  # bfloat16, or float32; else as bench trains
    every: int = 1  # steps between two observations
    losses: list[dict[str, float]] = field(default_factory=list)
    times: list[tuple[int, float]] = field(default_factory=list)  # steps, and seconds

    def dataset(self, data: str, beside: str | None = None) -> Dataset:
        return open_dataset(DATA, limit=self.options.size(PICTURES, 1))

    def run(self, training: Training[Any]) -> bool:
        """Train one network; False, so that no other follows."""
        training = replace(training, validate=None, losses=self._in_precision(training))
        if self.options.smallest:
            training = replace(training, batch=partial(_first_picture, training))
        with full_precision() if self.short is False else nullcontext():
            train(training, every=self.every, watch=self._observe)
        return False

    def _in_precision(self, training: Training[Any]) -> Any:
        if self.short is None:
            return training.losses
        device, short, losses = training.processes.device.type, self.short, training.losses

        def chosen(batch: Any) -> dict[str, torch.Tensor]:
            with torch.autocast(device, torch.bfloat16, enabled=short):
                return losses(batch)

        return chosen

    def _observe(self, progress: TrainingProgress) -> None:
        self.times.append((progress.step, time.monotonic()))
        self.losses.append(progress.losses)

    @property
    def totals(self) -> list[float]:
        return [sum(losses.values()) for losses in self.losses]

    @property
    def speed(self) -> float:
        """Steps a second, without those until the first observation."""
        (first, began), *_, (last, ended) = self.times
        return (last - first) / (ended - began)


def _first_picture(training: Training[Any], step: int) -> Any:
    """The first picture of a step's batch, if it is of labelled pictures."""
    batch = training.batch(step)
    if isinstance(batch, LabelledBatch):
        return LabelledBatch(batch.pictures[:1], batch.truth[:1])
    return batch


def precision(options: Options, found: Findings) -> None:
    """Each loss in bfloat16 and in float32: the same weights, crops and noise."""
    steps = options.size(50, 1)
    for loss, codec in LOSSES.items():
        means = {}
        for short, name in ((False, "float32"), (True, "bfloat16")):
            folder = options.folder / f"{codec.partition(':')[0]}-{name}"
            session = ShortSession(folder, DATA, steps=steps, short=short, options=options)
            train_codec(codec, session)
            found.details[f"{loss}, {name}"] = session.losses
            totals = session.totals
            means[name] = statistics.mean(totals[-10:])
            found.figures[f"{loss}, {name}"] = (
                f"{totals[0]:.5g} at first, {means[name]:.5g} over the last steps of {steps}"
            )
        apart = abs(means["bfloat16"] / means["float32"] - 1)
        found.figures[f"{loss}, bfloat16 against float32"] = f"{100 * apart:.2f} % apart"
        most = _PRECISION_SMALLEST if options.smallest else _PRECISION
        found.expect(apart <= most, f"{loss}: bfloat16 is {100 * apart:.0f} % from float32")


def speed(options: Options, found: Findings) -> None:
    """Steps a second of bench's own loop, reading and cutting pictures included."""
    every = options.size(20, 1)
    trainings = {"mask-rcnn-toy": train_detector}
    codecs = ["ncn-hvs:toyscapes", "ncn-lsm:toyscapes"]
    trainings |= dict.fromkeys(codecs[: options.size(2, 1)], train_codec)
    for name, started in trainings.items():
        folder = options.folder / name.partition(":")[0]
        steps = options.size(5 * every, 2)
        session = ShortSession(folder, DATA, steps=steps, every=every, options=options)
        with utilisation(found, name):
            started(name, session)
        found.figures[name] = f"{session.speed:.3g} steps a second"


def processes(options: Options, found: Findings) -> None:
    """Two of torchrun's and one alone; of a training without noise, so that losses are equal."""
    if options.device == "cuda" and torch.cuda.device_count() < 2:
        raise LeftOutError("bench trains with one process on each GPU, and refuses two on one")
    file = options.folder / "two.json"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = [__file__, str(file), options.device, str(int(options.smallest))]
    subprocess.run([*launch, *arguments], check=True)
    alone, shared = _classified(options), json.loads(file.read_text())
    for name, losses in (("one process", alone), ("two by torchrun", shared)):
        found.figures[name] = " ".join(f"{loss:.6g}" for loss in losses)
    apart = max(abs(b / a - 1) for a, b in zip(alone, shared, strict=True))
    found.figures["largest difference"] = f"{apart:.2g}, relative"
    found.expect(apart <= _PROCESSES, f"losses differ by {apart:.2g}")


def main(file: str, device: str, smallest: str) -> None:
    path = Path(file)
    losses = _classified(Options(device, bool(int(smallest)), path.parent, path.with_suffix("")))
    if losses:  # of the first process
        path.write_text(json.dumps(losses))


def _classified(options: Options) -> list[float]:
    """The losses of a classifier's first steps."""
    folder, steps = options.folder / "vgg-toy", options.size(10, 2)
    session = ShortSession(folder, DATA, steps=steps, short=False, options=options)
    train_classifier("vgg-toy", session)
    return session.totals


if __name__ == "__main__":
    main(*sys.argv[1:])
