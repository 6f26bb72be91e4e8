"""A Dask scheduler and workers as processes of their own, to be killed and cut off."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from support.paths import environment

_PATIENCE = 60.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something, but not for ever."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {_PATIENCE:.0f} s"
        time.sleep(0.05)


class Processes:
    """A scheduler, and workers that are started as they are needed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._all = folder, list[subprocess.Popen[bytes]]()
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port=0", f"--scheduler-file={file}")
        until(lambda: file.is_file() and file.stat().st_size > 0, "the scheduler's start")
        self.address: str = json.loads(file.read_text())["address"]

    def _start(
        self, kind: str, *options: str, within: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        command = [*within, sys.executable, "-m", f"distributed.cli.dask_{kind}", *options]
        variables = {"DASK_DISTRIBUTED__WORKER__PRELOAD_ARGV": "[]"}
        with (self._folder / "dask.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--no-dashboard"],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=environment() | variables,
                start_new_session=True,
            )
        self._all.append(process)
        return process

    def worker(
        self,
        name: str,
        *,
        preload: str = "",
        address: str | None = None,
        within: Sequence[str] = (),
        resources: str = "",
    ) -> subprocess.Popen[bytes]:
        """Start a worker of one thread; ``preload`` is Python that it runs first."""
        options = [f"--name={name}", "--nthreads=1", f"--local-directory={self._folder}"]
        options += [f"--resources={resources}"] if resources else []
        options += ["--death-timeout=60", "--no-nanny"]
        if preload:
            file = self._folder / f"preload_{name}.py"
            file.write_text(preload)
            options.append(f"--preload={file}")
        return self._start("worker", address or self.address, *options, within=within)

    def wait(self, workers: int) -> None:
        """Until so many have registered with the scheduler."""
        log = self._folder / "dask.log"
        until(lambda: log.read_text().count("Registered to:") >= workers, "the workers' start")

    def end(self) -> None:
        for process in self._all:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def dask_processes(folder: Path) -> Iterator[Processes]:
    folder.mkdir()
    processes = Processes(folder)
    try:
        yield processes
    finally:
        processes.end()


class Proxy:
    """A TCP connection between two, which can be cut and restored."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("tcp://").rpartition(":")
        self._target, self._open = (host, int(port)), list[socket.socket]()
        self.whole = True
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = "tcp://127.0.0.1:{1}".format(*self._server.getsockname())
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.whole = False
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._server.accept()
                if not self.whole:
                    here.close()
                    continue
                there = socket.create_connection(self._target)
                self._open += [here, there]
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=_copy, args=pair, daemon=True).start()

    def end(self) -> None:
        self.cut()
        self._server.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(2**16):
            target.sendall(content)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
