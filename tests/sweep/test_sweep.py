"""A sweep as its user sees it: run, run again, add to it, and what goes wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas
import pytest
from fakes.card import CARD, install
from fakes.task import RedThings
from PIL import Image
from support.command import Bench
from support.pictures import Pictures

from bench.codecs.catalog import card_paths
from bench.codecs.families import external, pillow
from bench.errors import CodecError
from bench.store import StoreWriter, rows
from bench.sweep import worker as sweep

QUICK = ("--metric", "bpp")  # neither measured nor drawn
MEASURED = ("--metric", "psnr_rgb")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The card of a codec that is a script of ours."""
    install(tmp_path / "tools")
    monkeypatch.setenv("BENCH_FAKE", str(tmp_path / "tools"))
    card = tmp_path / "fake.toml"
    card.write_text(CARD)
    return card


def records(bench: Bench, *arguments: object) -> pandas.DataFrame:
    assert bench("export", "--out", "records.csv", *arguments).status == 0
    return pandas.read_csv("records.csv")


def means(bench: Bench) -> pandas.DataFrame:
    assert bench("export", "--means", "--out", "means.csv").status == 0
    return pandas.read_csv("means.csv")


def test_a_first_run_codes_and_compares(bench: Bench, pictures: Pictures) -> None:
    result = bench("run", "--codec", "jpeg", "--codec", "webp", "--data", pictures(), *MEASURED)
    assert result.status == 0, result.err
    assert "webp" in result.out
    assert "BD-rate" in result.out
    table = records(bench)
    assert set(table.codec) == {"jpeg", "webp"}
    assert set(table.image) == {"00.png", "01.png"}
    assert (table.bpp == 8 * table.bytes / (48 * 32)).all()
    assert table.psnr_rgb.between(15, 60).all()
    for name in ("curves.png", "curves.svg", "means.csv", "bjontegaard.csv", "report.md"):
        assert Path("bench-results", "report", name).stat().st_size > 0


def test_the_rate_is_that_of_files_which_anyone_can_open(bench: Bench, pictures: Pictures) -> None:
    bench("run", "--codec", "jpeg", "--data", pictures(1), *QUICK)
    streams = [path for path in Path("bench-results/streams").rglob("*") if path.is_file()]
    table = records(bench)
    assert sorted(path.stat().st_size for path in streams) == sorted(table.bytes)
    for path in streams:
        with Image.open(path) as opened:
            assert opened.size == (48, 32)


def test_a_second_run_does_nothing(bench: Bench, pictures: Pictures, fake: Path) -> None:
    command = ("run", "--codec", fake, "--codec", "jpeg", "--data", pictures(), *QUICK)
    assert bench(*command).status == 0
    with pytest.MonkeyPatch.context() as now:
        for codec in (external.ExternalCodec, pillow.PillowCodec):
            now.setattr(codec, "encode", _out_of_order)
            now.setattr(codec, "decode", _out_of_order)
        again = bench(*command)
    assert again.status == 0
    assert again.err.count("all done before") == 2


def test_a_new_metric_measures_the_kept_streams(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures()
    bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    before = records(bench)
    from bench.codecs.families.pillow import PillowCodec

    def never(*_: object) -> bytes:
        raise AssertionError("coded again")

    monkeypatch.setattr(PillowCodec, "encode", never)
    result = bench("run", "--codec", "jpeg", "--data", folder, *QUICK, "--metric", "psnr_y")
    assert result.status == 0, result.err
    after = records(bench)
    assert after.psnr_y.notna().all()
    assert (after.stream == before.stream).all()


def test_more_images_and_points_keep_what_is_there(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(3)
    bench("run", "--codec", "jpeg", "--points", "50", "--data", folder, "--limit", 2, *QUICK)
    result = bench("run", "--codec", "jpeg", "--points", "30,50", "--data", folder, *QUICK)
    assert "2 of 6 done before" in result.err


def test_points_for_one_codec_and_for_all(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(1)
    both = ("run", "--codec", "jpeg", "--codec", "webp", "--data", folder, *QUICK)
    result = bench(*both, "--points", "20,40", "--points", "webp=70")
    assert result.status == 0, result.err
    table = records(bench)
    assert set(table[table.codec == "jpeg"].point) == {20, 40}
    assert set(table[table.codec == "webp"].point) == {70}
    mixed = bench("run", "--codec", "jpeg", "--codec", "x265", "--points", "30", "--data", folder)
    assert mixed.status == 1
    assert "CODEC=POINT" in mixed.err


@pytest.mark.slow
def test_shards_add_up_to_the_whole(bench: Bench, pictures: Pictures) -> None:
    command = ("run", "--codec", "jpeg", "--codec", "webp", "--data", pictures(5), *MEASURED)
    first = bench(*command, "--shard", "1/2")
    assert first.status == 0
    assert "missing" in first.out  # no figure from some of the images
    assert len(set(records(bench).image)) == 3
    second = bench(*command, "--shard", "2/2")
    assert "missing" not in second.out
    assert len(set(records(bench).image)) == 5


def test_decoded_pictures_on_demand(bench: Bench, pictures: Pictures) -> None:
    command = ("run", "--codec", "jpeg", "--points", "50", "--data", pictures(1), *QUICK)
    bench(*command)
    assert bench(*command, "--save-decoded", "seen").status == 0
    (path,) = Path("seen").rglob("*.png")
    with Image.open(path) as opened:
        assert opened.size == (48, 32)


@pytest.mark.slow
def test_an_anchor_from_the_store_is_not_coded_again(bench: Bench, pictures: Pictures) -> None:
    folder = pictures()
    bench("run", "--codec", "jpeg", "--data", folder, *MEASURED)
    result = bench("run", "--codec", "webp", "--anchor", "jpeg", "--data", folder, *MEASURED)
    assert result.status == 0, result.err
    assert result.err.count("jpeg") == 1 and "anchor  jpeg, named by --anchor" in result.err
    assert "jpeg" in result.out
    unknown = bench("run", "--codec", "webp", "--anchor", "vtm", "--data", folder, *MEASURED)
    assert unknown.status == 1
    assert "vtm" in unknown.err


def test_report_is_what_run_said(bench: Bench, pictures: Pictures) -> None:
    ran = bench("run", "--codec", "jpeg", "--codec", "webp", "--data", pictures(), *MEASURED)
    reported = bench("report", *MEASURED)
    assert reported.out == ran.out


FAULTS = {
    "crash": "status -6",
    "fail": "here is my last word",
    "hang": "time limit",
    "babble": "without end",
    "silent": "wrote no stream",
    "short": "decod",
    "other": "reconstruction",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_encoder_costs_its_own_points_only(
    bench: Bench, pictures: Pictures, fake: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external, "_MIN_LIMIT", 2.0 if fault == "hang" else 60.0)
    fake.write_text(
        CARD.replace("{height} {point}", f"{{height}} {{point}} {fault}").replace(
            "default = [8, 4, 1]", "default = [8, 4]"
        )
    )
    result = bench("run", "--codec", fake, "--codec", "jpeg", "--data", pictures(1), *QUICK)
    assert result.status == 1
    assert "2 failed" in result.out
    assert FAULTS[fault] in " ".join(result.out.split())
    assert "Traceback" not in result.err
    assert set(records(bench).codec) == {"jpeg"}


def test_a_decoder_that_gives_another_size_is_a_failure(
    bench: Bench, pictures: Pictures, fake: Path
) -> None:
    fake.write_text(CARD.replace("{stream} {output}", "{stream} {output} larger"))
    result = bench("run", "--codec", fake, "--data", pictures(1), *QUICK)
    assert result.status == 1
    assert "3 failed" in result.out


def test_what_failed_is_tried_again(
    bench: Bench, pictures: Pictures, fake: Path, caplog: pytest.LogCaptureFixture
) -> None:
    command = ("run", "--codec", fake, "--data", pictures(1), *QUICK)
    with pytest.MonkeyPatch.context() as once, caplog.at_level("INFO", "bench"):
        once.setattr(external.ExternalCodec, "encode", _out_of_order)
        assert bench(*command).status == 1
    logged = [record.message for record in caplog.records if record.name == "bench.sweep.worker"]
    assert len(logged) == 3 and all("out of order" in message for message in logged)
    assert "3 failed" in bench("report").out
    assert "out of order" in bench("report").out
    result = bench(*command)
    assert result.status == 0
    assert "failed" not in result.out


def _out_of_order(*_: object) -> bytes:
    raise CodecError("out of order")


@pytest.mark.parametrize(
    ("title", "expected", "shown"),
    [
        ("Fake-1.1", "1.1", "Fake-1.2 (card: 1.1)"),
        ("Fake 1.2", "1.2", "Fake 1.2"),
        ("Fake 1.10", "1.1", "Fake 1.10  version 1.2"),
        ("Fake", "1.1", "Fake  version 1.2"),
    ],
)
def test_the_version_that_ran_is_shown(
    bench: Bench, pictures: Pictures, fake: Path, title: str, expected: str, shown: str
) -> None:
    card = CARD.replace('"Fake"', f'"{title}"').replace(
        'version = "1.2"', f'version = "{expected}"'
    )
    fake.write_text(card)
    result = bench("run", "--codec", fake, "--data", pictures(1), *QUICK)
    assert result.status == 0, result.err
    assert f"fake  {shown}\n" in "\n".join(line.rstrip() for line in result.out.splitlines())
    assert "| 1.2 |" in Path("bench-results/report/report.md").read_text("utf-8")
    assert set(pandas.read_csv("bench-results/report/means.csv", dtype=str).version) == {"1.2"}
    for ending in ("csv", "json", "parquet"):
        assert bench("export", "--out", f"records.{ending}").status == 0
    assert set(pandas.read_csv("records.csv", dtype=str).version) == {"1.2"}
    assert set(pandas.read_parquet("records.parquet").version) == {"1.2"}
    assert set(json.loads(Path("records.json").read_text())["results"]["version"]) == {"1.2"}


def test_a_version_that_is_unknown_is_not_claimed(
    bench: Bench, pictures: Pictures, fake: Path
) -> None:
    silent = CARD.replace('"Fake"', '"Fake-1.2"').replace("--version", "--help")
    fake.write_text(silent)
    result = bench("run", "--codec", fake, "--data", pictures(1), *QUICK)
    assert result.status == 0, result.err
    assert "Fake-1.2 (card; unknown version ran)" in result.out
    assert records(bench).version.isna().all()


def test_encoders_in_libraries_tell_their_version(bench: Bench, pictures: Pictures) -> None:
    codecs = ("x265", "webp", "jpeg")
    chosen = [word for name in codecs for word in ("--codec", name)]
    points = [word for name in codecs for word in ("--points", f"{name}=40")]
    assert bench("run", *chosen, *points, "--data", pictures(1), *QUICK).status == 0
    versions = means(bench).set_index("codec").version
    assert versions["x265"].startswith("libx265 ")
    assert versions["webp"].startswith("ffmpeg ")
    assert "Pillow" in versions["jpeg"]


def test_why_a_later_metric_is_missing_is_told(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("run", "--codec", "jpeg", "--points", "50", "--data", pictures(1))
    assert bench(*command, *QUICK).status == 0
    monkeypatch.setattr(sweep, "measure", _out_of_order)
    result = bench(*command, "--metric", "psnr_y")
    assert result.status == 1
    assert "out of order" in result.out
    assert "out of order" in bench("report").out


@pytest.mark.slow
def test_cards_that_code_alike_share_bitstreams_not_names(
    bench: Bench, pictures: Pictures, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.toml"
    card = card_paths()["jpeg"].read_text("utf-8")
    mine.write_text(card.replace('title = "', 'title = "My '), "utf-8")
    on = ("--data", pictures(1), *QUICK)
    assert bench("run", "--codec", "jpeg", "--points", "20,50", *on).status == 0
    result = bench("run", "--codec", mine, "--points", "50", *on)
    assert result.status == 0, result.err
    assert "all done before" in result.err
    assert "My " in result.out
    reported = bench("report").out
    assert "My " in reported
    assert set(records(bench).codec) == {"jpeg", "mine"}
    assert bench("run", "--codec", "jpeg", "--codec", mine, *on).status == 0


def test_a_job_of_many_speaks_like_any_other(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "3")  # as launchers of job arrays set it
    result = bench("run", "--codec", "jpeg", "--points", "50", "--data", pictures(1), *QUICK)
    assert "quality 50" in result.out


def test_a_data_set_without_common_images_costs_its_own_figures_only(
    bench: Bench, pictures: Pictures
) -> None:
    torn = ("--points", "50", "--data", pictures(2, name="torn"), *QUICK)
    bench("run", "--codec", "jpeg", *torn, "--shard", "1/2")
    bench("run", "--codec", "webp", *torn, "--shard", "2/2")
    whole = ("--points", "50", "--data", pictures(2, width=64, name="whole"), *QUICK)
    assert bench("run", "--codec", "jpeg", *whole).status == 0
    result = bench("report", "--html", "--incomplete")
    assert result.status == 0, result.err
    assert "torn is left out: no image of torn has been coded by every codec" in " ".join(
        result.out.split()
    )
    assert Path("bench-results/report/report.html").is_file()


@pytest.mark.slow
def test_a_folder_called_like_the_data_set_is_not_meant(bench: Bench) -> None:
    Path("toyscapes").mkdir()
    run = ("run", "--codec", "jpeg", "--points", "50", "--limit", 1, "--task", "none", *QUICK)
    assert bench(*run).status == 0
    assert bench("report", "--data", "toyscapes").status == 0


def test_a_damaged_stream_is_coded_again(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(1)
    bench("run", "--codec", "jpeg", "--data", folder, *MEASURED)
    before = records(bench)
    victim = next(path for path in Path("bench-results/streams").rglob("*") if path.is_file())
    victim.write_bytes(victim.read_bytes()[:-5])
    result = bench("run", "--codec", "jpeg", "--data", folder, *MEASURED, "--metric", "psnr_y")
    assert result.status == 0, result.err
    after = records(bench)
    assert list(after.psnr_rgb) == list(before.psnr_rgb)
    assert list(after.stream) == list(before.stream)
    assert after.psnr_y.notna().all()


@pytest.mark.slow
def test_figures_of_a_stream_are_all_of_one_decoding(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("run", "--codec", "jpeg", "--points", "50", "--data", pictures(2))
    assert bench(*command, *MEASURED, "--metric", "psnr_y").status == 0
    before = records(bench)
    decode = pillow.PillowCodec.decode
    monkeypatch.setattr(
        pillow.PillowCodec, "decode", lambda self, stream: 255 - decode(self, stream)
    )
    result = bench(*command, "--metric", "ms_ssim_db", *MEASURED)
    assert result.status == 0, result.err
    assert "0 encoded" in result.err
    assert "jpeg: 2 stored streams decoded to another picture" in " ".join(result.out.split())
    after = records(bench)
    assert (after.stream == before.stream).all()
    assert (after.psnr_rgb < before.psnr_rgb - 5).all()
    assert (after.psnr_y < before.psnr_y - 5).all()  # although it was not asked for
    again = bench(*command, "--metric", "vmaf")
    assert "another picture" not in " ".join(again.out.split())


@pytest.mark.slow
def test_what_an_absent_task_saw_of_another_decoding_is_dropped(
    bench: Bench, root: Path, red: RedThings, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("run", "--codec", "jpeg", "--points", "50", "--data", "cityscapes", "--root", root)
    assert bench(*command, *QUICK, "--task", red.name).status == 0
    assert means(bench)[f"wap:{red.name}"].notna().all()
    decode = pillow.PillowCodec.decode
    monkeypatch.setattr(
        pillow.PillowCodec, "decode", lambda self, stream: 255 - decode(self, stream)
    )
    assert bench(*command, "--metric", "psnr_y", "--task", "none").status == 0
    assert f"wap:{red.name}" not in means(bench)
    assert bench(*command, *QUICK, "--task", red.name).status == 0
    assert means(bench)[f"wap:{red.name}"].notna().all()


def test_a_corrupt_image_is_named(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(2)
    bench("run", "--codec", "jpeg", "--data", folder, "--limit", 1, *QUICK)
    damaged = folder / "01.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    result = bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    assert result.status == 1
    assert "01.png" in result.err
    assert result.err.count("\n") == 1
    assert len(set(records(bench).image)) == 1


@pytest.mark.parametrize("mode", ["I;16", "RGBA", "P", "L"])
def test_image_modes(bench: Bench, tmp_path: Path, mode: str) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    if mode == "RGBA":
        Image.new(mode, (32, 32), (9, 8, 7, 100)).save(folder / "a.png")
    else:
        Image.new(mode, (32, 32)).save(folder / "a.png")
    result = bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    if mode in ("P", "L"):
        assert result.status == 0, result.err
    else:
        assert result.status == 1
        assert "a.png" in result.err
        assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--codec", "vvcen"), "did you mean 'vvenc'?"),
        (("--codec", "./none.toml"), "no such card"),
        (("--codec", "jpeg", "--data", "nowhere"), "no folder nowhere"),
        (("--codec", "jpeg", "--metric", "vmfa"), "did you mean 'vmaf'?"),
        (("--codec", "jpeg", "--shard", "4/3"), "3/50"),
        (("--codec", "jpeg", "--points", "x"), "x"),
        (("--codec", "x265", "--points", "99"), "outside"),
        (("--codec", "jpeg", "--data", "cityscapes"), "CITYSCAPES_DATASET"),
        (("--codec", "jpeg", "--data", "toyscapes:test"), "splits"),
        (("--codec", "jpeg", "--points", "webp=3"), "'webp' is not one of jpeg"),
    ],
)
def test_mistakes_are_one_line(bench: Bench, arguments: tuple[str, ...], words: str) -> None:
    result = bench("run", *arguments)
    assert result.status == 1
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not Path("bench-results/streams").exists()


def test_a_missing_program_is_told_before_anything_is_done(
    bench: Bench, pictures: Pictures, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_FAKE", str(fake.parent / "elsewhere"))
    result = bench("run", "--codec", fake, "--data", pictures(1), *QUICK)
    assert result.status == 1
    assert "ask for it" in result.err
    assert not Path("bench-results").exists()


def test_a_store_of_another_version_is_left_alone(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(1)
    bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    with StoreWriter(Path("bench-results")) as store, store.write_transaction():
        store.put(rows.Meta("version", "999"))
    for command in (("run", "--codec", "jpeg", "--data", folder, *QUICK), ("report",)):
        result = bench(*command)
        assert result.status == 1
        assert "999" in result.err
        assert result.err.count("\n") == 1


def test_what_is_no_store_is_left_alone(bench: Bench, pictures: Pictures) -> None:
    Path("bench-results").mkdir()
    Path("bench-results/store.sqlite").write_text("a file of someone's, and no database at all")
    result = bench("run", "--codec", "jpeg", "--data", pictures(1), *QUICK)
    assert result.status == 1
    assert result.err.count("\n") == 1
    assert Path("bench-results/store.sqlite").read_text().startswith("a file of someone's")


def test_a_folder_that_cannot_be_written(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(1)
    Path("taken").write_text("a file")
    result = bench("run", "--codec", "jpeg", "--data", folder, *QUICK, "--results", "taken/here")
    assert result.status == 1
    assert "taken" in result.err
    assert result.err.count("\n") == 1
    if os.geteuid() != 0:  # root may write anywhere
        Path("locked").mkdir(mode=0o500)
        result = bench("run", "--codec", "jpeg", "--data", folder, *QUICK, "--results", "locked")
        assert result.status == 1
        assert "locked" in result.err


def test_a_report_before_any_run(bench: Bench) -> None:
    result = bench("report")
    assert result.status == 1
    assert "bench run" in result.err
