"""Stores of several disks become one, which gives the figures of one sweep."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas
import pytest
from support.command import Bench, run_bench
from support.pictures import Pictures, write_pictures
from support.records import records

from bench.store import Store, StoreWriter, rows

SWEEP = ("run", "--codec", "jpeg", "--codec", "webp", "--points", "30,60", "--metric", "psnr_rgb")


def whole(store: Path | str) -> dict[type, list[object]]:
    with Store(Path(store)) as opened:
        return {kind: [*opened.select(kind)] for kind in rows.TABLES}


def streams_of(store: str) -> list[Path]:
    return [path for path in Path(store, "streams").glob("*/*") if path.is_file()]


SHARDS = [f"disk{number}/results" for number in range(1, 5)]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four stores on disks of their own, a quarter of the images each, and ``one`` with all."""
    folder = tmp_path_factory.mktemp("swept")
    sweep = (*SWEEP, "--data", write_pictures(folder / "pictures", 6))
    assert run_bench(*sweep, "--results", folder / "one").status == 0
    for number, name in enumerate(SHARDS, 1):
        result = run_bench(*sweep, "--shard", f"{number}/{len(SHARDS)}", "--results", folder / name)
        assert result.status == 0, result.err
    return folder


@pytest.fixture
def shards(swept: Path) -> list[str]:
    """The names of these four, copied with the rest into the test's own folder."""
    shutil.copytree(swept, ".", dirs_exist_ok=True)
    return SHARDS


def test_shards_become_the_store_of_one_sweep(bench: Bench, shards: list[str]) -> None:
    before = [whole(shard) for shard in shards]
    assert bench("merge", *shards, "--results", "merged").status == 0
    pandas.testing.assert_frame_equal(
        records(bench, "merged"), records(bench, "one"), check_exact=True
    )
    assert [whole(shard) for shard in shards] == before
    result = bench(*SWEEP, "--data", "pictures", "--results", "merged")  # nothing is missing
    assert result.status == 0
    assert "0 encoded" in result.err
    assert len(list(Path("merged/streams").rglob("*"))) == len(list(Path("one/streams").rglob("*")))


def test_merging_again_adds_nothing(bench: Bench, shards: list[str]) -> None:
    assert bench("merge", *shards, "--results", "merged").status == 0
    merged = whole("merged")
    assert bench("merge", *shards, "--results", "merged").status == 0
    assert whole("merged") == merged


@pytest.mark.slow
def test_a_merge_that_is_killed_is_taken_up_again(bench: Bench, shards: list[str]) -> None:
    merge = [sys.executable, "-m", "bench", "merge", *shards, "--results", "merged"]
    there, whole = 0, len(streams_of("one"))
    for wanted in (1, 9, 17):
        running = subprocess.Popen(merge, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while running.poll() is None and len(streams_of("merged")) < wanted:
            time.sleep(1e-3)
        running.kill()
        assert running.wait() == -signal.SIGKILL
        before, there = there, len(streams_of("merged"))
        assert before < there < whole
    assert bench("merge", *shards, "--results", "merged").status == 0
    pandas.testing.assert_frame_equal(
        records(bench, "merged"), records(bench, "one"), check_exact=True
    )


def test_another_bitstream_is_a_conflict(bench: Bench, shards: list[str]) -> None:
    other = Path(shutil.copytree("one", "other"))
    with StoreWriter(other) as store, store.write_transaction():
        stream, *_ = store.select(rows.Stream)
        store.put(stream._replace(digest="0" * 64))
    before = records(bench, "one")
    merged = bench("merge", "other", "--results", "one")
    assert merged.status == 1
    assert "another bitstream" in merged.err
    pandas.testing.assert_frame_equal(records(bench, "one"), before)


def test_another_value_is_a_conflict_and_is_not_taken(bench: Bench, shards: list[str]) -> None:
    shutil.copytree("one", "other")
    with StoreWriter(Path("other")) as store, store.write_transaction():
        value, *_ = store.select(rows.Measured)
        store.put(value._replace(value=value.value + 1))
    before = records(bench, "one")
    merged = bench("merge", "other", "--results", "one")
    assert merged.status == 1
    assert "jpeg" in merged.err
    pandas.testing.assert_frame_equal(records(bench, "one"), before)


def test_a_lost_bitstream_is_named_and_the_rest_is_merged(bench: Bench, shards: list[str]) -> None:
    lost, *_ = (path for path in Path(SHARDS[0], "streams").rglob("*") if path.is_file())
    lost.unlink()
    merged = bench("merge", *shards, "--results", "merged")
    assert merged.status == 1
    assert str(lost) in merged.err
    assert len(records(bench, "merged")) == len(records(bench, "one")) - 1


def test_points_of_both_are_planned(bench: Bench, pictures: Pictures) -> None:
    data = pictures(2)
    for store, points in (("a", "20,60"), ("b", "40,80"), ("both", "20,60,40,80")):
        run = ("run", "--codec", "jpeg", "--points", points, "--data", data)
        assert bench(*run, "--metric", "psnr_rgb", "--results", store).status == 0
    assert bench("merge", "a", "b", "--results", "merged").status == 0
    merged, both = records(bench, "merged"), records(bench, "both")
    assert set(merged["point"]) == {20, 40, 60, 80}
    order = ["image", "point"]
    pandas.testing.assert_frame_equal(
        merged.sort_values(order, ignore_index=True), both.sort_values(order, ignore_index=True)
    )


def test_a_merge_finishes_what_the_other_had_begun(bench: Bench, pictures: Pictures) -> None:
    """Values of another metric of the same bitstreams are added to them."""
    run = ("run", "--codec", "jpeg", "--data", pictures(2))
    assert bench(*run, "--metric", "psnr_rgb", "--results", "a").status == 0
    assert bench(*run, "--metric", "psnr_y", "--results", "b").status == 0
    assert bench("merge", "b", "--results", "a").status == 0
    assert records(bench, "a")[["psnr_rgb", "psnr_y"]].notna().all(axis=None)


def test_a_folder_without_a_store_is_refused_before_anything(bench: Bench) -> None:
    Path("empty").mkdir()
    merged = bench("merge", "empty", "--results", "merged")
    assert merged.status == 1
    assert merged.err.count("\n") == 1
    assert not Path("merged").exists()


def test_a_store_is_not_merged_into_itself(bench: Bench, shards: list[str]) -> None:
    os.symlink("one", "alias")
    assert bench("merge", "alias", "--results", "one").status == 1


def test_figures_of_an_unknown_picture_are_not_mixed(bench: Bench, shards: list[str]) -> None:
    """A store of version 3 does not say which decoded picture its figures are of."""
    shutil.copytree("one", "other")
    with StoreWriter(Path("one")) as store, store.write_transaction():
        first, *_ = store.select(rows.Stream)
        store.put(first._replace(decoded=None))
    with StoreWriter(Path("other")) as store, store.write_transaction():
        value, *_ = store.select(rows.Measured, stream=first.id)
        store.put(value._replace(value=value.value + 1))
    before = whole("one")
    assert bench("merge", "other", "--results", "one").status == 0
    assert whole("one") == before


def test_a_failure_of_what_is_coded_here_is_not_taken(bench: Bench, shards: list[str]) -> None:
    shutil.copytree("one", "other")
    with StoreWriter(Path("other")) as store, store.write_transaction():
        stream, *_ = store.select(rows.Stream)
        (image,) = store.select(rows.Image, id=stream.image)
        for kind in (rows.Stream, rows.Measured):
            for row in store.select(kind):
                store.delete(kind, **dict(zip(kind._fields[:2], row[:2], strict=True)))
        store.delete(rows.Image, id=image.id)
        failure = (stream.codec, image.digest, stream.point, "failed", stream.run, "today")
        store.put(rows.Failure(*failure))
    assert bench("merge", "other", "--results", "one").status == 0
    with Store(Path("one")) as store:
        assert store.select(rows.Failure) == []
