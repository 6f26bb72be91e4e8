"""Rules: sentences that say what must not get worse, in a baseline or on the command line.

bpp of x265: within 0.0001 %
psnr_y of ncn-lsm: within 0.02 dB
bd-rate by wap of ncn-lsm against vvenc: at most +1 %
bd-rate by wap between 60%,95% of ncn-lsm against vvenc: at most +1 %
encode time of ncn-lsm against x265: at most x1.3
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.codecs.catalog import full_name
from bench.errors import BenchError, DataError
from bench.metrics import Group, describe
from bench.metrics.between import Between, parse_between

Kind = Literal["point", "bd-rate", "time"]
WAP = "wap"  # of the only task network

_NUMBER = r"(?P<allowed>\d+(?:\.\d+)?(?:e-?\d+)?)"
_SENTENCES: dict[Kind, re.Pattern[str]] = {
    "bd-rate": re.compile(
        r"bd-rate by (?P<metric>\S+)(?: between (?P<between>.+?))? "
        rf"of (?P<codec>.+) against (?P<other>.+): at most \+?{_NUMBER} ?(?P<unit>%)"
    ),
    "time": re.compile(
        rf"encode time of (?P<codec>.+) against (?P<other>.+): at most (?P<unit>[x×]){_NUMBER}"
    ),
    "point": re.compile(rf"(?P<metric>\S+) of (?P<codec>.+): within {_NUMBER} ?(?P<unit>%|dB)"),
}
_FORMS = (
    "'METRIC of CODEC: within 0.02 dB' (or 0.2 %), "
    "'bd-rate by METRIC [between LOW,HIGH] of CODEC against ANCHOR: at most +1 %', "
    "'encode time of CODEC against CODEC: at most x1.3'"
)
_MEASURED: dict[Kind, tuple[Group, ...]] = {
    "point": (Group.RATE, Group.QUALITY, Group.TASK),
    "bd-rate": (Group.QUALITY, Group.TASK),
    "time": (Group.COST,),
}


@dataclass(frozen=True)
class Rule:
    """One parsed sentence."""

    text: str
    kind: Kind
    codec: str
    allowed: float  # in percent, dB, percentage points of BD-rate, or times as long
    unit: str
    metric: str
    other: str | None = None  # the anchor, or the codec whose time is the reference
    between: Between | None = None  # the qualities of a BD-rate

    @property
    def group(self) -> Group:
        """The group of its metric."""
        return _group(self.metric)


def _group(metric: str) -> Group:
    return Group.TASK if metric == WAP else describe(metric).group


def parse_rules(texts: Iterable[str], codecs: Sequence[str], where: str) -> tuple[Rule, ...]:
    """Parse rules about codecs of these names; ``where`` names their source in errors."""
    try:
        rules = tuple(parse_rule(text, codecs) for text in texts)
    except BenchError as error:
        raise DataError(f"{where}: {error}") from error
    if not rules:
        raise DataError(f"{where}: no rules; expected {_FORMS}")
    if twice := [rule.text for i, rule in enumerate(rules) if rule in rules[:i]]:
        raise DataError(f"{where}: duplicate rule '{twice[0]}'")
    return rules


def parse_rule(text: str, codecs: Sequence[str] | None) -> Rule:
    """A sentence about some codecs, or about any."""
    text = " ".join(text.split())
    matching = ((kind, pattern.fullmatch(text)) for kind, pattern in _SENTENCES.items())
    kind, said = next(((kind, found.groupdict()) for kind, found in matching if found), (None, {}))
    if kind is None:
        raise DataError(f"invalid rule '{text}'; expected {_FORMS}")
    metric, unit = said.get("metric") or "encode_cpu", said["unit"].replace("x", "×")
    try:
        group = _group(metric)
    except DataError as error:
        raise DataError(f"'{text}': {error}") from error
    if group not in _MEASURED[kind]:
        raise DataError(f"'{text}': {metric} is not allowed in such a rule; expected {_FORMS}")
    if unit == "dB" and (metric == WAP or describe(metric).unit != "dB"):
        raise DataError(f"'{text}': {metric} is not in dB; use %")
    allowed = float(said["allowed"])
    if unit == "×" and allowed < 1:
        raise DataError(f"'{text}': x{allowed:g} is below x1; expected x1 or more")
    codec = _known(said["codec"], codecs, text)
    other = _known(said["other"], codecs, text) if "other" in said else None
    if codec == other:
        raise DataError(f"'{text}': the codec and the reference are the same")
    between = _between(said["between"], metric, text) if said.get("between") else None
    return Rule(text, kind, codec, allowed, unit, metric, other, between)


def _between(said: str, metric: str, text: str) -> Between:
    try:
        return parse_between(said, metric)
    except DataError as error:
        raise DataError(f"'{text}': {error}") from error


def _known(said: str, codecs: Sequence[str] | None, text: str) -> str:
    if codecs is None:
        return said
    if (meant := full_name(said, codecs)) not in codecs:
        raise DataError(f"'{text}': unknown codec '{said}'; known: {', '.join(codecs)}")
    return meant
