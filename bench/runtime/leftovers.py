"""Temporary files named after their process, so that those of a killed process can be removed.

A name holds the boot of the machine with its namespace of process ids, the process's id, and the
start of the process. So a reused id, another host on a shared file system and another container are
distinguished, and their files stay. Without Linux's /proc, nothing is removed.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

TEMPORARY = re.compile(r"\.?bench-([0-9a-f]{8})-([0-9a-f]+)-([0-9a-f]+)-")
"""The start of such a name."""
_UNKNOWN = "0" * 8
_log = logging.getLogger(__name__)


def temporary_name() -> str:
    """The start of the name of a temporary file of this process."""
    pid = os.getpid()
    return f"bench-{_place() or _UNKNOWN}-{pid:x}-{_began(pid) or 0:x}-"


def remove_leftovers(folder: Path) -> None:
    """Remove the files directly in a folder of this user's processes that have ended."""
    place = _place()
    if place is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if (found := TEMPORARY.match(entry.name)) and found[1] == place:
                with suppress(FileNotFoundError):  # another sweep may remove it, too
                    _remove_dead(entry, int(found[2], 16), int(found[3], 16))


def _remove_dead(entry: os.DirEntry[str], pid: int, began: int) -> None:
    if entry.stat(follow_symlinks=False).st_uid != os.geteuid() or _began(pid) == began:
        return
    _log.info("removing %s of a process that has ended", entry.path)
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry, ignore_errors=True)
    else:
        os.unlink(entry)


@functools.cache
def _place() -> str | None:
    """This boot of this machine, with its namespaces of process ids and times."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        spaces = [os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "time")]
    except OSError:
        return None
    return hashlib.sha256(repr([boot, *spaces]).encode()).hexdigest()[: len(_UNKNOWN)]


def _began(pid: int) -> int | None:
    """When a process started, in the kernel's clock ticks; None if it has ended."""
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(content.rpartition(b")")[2].split()[19])  # its name may hold anything
