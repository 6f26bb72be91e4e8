"""What 'bench doctor' tells of each thing."""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import BenchError
from bench.runtime.settings import user_path

# The groups of findings.
PROGRAMS, WEIGHTS, DATA, PACKAGES = "programs", "weights", "data sets", "packages"


@dataclass(frozen=True)
class Finding:
    """One line. ``ok`` is False where something needed, or something named, is not there,
    and None where something optional is not; advice beside a True is a warning. Findings of one
    ``group`` may be told together."""

    name: str
    ok: bool | None
    found: str
    advice: str | None = None
    group: str = ""


def absent(variable: str) -> bool | None:
    """How bad it is that something optional is not there: a fault if the user named its place."""
    try:
        return None if user_path(variable) is None else False
    except BenchError:
        return None  # the settings cannot be read, which has a finding of its own
