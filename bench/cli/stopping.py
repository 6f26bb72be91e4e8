"""How signals end a command: in order if possible, but soon in any case.

The first Ctrl-C, SIGTERM or SIGHUP is raised as an exception, so that what was finished is kept. If
that has not ended the process within two seconds, because a thread hangs in a read or runs a
network, or if there is a second signal, it ends at once: threads that run on while Python shuts
down could abort it. Python runs handlers only between two of its own instructions, so a library
that is being loaded, such as torch's, is loaded completely first.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType

from bench.errors import Terminated

_GRACE = 2.0  # seconds to end in order
_SHOW_CURSOR = "\x1b[?25h\n"
_INSTANT = 0.5  # seconds in which a second signal counts as the first, sent to a group


class Stopping:
    """Handles the signals of one process."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._first: float | None = None

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores it
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            timer = threading.Timer(_GRACE, self._end, [number])
            timer.daemon = True
            timer.start()
            raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)
        if now - self._first > _INSTANT:
            self._end(number)

    def _end(self, number: int) -> None:
        # Not through Python's files: the interrupted code may hold their locks.
        cursor = _SHOW_CURSOR if os.isatty(2) else ""  # bars of progress hide it
        with suppress(OSError):
            os.write(2, f"{cursor}bench: {self._words}\n".encode())
        os._exit(128 + number)
