"""Standard output and error as a command writes to them: neither ends the command."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class _Pipe(io.FileIO):
    """A descriptor whose reader may close it, as ``head`` does: the rest is discarded.

    The command continues, so that its exit status is its own. Another failure, such as a full disk,
    is raised once; Python, which writes again at the end, would add a traceback.
    """

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            self._discard_the_rest()
            return len(data)
        except OSError:
            self._discard_the_rest()
            raise

    def _discard_the_rest(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def guard_streams() -> None:
    """Make both survive closed pipes, and replace characters that they cannot encode."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            guarded = io.TextIOWrapper(
                io.BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False)),
                encoding=stream.encoding,
                errors="replace",  # an ASCII terminal
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, guarded)
