"""What ``bench show`` and ``bench doctor`` report on named things."""

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
    """One line of ``bench doctor``.

    ``ok`` is False if something required, or something that the user named, is missing, and None if
    something optional is missing; advice with True is a warning. Findings of one ``group`` may be
    summarized.
    """

    name: str
    ok: bool | None
    found: str
    advice: str | None = None
    group: str = ""


def absent(variable: str) -> bool | None:
    """The ``ok`` of something optional that is missing: a fault if the user named its place."""
    try:
        return None if user_path(variable) is None else False
    except BenchError:
        return None  # invalid settings have their own finding


def installed(title: str, package: str, advice: str) -> Finding:
    """Whether an optional package is installed, without importing it, which may take seconds."""
    if find_spec(package) is None:
        return Finding(title, None, "not installed", advice, PACKAGES)
    return Finding(title, True, version(package), group=PACKAGES)


class Described:
    """Something that can be described without being opened or loaded."""

    name: str
    title: str

    def missing(self) -> str | None:
        """What is missing on this machine and how to get it, in one line; None if nothing is."""
        return None

    def remark(self) -> str | None:
        """A remark on it on this machine, in one line, if nothing is missing."""
        return None

    def facts(self) -> Mapping[str, str]:
        """What ``bench show`` prints, labelled."""
        return {}

    def findings(self) -> Iterable[Finding]:
        """What ``bench doctor`` reports: by default, whether it is missing."""
        if missing := self.missing():
            yield Finding(self.name, None, "not found", missing, DATA)
