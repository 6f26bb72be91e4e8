"""The store's tables, and the upgrades from earlier versions."""

from __future__ import annotations

import json
import logging
import sqlite3

VERSION = 8
_log = logging.getLogger(__name__)

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE runs (id INTEGER PRIMARY KEY, started TEXT, command TEXT, machine TEXT);
CREATE TABLE images (id INTEGER PRIMARY KEY, digest TEXT UNIQUE, width INTEGER, height INTEGER);
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY, digest TEXT UNIQUE, kind TEXT, name TEXT, folder TEXT, used INTEGER,
    version TEXT);
CREATE TABLE members (
    dataset INTEGER, position INTEGER, name TEXT, digest TEXT, truths TEXT,
    PRIMARY KEY (dataset, position));
CREATE TABLE codecs (
    id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, options TEXT, depends_on TEXT, version TEXT);
CREATE TABLE planned (
    dataset INTEGER, codec INTEGER, name TEXT, title TEXT, unit TEXT, anchor INTEGER,
    oracle INTEGER, card TEXT, points TEXT, used INTEGER, PRIMARY KEY (dataset, codec, name));
CREATE TABLE streams (
    id INTEGER PRIMARY KEY, codec INTEGER, image INTEGER, point TEXT, digest TEXT, bytes INTEGER,
    encode_cpu REAL, encode_wall REAL, decode_cpu REAL, decode_wall REAL, run INTEGER,
    finished TEXT, decoded TEXT, side TEXT, parts TEXT,
    UNIQUE (codec, image, point));
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY, name TEXT, fingerprint TEXT, used INTEGER, UNIQUE (name, fingerprint));
CREATE TABLE measured (
    stream INTEGER, metric INTEGER, value REAL, PRIMARY KEY (stream, metric)) WITHOUT ROWID;
CREATE TABLE scorers (
    id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE, name TEXT, title TEXT, measure TEXT,
    classes TEXT, pseudo REAL, used INTEGER);
CREATE TABLE scored (
    stream INTEGER, scorer INTEGER, truth TEXT, matches BLOB, PRIMARY KEY (stream, scorer));
CREATE TABLE originals (
    image INTEGER, scorer INTEGER, truth TEXT, matches BLOB, pseudo_ground_truth BLOB,
    PRIMARY KEY (image, scorer));
CREATE TABLE failures (
    codec INTEGER, image TEXT, point TEXT, reason TEXT, run INTEGER, at TEXT,
    PRIMARY KEY (codec, image, point));
"""
# Of all records of task networks before version 6.
FORMER_CLASSES = ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
# From each earlier version to the next.
_UPGRADES = {
    3: (
        # The digest of the decoded picture: unknown until the stream is decoded again.
        "ALTER TABLE streams ADD COLUMN decoded TEXT",
        # The software's version: known of external programs, whose bytes it determines.
        "ALTER TABLE codecs ADD COLUMN version TEXT",
        "UPDATE codecs SET version = nullif(json_extract(depends_on, '$.version'), 'unknown')",
    ),
    4: (
        "ALTER TABLE originals RENAME COLUMN painted TO pseudo_ground_truth",
        "ALTER TABLE datasets ADD COLUMN version TEXT",
        "UPDATE datasets SET version = '1' WHERE kind = 'toyscapes'",  # there was no other
    ),
    5: (
        # There were no other measures, labels and classes than these.
        "ALTER TABLE scorers RENAME COLUMN masks TO measure",
        "UPDATE scorers SET measure = CASE measure WHEN 1 THEN 'cityscapes-ap' ELSE 'box-ap' END",
        "ALTER TABLE scorers ADD COLUMN classes TEXT",
        f"UPDATE scorers SET classes = '{json.dumps(FORMER_CLASSES)}'",
        "ALTER TABLE members RENAME COLUMN truth TO truths",
        "UPDATE members SET truths = json_object('instances', truths) WHERE truths IS NOT NULL",
    ),
    # What codecs of one's own looked at beside the pixels is unknown; others looked at nothing.
    6: ("ALTER TABLE streams ADD COLUMN side TEXT",),
    # No codec before had streams of several parts.
    7: ("ALTER TABLE streams ADD COLUMN parts TEXT",),
}
# Errors that prevent the upgrade of a store that is only read.
_CANNOT_WRITE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL)


def create(database: sqlite3.Connection) -> None:
    """Create the tables, unless there are some."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        if not database.execute("SELECT name FROM sqlite_master").fetchone():
            for statement in _TABLES.split(";"):
                database.execute(statement)
            database.execute("INSERT INTO meta VALUES ('version', ?)", (str(VERSION),))


def version(database: sqlite3.Connection) -> str | None:
    """The version of a store; None if the database is not one."""
    try:
        row = database.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return None
    return None if row is None else str(row[0])


def upgrade(database: sqlite3.Connection) -> None:
    """Upgrade a store of an earlier version in one transaction; others are not changed.

    A second process waits and finds it done; a killed process leaves it unchanged.
    """
    if not _is_earlier(database):
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        while _is_earlier(database):
            before = int(version(database) or 0)
            for statement in _UPGRADES[before]:
                database.execute(statement)
            set_version(database, before + 1)
            _log.info("store upgraded from version %d to %d", before, before + 1)


def set_version(database: sqlite3.Connection, number: int) -> None:
    database.execute("UPDATE meta SET value = ? WHERE key = 'version'", (str(number),))


def upgrade_to_read(database: sqlite3.Connection) -> sqlite3.Connection:
    """Upgrade the database, or a copy in memory if it cannot be written."""
    try:
        upgrade(database)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _CANNOT_WRITE:
            raise
        _log.info("store cannot be written (%s): a copy in memory is upgraded", error)
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        database.backup(copy)
        database.close()
        upgrade(copy)
        return copy
    return database


def _is_earlier(database: sqlite3.Connection) -> bool:
    return version(database) in {str(number) for number in _UPGRADES}
