"""The terminal as commands print to it: no text moves its cursor or changes its colours."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bench.runtime.text import printable


class SafeConsole(Console):
    """Drops the control characters of all that is printed; rich's own are apart from the text."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)
