"""The progress of a sweep in a notebook: bars that are updated in place, by HTML alone."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Protocol

from bench.runtime.text import duration
from bench.sweep.outcome import Outcome, Watcher
from bench.sweep.plan import Plan

_UPDATE_SECONDS = 0.25
_BAR = "width:min(320px,45vw);height:10px;vertical-align:middle"
_CELL = "padding:1px 16px 1px 0;text-align:left;border:0"


class Display(Protocol):
    """What IPython returns for something that is shown and may change."""

    def update(self, content: Any) -> None: ...


@contextmanager
def watching(watcher: Watcher | None) -> Iterator[Watcher]:
    """The given watcher; without one, in a notebook, one that shows the progress there."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if watcher is not None or not hasattr(shell, "kernel"):  # none in a terminal
        yield watcher or Watcher()
        return
    from IPython.display import HTML, display

    shown = _Bars(display(HTML(""), display_id=True), HTML)
    yield Watcher(shown.preparing, shown.planned, shown.progressed)
    shown.end()


class _Bars:
    """A bar for each preparation and for each codec."""

    def __init__(self, shown: Display, html: Any) -> None:
        self._shown, self._html = shown, html
        self._bars: dict[str, tuple[int, int]] = {}  # done, and in all
        self._remarks: list[str] = []
        self._failed = Counter[str]()
        self._began = self._drawn = time.monotonic()
        self._outcome = Outcome()

    def preparing(self, what: str, done: int, total: int) -> None:
        self._bars[what] = done, total
        self._draw(at_once=done >= total)
        if done >= total:
            del self._bars[what]

    def planned(self, plan: Plan) -> None:
        left = Counter(job.codec.name for job in plan.jobs)
        self._bars = {name: (0, count) for name, count in left.items()}
        remarks = [*plan.dataset.remarks, plan.remark]
        remarks += [
            f"{codec.name}: {remark}" for codec in plan.points if (remark := codec.remark())
        ]
        self._remarks = [remark for remark in remarks if remark]
        self._began = time.monotonic()
        self._draw(at_once=True)

    def progressed(self, outcome: Outcome) -> None:
        self._outcome, self._failed = outcome, outcome.failed
        ended = outcome.coded + outcome.failed + outcome.untried
        self._bars = {name: (ended[name], total) for name, (_, total) in self._bars.items()}
        self._draw()

    def end(self) -> None:
        """One line in place of the bars."""
        taken = duration(time.monotonic() - self._began)
        lines = [f"{self._outcome.summary()}, {taken}", *self._remarks]
        text = "<br>".join(f"<small>{escape(each)}</small>" for each in lines)
        self._shown.update(self._html(text))

    def _draw(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._drawn < _UPDATE_SECONDS:
            return
        self._drawn = now
        rows = "".join(self._row(name, *counts) for name, counts in self._bars.items())
        remarks = "".join(f"<div><small>{escape(each)}</small></div>" for each in self._remarks)
        table = f'<table style="border:0;margin:0">{rows}</table>'
        self._shown.update(self._html(f"{table}{remarks}"))

    def _row(self, name: str, done: int, total: int) -> str:
        spent = time.monotonic() - self._began
        left = f"{duration(spent / done * (total - done))} left" if 0 < done < total else ""
        failed = f"{self._failed[name]} failed" if self._failed[name] else ""
        bar = f'<progress style="{_BAR}" value="{done}" max="{max(total, 1)}"></progress>'
        cells = escape(name), bar, f"{done} of {total}", left, failed
        row = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
        return f'<tr style="background:none">{row}</tr>'
