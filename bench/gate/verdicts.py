"""Verdicts on a baseline's rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.gate.rules import Rule

Outcome = Literal["pass", "changed", "regression", "inconclusive"]
BROKEN: tuple[Outcome, ...] = ("regression", "changed")
"""Outcomes that break a rule; "changed" means not worse, but not as recorded."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on one rule; numbers in the rule's own unit, NaN if there is none."""

    rule: Rule
    outcome: Outcome
    why: str = ""
    where: str = ""  # the operating point that changed most, for a rule about points
    metric: str = ""
    was: float = np.nan
    now: float = np.nan
    change: float = np.nan
    interval: tuple[float, float] | None = None
    minimum_detectable: float = np.nan  # the smallest regression that these images could have shown


@dataclass(frozen=True)
class Check:
    """A baseline's rules, each with its verdict."""

    baseline: Path
    data: str
    recorded: str  # the date
    images: int
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    def count(self, outcome: Outcome) -> int:
        return sum(verdict.outcome == outcome for verdict in self.verdicts)

    @property
    def status(self) -> int:
        """0 if all rules pass, 1 if one is broken, otherwise 2 if one is inconclusive."""
        if any(verdict.outcome in BROKEN for verdict in self.verdicts):
            return 1
        return 2 if self.count("inconclusive") else 0


def inconclusive_check(baseline: Path, data: str, rules: Iterable[Rule], why: str) -> Check:
    """A check without results or without a recording: all rules are inconclusive."""
    return Check(baseline, data, "", 0, tuple(Verdict(rule, "inconclusive", why) for rule in rules))
