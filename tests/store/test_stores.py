"""Stores of earlier versions are brought up to date, and give the figures that they gave."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas
import pytest
from support.command import Bench
from support.paths import RECORDED

from bench.codecs.catalog import load_codec
from bench.datasets import open_dataset
from bench.datasets.cityscapes_labels import CLASSES
from bench.datasets.on_demand import Toyscapes
from bench.errors import StoreError
from bench.store import Store, StoreWriter, rows
from bench.store.schema import VERSION

KEPT = RECORDED / "stores"
# The exports that the bench which wrote the store made of it, with the options that make them.
EXPORTS = {
    "toyscapes": ("--data", "toyscapes:val[:3]"),
    "toyscapes-means": ("--data", "toyscapes:val[:3]", "--means"),
    "pseudo-means": ("--data", "toyscapes:val[:1]", "--means"),
    "pictures": ("--data", "pictures"),
    "pictures-means": ("--data", "pictures", "--means"),
}


@pytest.fixture(params=["version-3", "version-4"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a store of each earlier version."""
    return Path(shutil.copytree(KEPT / request.param, tmp_path / request.param))


@pytest.fixture
def oldest(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT / "version-3", tmp_path / "version-3"))


@pytest.fixture
def present(tmp_path: Path) -> Path:
    """A store of the present version."""
    store = Path(shutil.copytree(KEPT / "version-4", tmp_path / "present"))
    with Store(store):
        return store


def content(store: Path) -> bytes:
    return (store / "store.sqlite").read_bytes()


def check_exports(bench: Bench, store: Path) -> None:
    for name, options in EXPORTS.items():
        result = bench("export", "--results", store, "--out", f"{name}.csv", *options)
        assert result.status == 0, result.err
        expected = pandas.read_csv(store / "expected" / f"{name}.csv")
        found = pandas.read_csv(f"{name}.csv")
        pandas.testing.assert_frame_equal(found[list(expected)], expected, check_exact=True)


def test_an_earlier_store_gives_the_same_export(bench: Bench, old: Path) -> None:
    check_exports(bench, old)
    upgraded = content(old)
    with Store(old) as store:
        assert store.select(rows.Meta) == [rows.Meta("version", str(VERSION))]
    check_exports(bench, old)
    assert content(old) == upgraded


def test_an_earlier_store_s_scores_have_a_measure_and_classes(old: Path) -> None:
    with Store(old) as store:
        scorers, members = store.select(rows.Scorer), store.select(rows.Member)
    assert {scorer.measure for scorer in scorers} <= {"cityscapes-ap", "box-ap"}
    assert scorers and all(json.loads(each.classes) == list(CLASSES) for each in scorers)
    labelled = [member.truth("instances") for member in members if member.truths]
    assert labelled and all(truth and len(truth) == 64 for truth in labelled)
    assert all(member.truth("semantic") is None for member in members)


def test_an_upgrade_is_logged(bench: Bench, oldest: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "bench"):
        result = bench("export", "--results", oldest, "--out", "a.csv", "--data", "pictures")
    assert result.status == 0
    assert [record.args for record in caplog.records] == [(v, v + 1) for v in range(3, VERSION)]
    assert {record.name for record in caplog.records} == {"bench.store.schema"}
    assert "upgraded" not in result.out + result.err


def test_records_tell_the_version_of_their_data_set(bench: Bench, old: Path) -> None:
    for data, version in (("toyscapes:val[:3]", {"1"}), ("pictures", {None})):
        assert bench("export", "--results", old, "--out", "it.json", "--data", data).status == 0
        found = json.loads(Path("it.json").read_text())
        assert {v for codec in found for v in codec["results"]["dataset_version"]} == version


def test_a_store_of_earlier_scenes_says_so(
    bench: Bench, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = ("report", "--results", old, *EXPORTS["toyscapes"], "--out", "report")
    assert "recorded on version" not in bench(*report).out
    monkeypatch.setattr(Toyscapes, "version", "3")
    result = bench(*report)
    assert result.status == 0
    assert "recorded on version 1 of toyscapes" in result.out


def test_rows_are_those_of_the_tables(present: Path, tmp_path: Path) -> None:
    """A new store and one brought up to date alike."""
    with Store(present) as upgraded, StoreWriter(tmp_path / "new") as new:
        for kind in rows.TABLES:
            assert new.select(kind) == [] or kind is rows.Meta
            assert upgraded.select(kind)
        with new.write_transaction():
            for kind in rows.TABLES:
                new.put(*upgraded.select(kind))
        assert all(new.select(kind) == upgraded.select(kind) for kind in rows.TABLES)


def test_a_store_that_cannot_be_written_is_read(
    bench: Bench, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the system opens a file that is write-protected, which root's never are.
    monkeypatch.setattr("bench.store.database.READ", "ro")
    before = content(old)
    check_exports(bench, old)
    assert content(old) == before


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"\xff", b"\0"])
def test_a_damaged_page_is_one_line(bench: Bench, present: Path, damage: bytes) -> None:
    assert bench("report", "--results", present).status == 0
    whole, refused = content(present), 0
    for page in range(4096, len(whole), 4096):
        damaged = whole[:page] + damage * 4096 + whole[page + 4096 :]
        (present / "store.sqlite").write_bytes(damaged)
        for command in (("export", "--out", "out.csv"), ("report", "--out", "report")):
            result = bench(*command, "--results", present)
            refused += result.status
            assert result.err.count("\n") == result.status  # one line, if any
    assert refused > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (rows.Dataset, "name"),
        (rows.Planned, "points"),
        (rows.Codec, "depends_on"),
        (rows.Run, "machine"),
        (rows.Stream, "bytes"),
        (rows.Original, "matches"),
        (rows.Member, "digest"),
    ],
)
@pytest.mark.parametrize("value", [b"\x00\xff", "{", 7, None, float("-inf")])
def test_a_damaged_record_is_no_traceback(
    bench: Bench, present: Path, kind: type[NamedTuple], column: str, value: object
) -> None:
    with StoreWriter(present) as store, store.write_transaction():
        store.put(*(row._replace(**{column: value}) for row in store.select(kind)))
    on = ("--results", present)
    for command in (("export", "--out", "out.csv"), ("report",), ("report", "--data", "pictures")):
        result = bench(*command, *on)
        assert result.status in (0, 1)
        assert result.err.count("\n") == result.status


def test_a_record_that_cannot_be_brought_up_to_date_is_one_line(bench: Bench, oldest: Path) -> None:
    damaged = content(oldest).replace(b'{"ffmpeg": ', b'{"ffmpeg"::')
    (oldest / "store.sqlite").write_bytes(damaged)
    result = bench("report", "--results", oldest)
    assert (result.status, result.err.count("\n")) == (1, 1)
    assert content(oldest) == damaged


def test_a_damaged_pseudo_truth_names_the_folder(oldest: Path) -> None:
    with Store(oldest) as store:
        # Of a version whose truth was kept otherwise, and so is damaged for this one.
        (number,) = {row.scorer for row in store.select(rows.Original) if row.pseudo_ground_truth}
        scorer: Any = store.select(rows.Scorer, id=number)[0]
        with pytest.raises(StoreError, match=f"{oldest}.*record.*pseudo truth"):
            store.kept_originals(scorer)


@pytest.mark.slow
def test_two_processes_may_upgrade_at_once(bench: Bench, old: Path) -> None:
    command = [sys.executable, "-m", "bench", "report", "--results", str(old), "--out"]
    both = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE) for number in "12"]
    for process in both:
        _, result = process.communicate()
        assert process.returncode == 0, result
    check_exports(bench, old)


def test_a_killed_upgrade_leaves_the_store_as_it_was(bench: Bench, old: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from bench.store import Store, schema

schema.set_version = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Store(Path(sys.argv[1]))
"""
    killed = subprocess.run([sys.executable, "-c", program, str(old)])
    assert killed.returncode == -signal.SIGKILL
    before = content(KEPT / old.name)
    assert content(old) == before
    check_exports(bench, old)
    assert content(old) != before


def test_the_version_that_ran_is_known_of_a_store_of_before(bench: Bench, oldest: Path) -> None:
    """Of an HM other than the card's, which its title names."""
    with Store(Path(shutil.copytree(oldest, "copy"))) as store:
        x265 = store.select(rows.Planned, name="x265")[0]
        (codec,) = store.select(rows.Codec, id=x265.codec)
    said_before = {
        x265.title: "HM-16.18",
        codec.options: '{"version": "16.18"}',
        codec.depends_on: '{"version": "16.20"}',
    }
    whole = content(oldest)
    for before, instead in said_before.items():
        assert before.encode() in whole
        whole = whole.replace(before.encode(), instead.ljust(len(before.encode())).encode())
    (oldest / "store.sqlite").write_bytes(whole)
    result = bench("report", "--results", oldest, "--data", "toyscapes:val[:3]")
    assert "HM-16.20 (card: 16.18)" in result.out
    assert "HM-16.18" not in result.out


SOFTWARE = {"x265": "ffmpeg", "webp": "ffmpeg", "jpeg": "pillow", "ncn-task:toyscapes": "torch"}


@pytest.mark.parametrize("name", SOFTWARE)
def test_fingerprints_are_those_of_earlier_stores(old: Path, name: str) -> None:
    """Where the software is the same, nothing that was coded is coded again."""
    with Store(old) as store:
        (number,) = {row.codec for row in store.select(rows.Planned, name=name)}
        (stored,) = store.select(rows.Codec, id=number)
    codec, software = load_codec(name), SOFTWARE[name]
    before, now = json.loads(stored.depends_on)[software], codec.depends_on()[software]
    if before != now:
        pytest.skip(f"this machine's {software} is another: {now}, not {before}")
    assert codec.fingerprint == stored.fingerprint


@pytest.mark.slow
def test_nothing_is_coded_again(bench: Bench, old: Path) -> None:
    with Store(old) as store:
        kept = {codec.fingerprint for codec in store.select(rows.Codec)}
    codecs = ("x265", "ncn-task:toyscapes")
    if not {load_codec(name).fingerprint for name in codecs} <= kept:
        pytest.skip("this machine's ffmpeg or torch is another")
    if open_dataset("toyscapes", limit=3).remark:
        pytest.skip("this machine renders other scenes")
    result = bench(
        *("run", "--codec", "x265", "--codec", "ncn-task", "--limit", "3"),
        *("--points", "x265=42,37", "--points", "ncn-task=10,3", "--task", "mask-rcnn-toy"),
        *("--results", old),
    )
    assert result.status == 0, result.err
    assert "0 encoded" in result.err
