"""Commands in processes that are forked from a warm one, so that none waits for its imports."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from multiprocessing import connection, forkserver, get_context
from multiprocessing.process import BaseProcess

from bench.__main__ import main

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["adversary.warm", "bench.api", "bench.cli.sweeps", "matplotlib"])

Limit = tuple[int, int]  # which, and how much


def ready() -> None:
    """Start the warm process, which keeps a socket in the temporary folder of this moment."""
    forkserver.ensure_running()


def start(command: Sequence[str], limit: Limit | None = None) -> tuple[BaseProcess, int]:
    """``bench`` in a process of its own, and where its output is to be read."""
    reads, writes = os.pipe()
    with connection.Connection(writes, readable=False) as output:
        process = _FORKS.Process(target=_run, args=(command, limit, dict(os.environ), output))
        process.start()
    return process, reads


def run(command: Sequence[str], limit: Limit, seconds: float) -> tuple[int | None, str]:
    """Its exit status, None if it has not ended by then, and what it said."""
    process, reads = start(command, limit)
    process.join(seconds)
    status = process.exitcode
    process.kill()
    process.join()
    with os.fdopen(reads) as output:
        return status, output.read()


def _run(
    command: Sequence[str],
    limit: Limit | None,
    environment: dict[str, str],
    output: connection.Connection,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    sys.argv = ["bench", *command]
    if limit is not None:
        which, most = limit
        resource.setrlimit(which, (most, most))
    main()
