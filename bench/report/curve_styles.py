"""How codecs are distinguished in a figure: by colour, line and marker, so in grey, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator

Line = Literal["solid", "dashed", "dotted", "dash-dotted", "dash-dot-dotted"]
Marker = Literal[
    "circle", "square", "triangle", "diamond", "triangle down", "plus", "cross", "pentagon", "star"
]
LINES: tuple[Line, ...] = get_args(Line)
MARKERS: tuple[Marker, ...] = get_args(Marker)
# Okabe and Ito's colours without the yellow, which is too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B")


def _colour(text: str) -> str:
    if not re.fullmatch("#[0-9A-Fa-f]{6}", text):
        raise ValueError(f"expected a colour such as #0072B2, not '{text}'")
    return text


@dataclass(frozen=True)
class CurveStyle:
    """A codec's label and how it is drawn; between dollars, the label is TeX's mathematics."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # in a report's spec

    label: str
    colour: Annotated[str, AfterValidator(_colour)]
    line: Line
    marker: Marker

    @property
    def plain(self) -> str:
        """The label without the markup of mathematics."""
        return re.sub(r"\\[a-z]+|[${}]", "", self.label)


ANCHOR = CurveStyle("", "#1A1A1A", "solid", "circle")


def distinct_styles(*, has_anchor: bool) -> Iterator[CurveStyle]:
    """Styles that differ from each other and from the anchor's."""
    for place in count():
        yield CurveStyle(
            "",
            COLOURS[place % len(COLOURS)],
            LINES[(place + has_anchor) % len(LINES)],
            MARKERS[1 + place % (len(MARKERS) - 1)],
        )
