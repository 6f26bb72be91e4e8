"""Where sweeps have gone wrong: stale figures, mixed figures, odd names, and others at work."""

from __future__ import annotations

import html
import os
import re
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image
from support.command import Bench
from support.pictures import Pictures, picture

from bench import api
from bench.codecs.catalog import card_paths
from bench.codecs.families import pillow
from bench.errors import CodecError, DataError
from bench.images.image import Image as CodedImage
from bench.images.image import read_pixels
from bench.metrics import table
from bench.runtime.content import content_folder
from bench.runtime.programs import run_program
from bench.store import StoreWriter

QUICK = ("--metric", "bpp")  # neither measured nor drawn
MEASURED = ("--metric", "psnr_rgb")


def exported(bench: Bench, *arguments: object) -> pandas.DataFrame:
    result = bench("export", "--out", "out.csv", *arguments)
    assert result.status == 0, result.err
    return pandas.read_csv("out.csv")


@pytest.mark.parametrize("codec", ["x265", "vvenc", "av1", "jpeg", "jpeg2000"])
def test_a_point_that_would_be_rounded_is_refused(bench: Bench, codec: str) -> None:
    result = bench("run", "--codec", codec, "--points", "27.5")
    assert result.status == 1
    assert "whole number" in result.err


@pytest.mark.parametrize("metric", ["bpp", "encode_cpu"])
def test_a_sweep_without_quality(bench: Bench, pictures: Pictures, metric: str) -> None:
    result = bench("run", "--codec", "jpeg", "--data", pictures(), "--metric", metric)
    assert result.status == 0
    assert "missing" not in result.out
    assert exported(bench).decode_cpu.notna().all()


def test_points_of_several_runs_add_up(bench: Bench, pictures: Pictures) -> None:
    command = ("run", "--codec", "jpeg", "--data", pictures(), *QUICK, "--points")
    bench(*command, "20,40")
    only = bench(*command, "60", "--points", "80")
    assert "quality 60" in only.out
    assert "quality 20" not in only.out  # what was asked for
    assert list(exported(bench, "--means").point) == [20, 40, 60, 80]
    assert list(exported(bench, "--means", "--points", "40,80").point) == [40, 80]
    assert "quality 40" in bench("report").out
    chosen = bench("report", "--points", "20", "--out", "elsewhere")
    assert "quality 40" not in chosen.out
    assert Path("elsewhere/means.csv").is_file()


@pytest.mark.slow
def test_versions_of_a_metric_are_not_compared(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures()
    bench("run", "--codec", "jpeg", "--codec", "webp", "--data", folder, *MEASURED)
    fingerprint = table.fingerprint
    monkeypatch.setattr(table, "fingerprint", lambda name: f"{fingerprint(name)} changed")
    result = bench("run", "--codec", "webp", "--anchor", "jpeg", "--data", folder, *MEASURED)
    assert "measured by another version" in " ".join(result.out.split())
    both = bench("run", "--codec", "jpeg", "--codec", "webp", "--data", folder, *MEASURED)
    assert "another version" not in both.out


@pytest.mark.slow
def test_figures_of_an_earlier_version_of_a_metric_are_told(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, codecs = pictures(), ("--codec", "jpeg", "--codec", "webp", "--codec", "jpeg2000")
    metrics = ("--metric", "bpp", "--metric", "psnr_y")
    assert bench("run", *codecs, "--data", folder, *metrics).status == 0
    before = exported(bench)
    newer = replace(table.METRICS["psnr_y"], version="newer")
    monkeypatch.setitem(table.METRICS.own, "psnr_y", newer)

    all_old = " ".join(bench("report").out.split())
    assert "PSNR Y: measured by an earlier version of the metric" in all_old

    result = bench("run", "--codec", "webp", "--data", folder, *metrics)
    assert "0 encoded" in result.err
    some_old = " ".join(bench("report").out.split())
    assert "jpeg, jpeg2000: PSNR Y left out, as measured by another version" in some_old
    assert "earlier version" not in some_old
    found = exported(bench)
    assert found[found.codec == "webp"].psnr_y.notna().all()
    assert found[found.codec != "webp"].psnr_y.isna().all()

    assert "0 encoded" in bench("run", *codecs, "--data", folder, *metrics).err
    assert "version" not in bench("report").out.partition("Notes")[2]
    assert (exported(bench).psnr_y == before.psnr_y).all()


@pytest.mark.slow
def test_what_has_changed_of_a_codec_is_told(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("run", "--codec", "./mine.toml", "--data", pictures(), *MEASURED)
    card = card_paths()["jpeg"].read_text("utf-8")
    Path("mine.toml").write_text(card, "utf-8")
    bench(*command)
    monkeypatch.setattr("bench.codecs.families.pillow.pillow_version", "1.2.3")
    assert "older results" not in bench("report", "--html").out
    page = html.unescape(Path("bench-results/report/report.html").read_text("utf-8"))
    assert "mine: has changed since its results were made (pillow {" in page
    bench(*command)
    changed = card.replace("true,", "false, made = 2026-01-05,")  # a date is an option, too
    Path("mine.toml").write_text(changed, "utf-8")
    notes = " ".join(bench(*command).out.split())
    assert re.findall(r"are left out; changed since: (\w+)(,? pillow)?", notes) == [
        ("card", ""),
        ("card", ", pillow"),
    ]
    assert ', now {"pillow": "1.2.3"' in notes


def test_folders_of_one_name_are_told_apart(bench: Bench, pictures: Pictures) -> None:
    Path("a").mkdir()
    Path("b").mkdir()
    shutil.move(pictures(2), "a/images")
    shutil.move(pictures(3), "b/images")
    for folder in ("a/images", "b/images"):
        bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    assert "2 images" in bench("report", "--data", "a/images").out
    assert "3 images" in bench("report", "--data", "b/images").out


def test_streams_of_images_that_differ_in_their_ending(bench: Bench) -> None:
    for name in ("data", "streams"):
        Path(name).mkdir()
    Image.fromarray(picture(1, 48, 32)).save("data/a.png")
    Image.fromarray(picture(2, 48, 32)).save("data/a.bmp")
    bench("encode", "data/a.bmp", "streams/a.jpg", "--codec", "jpeg", "--point", 90)
    command = ("import", "streams", "--codec", "jpeg", "--point", 90, "--data", "data", *MEASURED)
    assert bench(*command).status == 1  # whose is it?
    Path("streams/a.jpg").rename("streams/a.bmp.jpg")
    assert "1 bitstreams imported" in bench(*command).out
    assert exported(bench).psnr_rgb.min() > 25


def test_an_image_replaced_by_another_of_its_size_and_time(bench: Bench) -> None:
    Path("data").mkdir()
    rates = []
    for seed in (1, 2):
        Image.fromarray(picture(seed, 48, 32)).save("data/a.bmp")
        os.utime("data/a.bmp", (1e9, 1e9))
        assert bench("run", "--codec", "jpeg", "--data", "data", *QUICK).status == 0
        rates.append(exported(bench).bytes.tolist())
    assert rates[0] != rates[1]


def test_decoded_pictures_are_those_of_the_run(bench: Bench, pictures: Pictures) -> None:
    command = ["run", "--codec", "jpeg", "--points", "50", "--data", pictures(1), *QUICK]
    command += ["--save-decoded", "seen"]
    bench(*command)
    (path,) = Path("seen").rglob("*.png")
    right = read_pixels(path)
    Image.new("RGB", (48, 32)).save(path)
    bench(*command)
    assert np.array_equal(read_pixels(path), right)
    Path("taken").write_text("a file")
    assert "taken" in bench(*command[:-1], "taken").err


@pytest.mark.slow
def test_a_failure_is_told_by_who_did_not_try(bench: Bench, pictures: Pictures) -> None:
    images = pictures(2)
    Image.new("RGB", (1, 1)).save(images / "tiny.png")
    command = ("run", "--codec", "jpeg", "--codec", "x265", "--data", images, *QUICK)
    assert bench(*command, "--shard", "3/3").status == 1  # x265 cannot code 1x1
    assert bench(*command, "--shard", "1/3").status == 0  # and this shard did not try
    assert "failed" in bench("report").out


@pytest.mark.slow
def test_sweeps_share_a_store(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a sweep waits for an encoder, others can write to the store."""
    written = []
    works = pillow.PillowCodec.encode

    def encode(codec: pillow.PillowCodec, image: CodedImage, point: Any) -> bytes:
        with StoreWriter(Path("bench-results")) as store, store.write_transaction():
            written.append(image.name)
        return works(codec, image, point)

    monkeypatch.setattr(pillow.PillowCodec, "encode", encode)
    monkeypatch.setattr("bench.store.database._WAIT_SECONDS", 10)  # then it is an error
    folder = pictures(6, 64, 48)
    result = bench("run", "--codec", "jpeg", "--points", "37", "--data", folder, *QUICK)
    assert result.status == 0, result.err
    assert len(written) == 6


def test_an_anchor_by_its_path(bench: Bench, pictures: Pictures) -> None:
    folder = pictures()
    shutil.copy(content_folder("anchors") / "jpeg.toml", "mine.toml")
    both = ("run", "--codec", "./mine.toml", "--codec", "webp", "--data", folder, *MEASURED)
    assert "Against mine" in bench(*both, "--anchor", "./mine.toml").out
    assert bench("report", "--codec", "./mine.toml").status == 0
    refused = bench(*both, "--anchor", "vtm", "--results", "new")
    assert refused.status == 1
    assert not Path("new").exists()


@pytest.mark.parametrize("name", ["[red]", ":smile:", "a[b]", "with 'quotes' and ü"])
def test_names_are_shown_as_they_are(bench: Bench, pictures: Pictures, name: str) -> None:
    folder = pictures(1).rename(name)
    result = bench("run", "--codec", "jpeg", "--data", folder, *QUICK, "--results", name + "-store")
    assert result.status == 0, result.err
    assert name in result.err
    assert f"{name}-store" in result.out


def test_what_cannot_be_read_is_one_line(bench: Bench, pictures: Pictures) -> None:
    folder = pictures(1)
    (folder / "lost.png").symlink_to("nowhere.png")
    lost = bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    assert "lost.png" in lost.err
    (folder / "lost.png").unlink()
    (folder / os.fsdecode(b"\xff.png")).write_bytes((folder / "00.png").read_bytes())
    unnamed = bench("run", "--codec", "jpeg", "--data", folder, *QUICK)
    long = bench("run", "--codec", "jpeg", "--data", "x" * 300, *QUICK)
    odd = bench("run", "--codec", "jpeg", "--data", folder, *QUICK, "--shard", "²/3")
    for result in (lost, unnamed, long, odd):
        assert result.status == 1
        assert result.err.startswith("bench: ")
        assert result.err.count("\n") == 1


def test_deep_pixmaps_are_refused(tmp_path: Path) -> None:
    deep = tmp_path / "deep.ppm"
    for largest, size in ((65535, 24), (1023, 24)):
        deep.write_bytes(b"P6\n2 2\n%d\n" % largest + bytes(size))
        with pytest.raises(DataError, match="8 bits"):
            read_pixels(deep)
    deep.write_bytes(b"P6\n2 2\n255\n" + bytes(12))
    assert read_pixels(deep).shape == (2, 2, 3)


def test_a_process_left_behind_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.runtime.programs._LINGER", 0.5)
    leave = (  # once it is out of reach of those who end its group
        "import os, time\nready, gone = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n"
        "    os.write(gone, b'!')\n    time.sleep(4)\n    os._exit(0)\nos.read(ready, 1)\n"
    )
    began = time.monotonic()
    with pytest.raises(CodecError, match="left a process behind"):
        run_program([sys.executable, "-c", leave])
    assert time.monotonic() - began < 3.5


@pytest.mark.slow
def test_two_sweeps_in_one_process(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stops does not stop the other."""
    folder, outcomes = pictures(3, 64, 48), {}

    def stop(*_: object) -> None:
        raise RuntimeError("enough")

    def sweep(name: str, watcher: api.Watcher) -> None:
        try:
            made = api.run(
                ["x265"], data=str(folder), metrics=["bpp"], results=Path(name),
                watcher=watcher,
            )  # fmt: skip
            outcomes[name] = made.outcome and made.outcome.done.total()
        except RuntimeError as error:
            outcomes[name] = str(error)

    threads = [
        threading.Thread(target=sweep, args=("stopped", api.Watcher(progressed=stop))),
        threading.Thread(target=sweep, args=("whole", api.Watcher())),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {"stopped": "enough", "whole": 12}
