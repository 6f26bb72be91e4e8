"""Rules: sentences that say what must not get worse, in a baseline or on the command line.

bpp of x265: within 0.0001 %
psnr_y of ncn-lsm: within 0.02 dB
bd-rate by wap of ncn-lsm against vvenc: at most +1 %
bd-rate by wap between 60%,95% of ncn-lsm against vvenc: at most +1 %
encode time of ncn-lsm against x265: at most x1.3
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.codecs.catalog import full_name
from bench.errors import DataError
from bench.metrics import Group, describe
from bench.metrics.between import Between, parse_between
from bench.metrics.measure import figure_called

Kind = Literal["point", "bd-rate", "time"]

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
    """A figure without a task network's name is that of the only one."""
    return Group.TASK if figure_called(metric) else describe(metric).group


def parse_rule(text: str, codecs: Sequence[str] | None) -> Rule:
    """Parse a sentence about one of the codecs of these names, or about any if they are unknown."""
    text = " ".join(text.split())
    try:
        return _parse(text, codecs)
    except DataError as error:
        raise DataError(f"'{text}': {error}") from error


def _parse(text: str, codecs: Sequence[str] | None) -> Rule:
    matches = {kind: pattern.fullmatch(text) for kind, pattern in _SENTENCES.items()}
    found = [(kind, match.groupdict()) for kind, match in matches.items() if match]
    if not found:
        raise DataError(f"invalid rule; expected {_FORMS}")
    kind, words = found[0]
    metric, unit = words.get("metric") or "encode_cpu", words["unit"].replace("x", "×")
    if _group(metric) not in _MEASURED[kind]:
        raise DataError(f"{metric} is not allowed in such a rule; expected {_FORMS}")
    figure = figure_called(metric)
    if unit == "dB" and (figure or describe(metric)).unit != "dB":
        raise DataError(f"{metric} is not in dB; use %")
    allowed = float(words["allowed"])
    if unit == "×" and allowed < 1:
        raise DataError(f"x{allowed:g} is below x1; expected x1 or more")
    codec = _known(words["codec"], codecs)
    other = _known(words["other"], codecs) if "other" in words else None
    if codec == other:
        raise DataError("the codec and the reference are the same")
    between = parse_between(words["between"], metric) if words.get("between") else None
    return Rule(text, kind, codec, allowed, unit, metric, other, between)


def _known(codec: str, codecs: Sequence[str] | None) -> str:
    """The full name of a codec."""
    name = codec if codecs is None else full_name(codec, codecs)
    if codecs is not None and name not in codecs:
        raise DataError(f"unknown codec '{codec}'; known: {', '.join(codecs)}")
    return name
