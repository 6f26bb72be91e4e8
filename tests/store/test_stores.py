"""Stores of earlier versions are brought up to date, and give the figures that they gave."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pytest
from support.command import Bench
from support.paths import RECORDED

from bench.codecs.catalog import load_codec
from bench.datasets import open_dataset
from bench.errors import StoreError
from bench.store import schema
from bench.store.store import Store

KEPT = RECORDED / "stores"
# The exports that the bench which wrote the store made of it, with the options that make them.
EXPORTS = {
    "toyscapes": ("--data", "toyscapes:val[:3]"),
    "toyscapes-means": ("--data", "toyscapes:val[:3]", "--means"),
    "pseudo-means": ("--data", "toyscapes:val[:1]", "--means"),
    "pictures": ("--data", "pictures"),
    "pictures-means": ("--data", "pictures", "--means"),
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of a store of version 3."""
    return Path(shutil.copytree(KEPT / "version-3", tmp_path / "old"))


def version_of(store: Path) -> str:
    with closing(sqlite3.connect(store / "store.sqlite")) as database:
        ((version,),) = database.execute("SELECT value FROM meta WHERE key = 'version'")
    return str(version)


def check_exports(bench: Bench, store: Path) -> None:
    for name, options in EXPORTS.items():
        said = bench("export", "--results", store, "--out", f"{name}.csv", *options)
        assert said.status == 0, said.err
        expected = pandas.read_csv(KEPT / "version-3" / "expected" / f"{name}.csv")
        found = pandas.read_csv(f"{name}.csv")[list(expected.columns)]
        pandas.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_store_of_version_3_gives_the_same_export(bench: Bench, old: Path) -> None:
    check_exports(bench, old)
    assert version_of(old) == str(schema.VERSION)
    check_exports(bench, old)


def test_a_store_that_cannot_be_written_is_read(
    bench: Bench, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def protected(database: object, **options: Any) -> sqlite3.Connection:
        """As the system opens a file that is write-protected, which root's never are."""
        return connect(str(database).replace("mode=rw", "mode=ro"), **options)

    monkeypatch.setattr("bench.store.store.sqlite3.connect", protected)
    check_exports(bench, old)
    assert version_of(old) == "3"


@pytest.mark.parametrize("damage", [b"\xff", b"\0"])
def test_a_damaged_page_is_one_line(bench: Bench, old: Path, damage: bytes) -> None:
    assert bench("report", "--results", old).status == 0
    file = old / "store.sqlite"
    whole, refused = file.read_bytes(), 0
    for page in range(4096, len(whole), 4096):
        file.write_bytes(whole[:page] + damage * 4096 + whole[page + 4096 :])
        for command in (("export", "--out", "out.csv"), ("report", "--out", "report")):
            said = bench(*command, "--results", old)
            refused += said.status
            assert said.err.count("\n") == said.status  # one line, if any
    assert refused > 20


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("datasets", "name"),
        ("planned", "points"),
        ("codecs", "depends_on"),
        ("runs", "machine"),
        ("streams", "bytes"),
        ("originals", "matches"),
        ("members", "digest"),
    ],
)
@pytest.mark.parametrize("value", ["x'00ff'", "'{'", "7", "NULL", "-1e999"])
def test_a_damaged_record_is_no_traceback(
    bench: Bench, old: Path, table: str, column: str, value: str
) -> None:
    with closing(sqlite3.connect(old / "store.sqlite")) as database, database:
        database.execute(f"UPDATE {table} SET {column} = {value}")
    on = ("--results", old)
    for command in (("export", "--out", "out.csv"), ("report",), ("report", "--data", "pictures")):
        said = bench(*command, *on)
        assert said.status in (0, 1)
        assert said.err.count("\n") == said.status


def test_a_damaged_pseudo_truth_names_the_folder(old: Path) -> None:
    with Store(old, writable=True) as store:
        # Of a version whose truth was kept otherwise, and so is damaged for this one.
        fingerprints = store.rows(
            "SELECT fingerprint FROM scorers JOIN originals ON scorer = id WHERE painted NOT NULL"
        )
        assert fingerprints
        scorer: Any = SimpleNamespace(fingerprint=fingerprints[0][0])
        with pytest.raises(StoreError, match=f"{old}.*record.*pseudo truth"):
            store.kept_originals(scorer)


def test_two_processes_may_upgrade_at_once(bench: Bench, old: Path) -> None:
    command = [sys.executable, "-m", "bench", "report", "--results", str(old), "--out"]
    both = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE) for number in "12"]
    for process in both:
        _, said = process.communicate()
        assert process.returncode == 0, said
    check_exports(bench, old)


def test_a_killed_upgrade_leaves_the_store_as_it_was(bench: Bench, old: Path) -> None:
    program = """
import os, signal, sqlite3, sys
from bench.store import schema
from bench.codecs.catalog import load_codec
from bench.datasets import open_dataset

class Killed(sqlite3.Connection):
    def execute(self, statement, *values):
        if statement.startswith("UPDATE meta"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(statement, *values)

schema.upgrade(sqlite3.connect(sys.argv[1], factory=Killed, isolation_level=None))
"""
    killed = subprocess.run([sys.executable, "-c", program, str(old / "store.sqlite")])
    assert killed.returncode == -signal.SIGKILL
    assert version_of(old) == "3"
    check_exports(bench, old)


@pytest.fixture
def hm_of_before(old: Path) -> Iterator[Path]:
    """A store of version 3 of an HM other than the card's, which its title names."""
    with closing(sqlite3.connect(old / "store.sqlite")) as database, database:
        database.execute("UPDATE planned SET title = 'HEVC, reference encoder HM-16.18'")
        database.execute(
            """UPDATE codecs SET options = '{"version": "16.18"}', """
            """depends_on = '{"version": "16.20"}'"""
        )
    yield old


def test_the_version_that_ran_is_known_of_a_store_of_before(
    bench: Bench, hm_of_before: Path
) -> None:
    said = bench("report", "--results", hm_of_before, "--data", "pictures")
    assert "HM-16.20 (card: 16.18)" in said.out
    assert "HM-16.18" not in said.out


SOFTWARE = {"x265": "ffmpeg", "webp": "ffmpeg", "jpeg": "pillow", "ncn-task:toyscapes": "torch"}


@pytest.mark.parametrize("name", SOFTWARE)
def test_fingerprints_are_those_of_version_3(old: Path, name: str) -> None:
    """Where the software is the same, nothing that was coded is coded again."""
    with Store(old, writable=False) as store:
        rows = store.rows(
            "SELECT DISTINCT fingerprint, depends_on FROM codecs "
            "JOIN planned ON codec = codecs.id WHERE name = ?",
            (name,),
        )
    ((fingerprint, depends_on),) = rows
    codec, software = load_codec(name), SOFTWARE[name]
    before, now = json.loads(str(depends_on))[software], codec.depends_on()[software]
    if before != now:
        pytest.skip(f"this machine's {software} is another: {now}, not {before}")
    assert codec.fingerprint == fingerprint


def test_nothing_is_coded_again(bench: Bench, old: Path) -> None:
    with Store(old, writable=False) as store:
        kept = {str(mark) for (mark,) in store.rows("SELECT fingerprint FROM codecs")}
    codecs = ("x265", "ncn-task:toyscapes")
    if not {load_codec(name).fingerprint for name in codecs} <= kept:
        pytest.skip("this machine's ffmpeg or torch is another")
    if open_dataset("toyscapes", limit=3).remark:
        pytest.skip("this machine renders other scenes")
    said = bench(
        *("run", "--codec", "x265", "--codec", "ncn-task", "--limit", "3"),
        *("--points", "x265=42,37", "--points", "ncn-task=10,3", "--task", "mask-rcnn-toy"),
        *("--results", old),
    )
    assert said.status == 0, said.err
    assert "0 encoded" in said.err
