"""A store's database: opening it, and its errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError, StoreError
from bench.store import schema

RECOVER = (
    "if it is damaged, 'sqlite3 store.sqlite .recover | sqlite3 new.sqlite' saves what can be saved"
)
# How long to wait for another sweep's transaction, which takes milliseconds.
_WAIT_SECONDS = 120
# Read-write even to read: opening rolls back the transaction of a killed sweep.
READ, CREATE = "rw", "rwc"


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Turn errors of SQLite and the file system into one line that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        message = str(error)
        advice = {
            "database or disk is full": "free some space and run the same command again",
            "attempt to write a readonly database": "it cannot be written; use another --results",
            "unable to open database file": "it cannot be opened; is the folder writable?",
            "disk I/O error": "does the disk fail, or is a file larger than 'ulimit -f' allows?",
            "database is locked": "another sweep writes, or was halted while it did; try again",
        }.get(message, RECOVER)
        raise StoreError(f"{folder}: {message}; {advice}") from error
    except OSError as error:
        raise StoreError(
            f"{folder}: {error.strerror or error}; what was measured before is kept"
        ) from error


@contextmanager
def understood(folder: Path) -> Iterator[None]:
    """Turn errors of damaged records into one line."""
    with plain_errors(folder):
        try:
            yield
        except (BenchError, OSError, sqlite3.Error):
            raise
        except Exception as error:  # a damaged record may be anything
            what = f"a record in store.sqlite is invalid ({type(error).__name__}: {error})"
            raise StoreError(f"{folder}: {what}; {RECOVER}") from error


def connect(folder: Path, *, writable: bool) -> sqlite3.Connection:
    """Open the database of a results folder, upgraded; created if it is to be written."""
    file = folder / "store.sqlite"
    if not writable and not file.is_file():
        raise StoreError(f"{folder}: no results there yet; 'bench run' makes some")
    with plain_errors(folder):
        if writable:
            folder.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(
            f"{file.resolve().as_uri()}?mode={CREATE if writable else READ}",
            uri=True,
            timeout=_WAIT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if writable:
                schema.create(database)
                schema.upgrade(database)
            else:
                database = schema.upgrade_to_read(database)
            _check_version(folder, schema.version(database))
        except BaseException:
            database.close()
            raise
    return database


def _check_version(folder: Path, version: str | None) -> None:
    if version is None:
        raise StoreError(f"{folder}: store.sqlite was not written by bench")
    if version != str(schema.VERSION):
        raise StoreError(
            f"{folder}: written by another version of bench (store version {version}, expected "
            f"{schema.VERSION}); use that version, or another --results"
        )


@contextmanager
def transaction(database: sqlite3.Connection, begin: str) -> Iterator[None]:
    """A transaction that is committed even after an error, with what was written before."""
    database.execute(begin)
    try:
        yield
    finally:
        if database.in_transaction:  # a full disk may have ended it
            database.execute("COMMIT")
