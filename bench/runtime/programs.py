"""External programs: run without a shell, in their own process group, metered and killable."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.errors import Cancelled, CodecError, TimeLimitError, UnavailableError
from bench.runtime.leftovers import temporary_name
from bench.runtime.text import one_line


class Programs:
    """The programs of one sweep, so that they can be stopped together."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self._cancelled = False

    def enter(self) -> None:
        """Add all programs that this thread starts from now on to these."""
        _programs.set(self)

    def check(self) -> None:
        """Raise Cancelled if the sweep is being stopped."""
        if self._cancelled:
            raise Cancelled

    def add(self, pid: int) -> None:
        with self._lock:
            self._running.add(pid)
            if self._cancelled:  # since it was checked
                _kill_group(pid)

    def remove(self, pid: int) -> None:
        with self._lock:
            self._running.discard(pid)

    def cancel(self) -> None:
        """Kill all running programs, with their children, and start no more."""
        with self._lock:
            self._cancelled = True
            for pid in self._running:
                _kill_group(pid)


_programs: ContextVar[Programs] = ContextVar("programs", default=Programs())  # noqa: B039
# Seconds for a pipe to run dry once its program has ended.
_LINGER = 10.0
_GLANCE = 200  # milliseconds between two looks at whether anyone still waits for output
# How ffmpeg marks the source of a message: a name and an address.
_POINTERS = re.compile(r"\[[^\[\]]* @ 0x[0-9a-f]+\] ")
# More than any sane program prints; one that never stops would fill the memory.
_MAX_STDERR = 2**24


@dataclass
class Cost:
    """The cost of a piece of work: seconds of this thread and of the programs it ran."""

    cpu: float = 0.0
    wall: float = 0.0


_meter: ContextVar[Cost | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Cost]:
    """Measure the block: this thread's CPU time and that of every program run inside it."""
    cost = Cost()
    token = _meter.set(cost)
    cpu, wall = time.thread_time(), time.perf_counter()
    try:
        yield cost
    finally:
        cost.cpu += time.thread_time() - cpu
        cost.wall += time.perf_counter() - wall
        _meter.reset(token)


@contextmanager
def unmetered() -> Iterator[None]:
    """Leave the block out of the surrounding measurement (a check, a shared conversion)."""
    cost = _meter.get()
    token = _meter.set(None)
    cpu, wall = time.thread_time(), time.perf_counter()
    try:
        yield
    finally:
        _meter.reset(token)
        if cost is not None:
            cost.cpu -= time.thread_time() - cpu
            cost.wall -= time.perf_counter() - wall


@dataclass(frozen=True)
class Finished:
    """A program that ended: its exit status and what it printed."""

    status: int
    stdout: bytes
    stderr: bytes
    stdout_is_data: bool = False  # not for people to read

    def complaint(self) -> str:
        """The last lines of what it printed, stderr's last, in one line, for an error message."""
        tails = []
        for output in (self.stderr,) if self.stdout_is_data else (self.stdout, self.stderr):
            text = _POINTERS.sub("", output[-4096:].decode("utf-8", "replace"))
            lines = map(one_line, text.split("\n"))
            tails += [line for line in lines if any(map(str.isalnum, line))][-3:]
        return " / ".join(tails)[-400:] or "it printed nothing"


def run_program(
    command: Sequence[str | Path],
    *,
    stdin: bytes | Sequence[bytes | memoryview] = b"",
    folder: Path | None = None,
    time_limit: float = 600.0,
    most_output: int = 2**31,
    stdout_is_data: bool = False,
) -> Finished:
    """Run a program to its end; raise on a missing binary or a limit passed, not on its status."""
    programs = _programs.get()
    programs.check()
    process = _start(command, folder)
    name = Path(command[0]).name
    out_of_time = threading.Event()

    def kill_late() -> None:
        out_of_time.set()
        _kill_group(process.pid)

    timer = threading.Timer(time_limit, kill_late)
    timer.daemon = True
    timer.start()
    exchange = _Exchange(process, [stdin] if isinstance(stdin, bytes) else stdin, most_output)
    programs.add(process.pid)
    try:
        status = _reap(process)
    except BaseException:  # an interrupt of this thread
        _kill_group(process.pid)
        with suppress(ChildProcessError):  # the interrupt came just after the program's end
            _reap(process)
        raise
    finally:
        timer.cancel()
        _kill_group(process.pid)  # children left behind would hold the pipes open
        complete = exchange.finish()
    programs.check()
    if not complete:
        raise CodecError(f"{name} left a process behind that holds its output open")
    finished = Finished(status, *exchange.outputs(), stdout_is_data)
    if out_of_time.is_set():
        limit = f"{name} was stopped after its time limit of {time_limit:.0f} s"
        raise TimeLimitError(f"{limit}: {finished.complaint()}")
    if exchange.flooded:
        raise CodecError(f"{name} printed without end and was stopped: {finished.complaint()}")
    return finished


def _start(command: Sequence[str | Path], folder: Path | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if Path(command[0]).is_file():
            raise UnavailableError(
                f"{command[0]} cannot be started: its loader, or what its first line names, is "
                "missing"
            ) from error
        raise UnavailableError(f"{command[0]} is not there; 'bench doctor' says more") from error
    except OSError as error:
        raise CodecError(
            f"{Path(command[0]).name} could not be started: {error.strerror}"
        ) from error


class _Exchange:
    """Feeds stdin and collects both outputs; a program may stop reading whenever it likes."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        chunks: Sequence[bytes | memoryview],
        most_output: int,
    ) -> None:
        assert process.stdin and process.stdout and process.stderr
        self._pipes = stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        self._outputs = bytearray(), bytearray()
        self.flooded = self._given_up = False
        out, err = self._outputs

        def feed() -> None:
            try:
                for chunk in chunks:
                    stdin.write(chunk)
                stdin.close()
            except (BrokenPipeError, ConnectionResetError):
                pass  # it ended or closed its input early; its status and output say why

        def drain(pipe: IO[bytes], into: bytearray, most: int) -> None:
            ready = select.poll()
            ready.register(pipe, select.POLLIN)
            while not self._given_up:
                if not ready.poll(_GLANCE):
                    continue
                chunk = os.read(pipe.fileno(), 2**20)
                if not chunk:
                    return
                if len(into) + len(chunk) > most:
                    self.flooded = True
                    _kill_group(process.pid)
                    return
                into += chunk

        self._threads = [
            threading.Thread(target=feed, daemon=True),
            threading.Thread(target=drain, args=(stdout, out, most_output), daemon=True),
            threading.Thread(target=drain, args=(stderr, err, _MAX_STDERR), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def finish(self) -> bool:
        """Wait for the pipes to run dry and close them; False if someone holds them open.

        The program has ended, and so has its process group; but a child may have left the group.
        """
        deadline = time.monotonic() + _LINGER
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        complete = not any(thread.is_alive() for thread in self._threads)
        self._given_up = True
        for thread in self._threads[1:]:
            thread.join()
        for pipe in self._pipes if complete else self._pipes[1:]:
            with suppress(BrokenPipeError):  # unsent input of a program that is gone
                pipe.close()
        return complete

    def outputs(self) -> tuple[bytes, bytes]:
        """The output to stdout and to stderr."""
        stdout, stderr = self._outputs
        return bytes(stdout), bytes(stderr)


def _reap(process: subprocess.Popen[bytes]) -> int:
    """Wait for the program and add its CPU time (and its children's) to the meter."""
    _, wait_status, usage = os.wait4(process.pid, 0)
    _programs.get().remove(process.pid)
    process.returncode = os.waitstatus_to_exitcode(wait_status)
    cost = _meter.get()
    if cost is not None:
        cost.cpu += usage.ru_utime + usage.ru_stime
    return process.returncode


def _kill_group(pid: int) -> None:
    # It may have ended by itself (and macOS forbids to signal the dead).
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder of its own for one program, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=temporary_name()) as folder:
        yield Path(folder)
