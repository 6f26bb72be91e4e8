"""What 'bench show' and 'bench doctor' tell of each thing that has a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

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


def installed(title: str, package: str, advice: str) -> Finding:
    """Whether an optional package is there; to import it would take seconds."""
    if find_spec(package) is None:
        return Finding(title, None, "not installed", advice, PACKAGES)
    return Finding(title, True, version(package), group=PACKAGES)


class Described:
    """What is told of something before it is opened or loaded."""

    name: str
    title: str

    def missing(self) -> str | None:
        """What this machine lacks to use it and how to get it, in one line; else None."""
        return None

    def remark(self) -> str | None:
        """What is worth knowing of it on this machine, where nothing is missing, in one line."""
        return None

    def facts(self) -> Mapping[str, str]:
        """What ``bench show`` tells, labelled."""
        return {}

    def findings(self) -> Iterable[Finding]:
        """What ``bench doctor`` tells: what is missing, unless there is more to tell."""
        if missing := self.missing():
            yield Finding(self.name, None, "not found", missing, DATA)
