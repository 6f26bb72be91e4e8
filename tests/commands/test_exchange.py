"""What goes in and out: one image, bitstreams of others, exports, curves of anyone's."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image
from support.command import Bench, run_bench
from support.pictures import Pictures, write_pictures

QUICK = ("--metric", "psnr_rgb")
ANCHOR = "bpp,psnr\n0.1,30.0\n0.2,33.1\n0.4,36.0\n0.8,38.7\n"
TEST = "bpp,psnr\n0.09,30.1\n0.18,33.0\n0.37,36.1\n0.74,38.6\n"


class TestOneImage:
    @pytest.mark.parametrize("codec", ["jpeg", "webp", "x265", "vvenc-medium", "jxl"])
    def test_there_and_back_without_naming_the_codec(
        self, bench: Bench, pictures: Pictures, codec: str
    ) -> None:
        image = pictures(1, 65, 47) / "00.png"
        encoded = bench("encode", image, "stream", "--codec", codec)
        assert encoded.status == 0, encoded.err
        size = Path("stream").stat().st_size
        assert f"{size} bytes, {8 * size / (65 * 47):.4f} bpp" in encoded.out
        decoded = bench("decode", "stream", "back.png")
        assert decoded.status == 0, decoded.err
        with Image.open("back.png") as back, Image.open(image) as original:
            assert back.size == (65, 47)
            error = np.asarray(back, float) - np.asarray(original, float)
        assert np.sqrt((error**2).mean()) < 40

    def test_the_point_is_the_cards(self, bench: Bench, pictures: Pictures) -> None:
        image = pictures(1) / "00.png"
        bench("encode", image, "low", "--codec", "jpeg", "--point", 10)
        bench("encode", image, "high", "--codec", "jpeg", "--point", 90)
        assert Path("low").stat().st_size < Path("high").stat().st_size
        refused = bench("encode", image, "none", "--codec", "jpeg", "--point", 1000)
        assert refused.status == 1
        assert not Path("none").exists()

    def test_what_is_no_stream(self, bench: Bench) -> None:
        Path("rubbish").write_bytes(b"not a bitstream of any codec")
        unknown = bench("decode", "rubbish", "back.png")
        assert unknown.status == 1
        assert "--codec" in unknown.err
        wrong = bench("decode", "rubbish", "back.png", "--codec", "x265")
        assert wrong.status == 1
        assert wrong.err.count("\n") == 1
        assert not Path("back.png").exists()
        assert bench("decode", "nothing", "back.png").status == 1
        lossy = bench("decode", "rubbish", "back.jpg", "--codec", "jpeg")
        assert "PNG" in lossy.err


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two codecs on two pictures."""
    folder = tmp_path_factory.mktemp("swept")
    run = ("run", "--codec", "jpeg", "--codec", "webp", "--results", folder / "bench-results")
    result = run_bench(*run, "--data", write_pictures(folder / "pictures", 2), *QUICK)
    assert result.status == 0, result.err
    return folder / "bench-results"


class TestExport:
    @pytest.fixture(autouse=True)
    def _copy(self, swept: Path) -> None:
        shutil.copytree(swept, "bench-results")

    @pytest.mark.slow
    def test_records_in_every_format(self, bench: Bench) -> None:
        for ending in ("csv", "parquet", "json"):
            assert bench("export", "--out", f"records.{ending}").status == 0
        table = pandas.read_csv("records.csv")
        other = pandas.read_parquet("records.parquet")
        assert list(other.columns) == list(table.columns)
        assert other.psnr_rgb.tolist() == table.psnr_rgb.tolist()
        webp = next(c for c in json.loads(Path("records.json").read_text()) if c["name"] == "webp")
        assert webp["results"]["bpp"] == table[table.codec == "webp"].bpp.tolist()

    def test_means_are_those_of_the_records(self, bench: Bench) -> None:
        bench("export", "--out", "records.csv")
        bench("export", "--out", "means.csv", "--means")
        records, means = pandas.read_csv("records.csv"), pandas.read_csv("means.csv")
        for _, row in means.iterrows():
            own = records[(records.codec == row.codec) & (records.point == row.point)]
            assert row.images == len(own) == 2
            assert row.bpp == pytest.approx(own.bpp.mean(), abs=1e-12)
            assert row.psnr_rgb == pytest.approx(own.psnr_rgb.mean(), abs=1e-12)

    def test_bd_reads_what_export_writes(self, bench: Bench) -> None:
        for ending in ("csv", "json"):
            bench("export", "--out", f"means.{ending}", "--means")
            result = bench(
                "bd", f"means.{ending}:jpeg", f"means.{ending}:webp", "--metric", "psnr_rgb"
            )
            assert result.status in (0, 1), result.err
            assert "webp" in result.out

    def test_mistakes_are_one_line(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        for arguments in (
            ("--out", "records.xls"),
            ("--out", "no/such/folder.csv"),
            ("--out", "x.csv", "--codec", "vtm"),
            ("--out", "x.csv", "--data", "cityscapes"),
        ):
            result = bench("export", *arguments)
            assert result.status == 1
            assert result.err.count("\n") == 1
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.setitem(sys.modules, "fastparquet", None)
        result = bench("export", "--out", "x.parquet")
        assert result.status == 1
        assert "pip install" in result.err
        assert not list(Path().glob(".x*"))


class TestImport:
    def test_streams_of_others_become_results(self, bench: Bench, pictures: Pictures) -> None:
        folder = pictures(3)
        streams = Path("streams")
        streams.mkdir()
        for image in folder.iterdir():
            bench("encode", image, streams / f"{image.stem}.jpg", "--codec", "jpeg", "--point", 40)
        command = ("import", "--codec", "jpeg", "--data", folder, *QUICK, "--point")
        result = bench(*command, 40, streams)
        assert result.status == 0, result.err
        assert "3 bitstreams imported" in result.out
        bench("export", "--out", "adopted.csv")
        bench("run", "--codec", "jpeg", "--points", 40, "--data", folder, *QUICK, "--results", "r")
        bench("export", "--out", "coded.csv", "--results", "r")
        adopted, coded = pandas.read_csv("adopted.csv"), pandas.read_csv("coded.csv")
        assert adopted.stream.tolist() == coded.stream.tolist()
        assert adopted.psnr_rgb.tolist() == coded.psnr_rgb.tolist()
        assert adopted.encode_cpu.isna().all()  # nobody here has seen the encoder run
        again = bench(*command, 40, streams)
        assert "0 bitstreams imported" in again.out
        bench(*command, 60, streams)
        assert bench("report", *QUICK).status == 0
        bench("export", "--out", "both.csv")
        assert set(pandas.read_csv("both.csv").point) == {40, 60}

    def test_what_does_not_decode_to_the_image_is_refused(
        self, bench: Bench, pictures: Pictures
    ) -> None:
        folder, streams = pictures(2), Path("streams")
        larger = pictures(1, 64, 64, "larger")
        streams.mkdir()
        (streams / "00.jpg").write_bytes(b"no stream at all, but some bytes of text")
        bench("encode", larger / "00.png", streams / "01.jpg", "--codec", "jpeg")
        command = ("import", "--codec", "jpeg", "--point", 40, "--data", folder, *QUICK)
        result = bench(*command, streams)
        assert result.status == 1
        assert "0 bitstreams imported, 2 refused" in result.out
        assert "64x64" in result.err
        assert bench(*command, "nowhere").status == 1
        shutil.rmtree(streams)
        streams.mkdir()
        assert "no file is named after an image" in bench(*command, streams).err


class TestBd:
    def test_two_files(self, bench: Bench) -> None:
        Path("anchor.csv").write_text(ANCHOR)
        Path("test.csv").write_text(TEST)
        result = bench("bd", "anchor.csv", "test.csv")
        assert result.status == 0, result.err
        assert "BD-rate" in result.out
        assert "test against anchor" in result.out
        assert "%" in result.out

    def test_a_figure_that_means_nothing_says_why(self, bench: Bench) -> None:
        Path("anchor.csv").write_text(ANCHOR)
        Path("test.csv").write_text("bpp,psnr\n0.1,30\n0.2,34\n0.4,33\n0.8,38\n")
        result = bench("bd", "anchor.csv", "test.csv")
        assert result.status == 1
        assert "not monotone" in result.out
        front = bench("bd", "anchor.csv", "test.csv", "--pareto")
        assert front.status == 0
        assert "Pareto" in front.out

    def test_mistakes_are_one_line(self, bench: Bench) -> None:
        Path("anchor.csv").write_text(ANCHOR)
        for other in ("none.csv", "anchor.csv:vtm"):
            result = bench("bd", "anchor.csv", other)
            assert result.status == 1
            assert result.err.count("\n") == 1
