"""The user's cache folder: digests of files, read once per change, and figures that are dear."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from bench.errors import CacheError, DataError
from bench.runtime.cores import available_cores
from bench.runtime.files import check_regular

# A file is taken as unchanged while its size and both its times, in ns, stay the same: the time of
# modification can be set, and unpacking an archive does.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS known (
    kind TEXT, path TEXT, size INTEGER, modified INTEGER, changed INTEGER, digest TEXT,
    PRIMARY KEY (kind, path));
CREATE TABLE IF NOT EXISTS figures (key TEXT PRIMARY KEY, numbers BLOB);
"""


def cache_folder() -> Path:
    """Where rendered scenes and digests live; BENCH_CACHE overrides the system's choice."""
    folder = os.environ.get("BENCH_CACHE")
    return Path(folder) if folder else Path(platformdirs.user_cache_dir("bench"))


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connecting = closing(sqlite3.connect(folder / "digests.sqlite", timeout=30))
        with connecting as connection, connection:
            connection.executescript(_SCHEMA)
            yield connection
    except (OSError, sqlite3.Error) as error:
        raise CacheError(
            f"{folder}: the cache cannot be used ({error}); name another folder in BENCH_CACHE"
        ) from error


def remembered_digests(
    kind: str,
    paths: list[Path],
    compute: Callable[[Path], str],
    progress: Callable[[int, int], None] | None = None,
) -> dict[Path, str]:
    """A digest for each file, computed only for those that changed since it was last asked."""
    keys = {path: _state(path) for path in paths}
    with _database() as database:
        rows = database.execute(
            "SELECT path, size, modified, changed, digest FROM known WHERE kind = ?", (kind,)
        ).fetchall()
    known = {tuple(state): digest for *state, digest in rows}
    changed = [path for path in paths if keys[path] not in known]
    if changed:
        fresh = {keys[path]: value for path, value in _each(compute, changed, progress)}
        with _database() as database:
            database.executemany(
                "INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?, ?)",
                [(kind, *key, digest) for key, digest in fresh.items()],
            )
        known |= fresh
    return {path: known[keys[path]] for path in paths}


def remembered_figures(key: str, compute: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
    """A row of numbers, computed once; the key names all that they depend on."""
    with _database() as database:
        row = database.execute("SELECT numbers FROM figures WHERE key = ?", (key,)).fetchone()
    if row is not None:
        return np.frombuffer(row[0], "<f8")
    figures = compute()
    with _database() as database:
        packed = figures.astype("<f8").tobytes()
        database.execute("INSERT OR REPLACE INTO figures VALUES (?, ?)", (key, packed))
    return figures


def _state(path: Path) -> tuple[str, int, int, int]:
    try:
        check_regular(path)
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return str(path.resolve()), found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _each(
    compute: Callable[[Path], str],
    paths: list[Path],
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[Path, str]]:
    """Each path with its digest, on all cores; an interrupt does not wait for the rest."""
    pool = ThreadPoolExecutor(available_cores())
    try:
        for done, found in enumerate(pool.map(lambda path: (path, compute(path)), paths), start=1):
            if progress:
                progress(done, len(paths))
            yield found
    finally:
        pool.shutdown(cancel_futures=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, remembered until the file changes."""
    return file_digests([path])[path]


def file_digests(paths: list[Path]) -> dict[Path, str]:
    """The same of several files at once."""
    return remembered_digests("file", paths, _sha256)
