"""The console that commands print to: no text can move its cursor or change its colours."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bench.runtime.text import printable


class SafeConsole(Console):
    """Removes control characters from printed text; rich keeps its own apart from the text."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)
