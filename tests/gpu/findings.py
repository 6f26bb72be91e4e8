"""What the measurements share: their options, their figures, and the GPU's utilisation."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.datasets import Entry, open_dataset

DATA, PICTURES = "toyscapes:dev", 24


class LeftOutError(Exception):
    """Why this machine or bench cannot do a measurement."""


@dataclass(frozen=True)
class Options:
    """Where to run, on how much, where figures go, and a folder for what is in between."""

    device: str  # cuda or cpu
    smallest: bool
    out: Path
    folder: Path

    def size(self, usual: int, smallest: int) -> int:
        return smallest if self.smallest else usual

    def entries(self, usual: int) -> tuple[Entry, ...]:
        """The first labelled pictures of Toyscapes; with ``--smallest`` one."""
        return open_dataset(DATA, limit=self.size(usual, 1)).entries


@dataclass
class Findings:
    """The figures of a measurement; what went wrong; and long lists, for the JSON alone."""

    figures: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def expect(self, true: bool, fault: str) -> None:
        if not true:
            self.faults.append(fault)


@contextmanager
def utilisation(found: Findings, during: str) -> Iterator[None]:
    """Ask nvidia-smi for the GPU's utilisation and memory, about twice a second."""
    program, name = shutil.which("nvidia-smi"), f"{during}: GPU utilisation"
    if program is None:
        found.figures[name] = "unknown, nvidia-smi is missing"
        yield
        return
    query = ["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"]
    rows: list[str] = []
    ended = threading.Event()

    def sample() -> None:
        while True:
            command = [program, *query, "--id=0"]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            rows.append((result.stdout or result.stderr).strip())
            if ended.wait(0.4):
                return

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)
        found.figures[name] = _summary(rows)
        found.details[name] = rows


def _summary(rows: Sequence[str]) -> str:
    fields = [row.split(", ") for row in rows]
    samples = [list(map(int, row)) for row in fields if all(each.isdecimal() for each in row)]
    if not samples:
        return f"unknown, nvidia-smi says: {' '.join(rows)[:80]}"
    mean = statistics.mean(busy for busy, _ in samples)
    most = max(used for _, used in samples)
    return f"{mean:.0f} % in {len(samples)} samples, {most} MiB at most"
