"""What reports no longer show is named, and deleted when asked; what they show stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Bench
from support.pictures import Pictures

from bench.store import Store, StoreWriter, rows

CARD = """
title = "JPEG"
family = "pillow"
points = {{ unit = "quality", default = [20, 60] }}
pillow = {{ format = "JPEG", save = {{ quality = "{{point}}", subsampling = "{0}" }} }}
"""


@pytest.fixture
def changed(bench: Bench, pictures: Pictures) -> Path:
    """A store whose codec was changed between two runs."""
    run = ("run", "--codec", "mine.toml", "--data", pictures(2), "--metric", "bpp")
    Path("mine.toml").write_text(CARD.format("4:2:0"))
    assert bench(*run).status == 0
    Path("mine.toml").write_text(CARD.format("4:4:4"))
    result = bench(*run)
    assert result.status == 0, result.err
    return Path("bench-results")


def exported(bench: Bench) -> str:
    assert bench("export", "--out", "all.csv").status == 0
    return Path("all.csv").read_text()


def test_gc_names_and_deletes_results_of_an_earlier_codec(bench: Bench, changed: Path) -> None:
    before = exported(bench)
    files = len([path for path in (changed / "streams").rglob("*") if path.is_file()])
    named = bench("gc")
    assert named.status == 0
    assert "mine: 4 bitstreams" in named.out
    assert len([path for path in (changed / "streams").rglob("*") if path.is_file()]) == files
    assert bench("gc", "--yes").status == 0
    assert exported(bench) == before
    assert len([path for path in (changed / "streams").rglob("*") if path.is_file()]) == files - 4
    with Store(changed) as store:
        assert len(store.select(rows.Planned)) == 1
    assert "nothing to delete" in bench("gc").out


def test_a_codec_that_another_data_set_still_shows_stays(
    bench: Bench, changed: Path, pictures: Pictures
) -> None:
    Path("mine.toml").write_text(CARD.format("4:2:0"))
    other = pictures(1, name="other", width=64)
    assert bench("run", "--codec", "mine.toml", "--data", other).status == 0
    assert bench("gc", "--yes").status == 0
    with Store(changed) as store:
        assert len(store.select(rows.Stream)) == 4 + 2


def test_values_of_an_earlier_metric_go_where_there_is_a_later(
    bench: Bench, pictures: Pictures
) -> None:
    run = ("run", "--codec", "jpeg", "--data", pictures(2), "--metric", "psnr_rgb")
    assert bench(*run).status == 0
    with StoreWriter(Path("bench-results")) as store, store.write_transaction():
        (metric,) = store.select(rows.Metric)
        store.put(metric._replace(fingerprint="an earlier one"))
    assert bench(*run).status == 0
    assert "psnr_rgb: 8 figures" in bench("gc", "--yes").out
    with Store(Path("bench-results")) as store:
        assert len(store.select(rows.Measured)) == 8


def test_files_without_a_record_go(bench: Bench, pictures: Pictures) -> None:
    assert bench("run", "--codec", "jpeg", "--data", pictures(1)).status == 0
    orphan = Path("bench-results/streams/00/11")
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"lost")
    assert "1 bitstream file, " in bench("gc").out
    assert orphan.exists()
    assert bench("gc", "--yes").status == 0
    assert not orphan.exists()
    assert bench("run", "--codec", "jpeg", "--data", "pictures").err.count("0 encoded") == 1


def test_gc_of_no_store_is_one_line(bench: Bench) -> None:
    for arguments in (("gc",), ("gc", "--yes")):
        result = bench(*arguments, "--results", "nowhere")
        assert result.status == 1
        assert result.err.count("\n") == 1
    assert not Path("nowhere").exists()
