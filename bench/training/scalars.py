"""The record of a training: CSV tables, and events if TensorBoard is installed.

Beside the weights, ``losses.csv`` has a row of mean losses every few steps, ``validation.csv`` a
row of figures on the validation pictures.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from bench.runtime.files import replacing

LOSSES, VALIDATION = "losses.csv", "validation.csv"


class Scalars:
    """The tables in a folder, continued after a step; rows of later steps are removed."""

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        for table in (LOSSES, VALIDATION):
            _forget_after(folder / table, step)
        self._events = None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(folder, purge_step=step + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Close TensorBoard's writer, whose thread must end with the training."""
        if self._events is not None:
            self._events.close()

    def add(self, table: str, step: int, seconds: float, values: Mapping[str, float]) -> None:
        path = self._folder / table
        new = not path.is_file()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "seconds", *values])
            writer.writerow([step, f"{seconds:.1f}", *(f"{v:.6g}" for v in values.values())])
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(f"{Path(table).stem}/{name}", value, step)
            self._events.flush()


def read_table(path: Path) -> list[dict[str, float]]:
    """The rows of a table; none without such a file."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]


def _forget_after(path: Path, step: int) -> None:
    if not path.is_file():
        return
    lines = path.read_text().splitlines()
    if step == 0 or not lines:  # a full disk may have left nothing in it
        path.unlink()
        return
    head, *lines = lines
    kept = [line for line in lines if int(line.partition(",")[0]) <= step]
    with replacing(path) as temporary:
        temporary.write_text("\n".join([head, *kept]) + "\n")
