"""Trains weights; heavy modules are imported when training begins."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs.catalog import card_name
from bench.commands.arguments import accepts_text
from bench.datasets.dataset import Progress

if TYPE_CHECKING:
    from bench.training.loop import TrainingProgress
    from bench.training.zoo import Trained


@accepts_text
def train(
    name: str,
    folder: Path,
    *,
    data: str | None = None,
    root: Path | None = None,
    steps: int | None = None,
    task: str | None = None,
    most_seconds: float = math.inf,
    preparing: Progress = lambda what, done, total: None,
    watch: Callable[[TrainingProgress], None] = lambda progress: None,
) -> Trained:
    """Train a network's or a codec's weights; resumes a training in the folder.

    ``data``, ``steps`` and, of a codec, ``task`` are instead of the recipe's.
    """
    from bench.training.classifiers import train_classifier
    from bench.training.codecs import train_codec
    from bench.training.detectors import train_detector
    from bench.training.recipes import (
        CLASSIFIERS,
        RECIPES,
        SEGMENTERS,
        check_name,
        not_through_a_task,
    )
    from bench.training.segmenters import train_segmenter
    from bench.training.session import TrainingSession
    from bench.training.zoo import Trained, trained_weights

    check_name(name)
    if task is not None and name in (*RECIPES, *CLASSIFIERS, *SEGMENTERS):
        raise not_through_a_task(name, task)
    ends = time.monotonic() + most_seconds
    session = TrainingSession(folder, data, root, steps, task, ends, preparing, watch)
    if name in RECIPES:
        whole = train_detector(name, session)
    elif name in CLASSIFIERS:
        whole = train_classifier(name, session)
    elif name in SEGMENTERS:
        whole = train_segmenter(name, session)
    else:
        whole = train_codec(name, session)
    return Trained(name, folder, trained_weights(folder), whole)


def zoo(weight_set: str) -> list[str]:
    """The networks and codecs to train for a weight set, in the right order."""
    from bench.training.zoo import zoo

    return zoo(weight_set)


@accepts_text
def training_folder(name: str, within: Path = Path("bench-training")) -> Path:
    """The default folder of a training; BENCH_WEIGHTS may name ``within``."""
    return within.joinpath(*card_name(name).split(":"))
