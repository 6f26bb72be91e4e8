"""What the attacks share: victims to attack, mutations, and the table of what came out."""

from __future__ import annotations

import json
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.paths import environment

_VICTIM = Path(__file__).with_name("victim.py")


@dataclass(frozen=True)
class Answer:
    """The outcome of one attack."""

    outcome: str  # of a command its status, of a stream what it decoded to; "crash -11", "hang"
    message: str
    seconds: float
    peak: float  # MB more than the victim had before all attacks


class Victim:
    """A process that answers requests; after a crash or a hang there is a new one."""

    def __init__(self, folder: Path, *, most_seconds: float = 120, **variables: str) -> None:
        self._folder, self._most_seconds = folder, most_seconds
        self._environment = environment() | variables
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._peak_before = 0.0

    def ask(self, **request: Any) -> Answer:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(_VICTIM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                cwd=self._folder,
                env=self._environment,
                bufsize=0,
            )
        process, began = self._process, time.monotonic()
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(request).encode() + b"\n")
        ready, _, _ = select.select([process.stdout], [], [], self._most_seconds)
        line = process.stdout.readline() if ready else b""
        seconds = time.monotonic() - began
        if not line:
            self.kill()
            outcome = f"crash {process.returncode}" if ready else "hang"
            self._stderr.seek(0)
            return Answer(outcome, self._stderr.read()[-2000:].decode(), seconds, 0)
        found = json.loads(line)
        return Answer(
            found["outcome"], found["message"], seconds, found["peak"] - self._peak_before
        )

    def warm_up(self, **request: Any) -> None:
        """A request that goes well: what it takes is not counted."""
        found = self.ask(**request)
        assert found.outcome in ("status 0", "picture"), found
        self._peak_before += found.peak

    def end(self) -> None:
        self.kill()
        self._stderr.close()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Figures:
    """What was tried, and the outcomes: a line of the table that pytest prints at the end."""

    def __init__(
        self, seed: int, rounds: int, record: Callable[[tuple[str, object]], None]
    ) -> None:
        self.seed, self.rounds, self._record = seed, rounds, record

    def chances(self, what: str) -> list[random.Random]:
        """A source of chance for each round, the same whatever else is run."""
        return [random.Random(f"{self.seed} {what} {number}") for number in range(self.rounds)]

    def record(self, what: str, answers: Sequence[Answer]) -> None:
        outcomes = Counter(answer.outcome for answer in answers)
        seconds = max((answer.seconds for answer in answers), default=0.0)
        peak = max((answer.peak for answer in answers), default=0.0)
        self._record(("adversary", (what, dict(outcomes), seconds, peak)))


def table(lines: Sequence[tuple[str, dict[str, int], float, float]]) -> list[str]:
    """The figures as text."""
    rows = [("attack", "tried", "longest", "memory", "came out")]
    for what, outcomes, seconds, peak in sorted(lines):
        out = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        tried = str(sum(outcomes.values()))
        rows.append((what, tried, f"{seconds:.1f} s", f"+{max(0.0, peak):.0f} MB", out))
    width = max(len(what) for what, *_ in rows)
    return ["{0:{5}} {1:>6} {2:>9} {3:>9}  {4}".format(*row, width) for row in rows]


def mutated(content: bytes, chance: random.Random, other: bytes = b"") -> bytes:
    """Something like it: bits flipped, bytes lost, doubled or replaced, numbers made extreme."""
    if not content:
        return chance.randbytes(9)
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        # Headers are short, and decide most.
        within = len(damaged) if chance.random() < 0.5 else min(64, len(damaged))
        place = chance.randrange(max(1, within))
        length = chance.choice((1, 2, 4, 4, 50))
        match chance.randrange(8):
            case 0 | 1:
                damaged[place : place + 1] = bytes([chance.randrange(256)])
            case 2:
                if damaged:
                    damaged[min(place, len(damaged) - 1)] ^= 1 << chance.randrange(8)
            case 3:
                del damaged[place : place + length]
            case 4:
                damaged[place:place] = damaged[place : place + length]
            case 5:
                extreme = chance.choice((b"\xff", b"\0", b"\x7f", b"\x80"))
                damaged[place : place + length] = extreme * length
            case 6:
                del damaged[place + 1 :]
            case _:
                damaged[place:] = other[place:] or chance.randbytes(length)
    return bytes(damaged)
