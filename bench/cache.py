"""The user's cache folder, and digests of large files that are read once per change."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import platformdirs

# A file is taken as unchanged while its size and its modification time in ns stay the same.
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS digests (kind, path, size, mtime, digest, UNIQUE (kind, path))"
)


def cache_folder() -> Path:
    """Where rendered scenes and digests live; BENCH_CACHE overrides the system's choice."""
    folder = os.environ.get("BENCH_CACHE")
    return Path(folder) if folder else Path(platformdirs.user_cache_dir("bench"))


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / "digests.sqlite", timeout=30)
    try:
        with connection:
            connection.execute(_SCHEMA)
            yield connection
    finally:
        connection.close()


def remembered_digests(
    kind: str, paths: list[Path], compute: Callable[[Path], str]
) -> dict[Path, str]:
    """A digest for each file, computed only for those that changed since it was last asked."""
    stats = {path: path.stat() for path in paths}
    with _database() as database:
        rows = database.execute(
            "SELECT path, size, mtime, digest FROM digests WHERE kind = ?", (kind,)
        ).fetchall()
    known = {(path, size, mtime): digest for path, size, mtime, digest in rows}
    keys = {path: (str(path.resolve()), s.st_size, s.st_mtime_ns) for path, s in stats.items()}
    changed = [path for path in paths if keys[path] not in known]
    if changed:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            fresh = dict(
                zip((keys[path] for path in changed), pool.map(compute, changed), strict=True)
            )
        with _database() as database:
            database.executemany(
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)",
                [(kind, *key, digest) for key, digest in fresh.items()],
            )
        known |= fresh
    return {path: known[keys[path]] for path in paths}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, remembered until the file changes."""
    return remembered_digests("file", [path], _sha256)[path]
