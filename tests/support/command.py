"""The command line, run in this process, and its answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

from bench.__main__ import status


class Result(NamedTuple):
    """The exit status of a command and what it printed."""

    status: int
    out: str
    err: str


Bench = Callable[..., Result]


def run_bench(*arguments: object) -> Result:
    """Run ``bench`` with these arguments."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        number = status([str(argument) for argument in arguments])
    return Result(number, out.getvalue(), err.getvalue())
