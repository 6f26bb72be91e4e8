"""External programs: run without a shell, in their own process group, metered and killable."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

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
# Seconds between two checks of a program that prints nothing, and of one that closed its outputs.
_GLANCE, _BRIEF = 0.2, 0.002
# How ffmpeg marks the source of a message: a name and an address.
_POINTERS = re.compile(r"\[[^\[\]]* @ 0x[0-9a-f]+\] ")
# More than any program should print; one that never stops would fill the memory.
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
    stdout_is_data: bool = False  # not readable text

    def complaint(self) -> str:
        """The last lines that it printed, stderr's last, as one line for an error message."""
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
    """Run a program to its end; raise on a missing binary or an exceeded limit, not on its status.

    No thread is started for it: with little memory, that may fail.
    """
    programs = _programs.get()
    programs.check()
    deadline, late = time.monotonic() + time_limit, False
    name = Path(command[0]).name
    with _start(command, folder) as process:
        try:
            programs.add(process.pid)
            chunks = [stdin] if isinstance(stdin, bytes) else stdin
            exchange = _Exchange(process, chunks, most_output)
            while not (_reap(process) or exchange.flooded or late):
                exchange.go_on()
                late = time.monotonic() > deadline
        finally:
            _kill_group(process.pid)  # children left behind would hold the pipes open
            with suppress(ChildProcessError):  # an interrupt may have come just after its end
                _reap(process, wait=True)
            programs.remove(process.pid)
        complete = exchange.finish()
    programs.check()
    if not complete:
        raise CodecError(f"{name} left a process behind that holds its output open")
    stdout, stderr = map(bytes, exchange.outputs)
    finished = Finished(process.returncode, stdout, stderr, stdout_is_data)
    if late:
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
        raise UnavailableError(f"{command[0]} is missing; see 'bench doctor'") from error
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
        self.outputs = bytearray(), bytearray()
        self.flooded = False
        self._chunks = deque(memoryview(chunk).cast("B") for chunk in chunks if chunk)
        self._limits = most_output, _MAX_STDERR
        self._pipes = selectors.DefaultSelector()
        self._pipes.register(process.stdout, selectors.EVENT_READ, 0)
        self._pipes.register(process.stderr, selectors.EVENT_READ, 1)
        if self._chunks:
            os.set_blocking(process.stdin.fileno(), False)
            self._pipes.register(process.stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()

    def go_on(self) -> None:
        """Read and write what is ready, or wait a moment for something to be."""
        if not self._pipes.get_map():
            time.sleep(_BRIEF)  # a program that has closed its outputs is about to end
            return
        for key, _ in self._pipes.select(_GLANCE):
            pipe = cast("IO[bytes]", key.fileobj)
            if not (self._feed(pipe) if key.data is None else self._drain(pipe, key.data)):
                self._close(pipe)

    def _feed(self, stdin: IO[bytes]) -> bool:
        """Whether more is to come."""
        try:
            sent = os.write(stdin.fileno(), self._chunks[0])
        except BlockingIOError:
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False  # it ended or closed its input early; its status and output say why
        self._chunks[0] = self._chunks[0][sent:]
        if not self._chunks[0]:
            self._chunks.popleft()
        return bool(self._chunks)

    def _drain(self, pipe: IO[bytes], which: int) -> bool:
        """Whether more may come."""
        chunk = os.read(pipe.fileno(), 2**20)
        if len(self.outputs[which]) + len(chunk) > self._limits[which]:
            self.flooded = True
            return False
        self.outputs[which].extend(chunk)
        return bool(chunk)

    def _close(self, pipe: IO[bytes]) -> None:
        self._pipes.unregister(pipe)
        pipe.close()

    def finish(self) -> bool:
        """Read the rest of the pipes; False if a process keeps them open.

        The program and its process group have ended, but a child may have left the group.
        """
        deadline = time.monotonic() + _LINGER
        while self._pipes.get_map() and time.monotonic() < deadline:
            self.go_on()
        return not self._pipes.get_map()


def _reap(process: subprocess.Popen[bytes], *, wait: bool = False) -> bool:
    """Whether the program has ended; its CPU time (and its children's) is added to the meter."""
    if process.returncode is not None:
        return True
    pid, wait_status, usage = os.wait4(process.pid, 0 if wait else os.WNOHANG)
    if not pid:
        return False
    process.returncode = os.waitstatus_to_exitcode(wait_status)
    cost = _meter.get()
    if cost is not None:
        cost.cpu += usage.ru_utime + usage.ru_stime
    return True


def _kill_group(pid: int) -> None:
    # It may have ended by itself, which macOS reports as a missing permission.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder for one program."""
    with tempfile.TemporaryDirectory(prefix=temporary_name()) as folder:
        yield Path(folder)
