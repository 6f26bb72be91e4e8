"""The ``bench`` command: runs the command line and prints errors as one line."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from collections.abc import Sequence

from bench.cli.stopping import Stopping
from bench.cli.streams import guard_streams
from bench.errors import BenchError, Terminated
from bench.runtime.text import printable

_RESUMABLE = {"check", "import", "run", "train"}  # commands that keep what they have finished


def main() -> None:
    Stopping(f"stopped{_kept(sys.argv[1:])}").listen()
    guard_streams()
    # Pillow warns of damaged tags and of large images; bench reports what matters.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    sys.argv[0] = "bench"  # as results record it, also for python -m bench
    sys.exit(status(sys.argv[1:]))


def status(arguments: Sequence[str]) -> int:
    """Run one command; its exit status."""
    for argument in arguments:
        if not _is_text(argument):
            _say(f"{argument!a}: not UTF-8; rename the file, or type it in a UTF-8 locale")
            return 2
    try:
        number = _run(arguments)
        sys.stdout.flush()  # here, where a failure is printed and changes the status
        return number
    except KeyboardInterrupt:
        _say(f"stopped{_kept(arguments)}")
        return 128 + signal.SIGINT
    except Terminated as signalled:
        _say(f"ended by a signal{_kept(arguments)}")
        return 128 + int(signalled.args[0])
    except BenchError as error:
        _say(str(error))
        return 1
    except OSError as error:  # a folder without permission, a full disk behind a pipe
        _say(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))
        return 1


def _run(arguments: Sequence[str]) -> int:
    import click  # here, where signals are handled already

    from bench.cli.main import cli

    try:
        return cli.main(arguments, prog_name="bench", standalone_mode=False) or 0
    except click.ClickException as error:
        message = io.StringIO()
        error.show(message)
        print(printable(message.getvalue()), end="", file=sys.stderr)
        return error.exit_code
    except click.Abort as error:
        raise KeyboardInterrupt from error


def _is_text(argument: str) -> bool:
    """Whether it can be encoded, unlike bytes from a terminal that are not UTF-8."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kept(arguments: Sequence[str]) -> str:
    if not _RESUMABLE.intersection(arguments[:1]):
        return ""
    return "; what was finished is kept: run the same command to resume"


def _say(words: str) -> None:
    print(f"bench: {printable(words)}", file=sys.stderr)


if __name__ == "__main__":
    main()
