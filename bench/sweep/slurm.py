"""The script of a Slurm job array that runs a plan, an equal share of its images in each task."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import ceil
from pathlib import Path

from bench.errors import BenchError
from bench.sweep.estimate import Estimate
from bench.sweep.plan import Plan
from bench.sweep.request import Request

_TASK_SECONDS = 3600  # of a task, at the upper end of the estimate
_MOST_TASKS = 1000  # Slurm's default limit of an array's size is 1001
_MARGIN = 2  # between the estimate and the limits that are asked for
_LEAST_MINUTES = 10
# The fields of a request whose options have other names.
_SINGULAR = {"codecs": "codec", "metrics": "metric", "tasks": "task", "classes": "class"}


def job_script(estimate: Estimate, results: Path) -> str:
    """A script for sbatch: tasks of about an hour, with limits of twice the estimate."""
    if not estimate.images:
        raise BenchError("--slurm: nothing is left to do")
    probe = estimate.probe
    if probe is None or estimate.unknown:
        raise BenchError("--slurm: time and memory are unknown; add --probe 2")
    request = estimate.plan.request
    cores = request.jobs or 1
    seconds = estimate.cpu.high / cores + estimate.gpu.high  # of a single task
    tasks = min(ceil(seconds / _TASK_SECONDS), estimate.plan.images, _MOST_TASKS)
    share = _largest_share(estimate.plan, tasks)
    minutes = max(_LEAST_MINUTES, ceil(_MARGIN * seconds * share / 60))
    memory = _MARGIN * probe.memory(cores)
    command = [sys.executable, "-m", "bench", "run", *_options(request), "--results", str(results)]
    options = {
        "job-name": "bench",
        "array": f"1-{tasks}",
        "cpus-per-task": str(cores),
        "mem": f"{ceil(memory / 2**20)}M",
        "time": f"{minutes // 60}:{minutes % 60:02d}:00",
        "chdir": shlex.quote(str(Path.cwd())),
        "output": "bench-%A_%a.log",
    } | ({"gres": "gpu:1"} if estimate.gpu.high else {})
    lines = [f"#SBATCH --{name}={value}" for name, value in options.items()]
    task = f'--jobs {cores} --shard "$SLURM_ARRAY_TASK_ID/{tasks}"'
    return "\n".join(["#!/bin/bash", *lines, f"exec {shlex.join(command)} {task}", ""])


def _largest_share(plan: Plan, tasks: int) -> float:
    """The part of the remaining operations that is left to the shard with most of them."""
    positions = {entry.name: position for position, entry in enumerate(plan.dataset.entries)}
    left = Counter(positions[job.entry.name] % tasks for job in plan.jobs)
    return max(left.values()) / left.total()


def _options(request: Request) -> Iterator[str]:
    """The options of ``bench run`` that make this request."""
    for field in fields(Request):
        value = getattr(request, field.name)
        if field.name in ("shard", "jobs") or value == field.default:
            continue
        option = "--" + _SINGULAR.get(field.name, field.name).replace("_", "-")
        if value is True:
            yield option
            continue
        if isinstance(value, Mapping):
            value = [f"{own}={theirs}" for own, theirs in value.items()]
        for each in [value] if isinstance(value, str | int | float | Path) else value:
            yield from (option, str(each))
