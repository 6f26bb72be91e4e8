"""A trace of a run: what each thread did and waited for, for a viewer of Chrome's trace format."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.runtime.files import write_text

_events: list[dict[str, Any]] | None = None  # None: nothing is traced


@contextmanager
def span(name: str, **about: object) -> Iterator[None]:
    """Trace what is done within, in this thread."""
    events = _events
    if events is None:
        yield
        return
    began = time.perf_counter_ns()
    try:
        yield
    finally:
        thread = threading.current_thread()
        events.append(
            {
                "name": name,
                "ph": "X",  # a complete event
                "ts": began / 1000,  # microseconds
                "dur": (time.perf_counter_ns() - began) / 1000,
                "pid": os.getpid(),
                "tid": thread.native_id,
                "args": {key: str(value) for key, value in about.items()},
            }
        )


@contextmanager
def holding(lock: AbstractContextManager[Any], what: str) -> Iterator[None]:
    """Hold a lock; waiting for it is traced."""
    with ExitStack() as held:
        with span(f"wait for {what}"):
            held.enter_context(lock)
        yield


@contextmanager
def traced_to(file: Path | None) -> Iterator[None]:
    """Write a trace of what is done within, by all threads; also if it fails."""
    global _events
    if file is None:
        yield
        return
    write_text(file, "[]")  # a file that cannot be written is refused before anything is done
    events = _events = []
    try:
        yield
    finally:
        _events = None
        write_text(file, json.dumps({"traceEvents": events}))
