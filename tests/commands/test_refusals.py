"""What is refused in one line, with nothing lost: files that would replace others, odd values."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import pytest
from fakes.card import CARD, install
from PIL import Image
from support.command import Bench
from support.pictures import Pictures, picture

from bench.codecs.catalog import card_paths
from bench.runtime.files import write_text
from bench.vision.architecture import Architecture
from bench.vision.detector import network_size

QUICK = ("--metric", "bpp", "--task", "none")


@pytest.mark.parametrize(
    "arguments",
    [
        "predict a.png --json a.png",
        "predict a.png --weights w.pth --json w.pth",
        "encode a.png a.png --codec jpeg",
        "encode a.png w.pth --codec ncn-lsm:toyscapes --weights w.pth",
        "encode a.png a.ncn --codec ncn-lsm:toyscapes --dump a.ncn",
        "decode a.png ./a.png --codec jpeg",
        "check gate.toml --markdown gate.toml",
        "check gate.toml --junit gate.jsonl",
        "check gate.toml --markdown a.xml --junit a.xml",
        "check --record gate.jsonl",
    ],
)
def test_nothing_that_is_read_is_replaced(bench: Bench, arguments: str) -> None:
    Image.fromarray(picture(1, 64, 64)).save("a.png")
    for name in ("w.pth", "gate.toml", "gate.jsonl"):
        Path(name).write_text("as it was")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    result = bench(*arguments.split())
    assert result.status == (2 if arguments.startswith("check") else 1)
    assert "Traceback" not in result.err
    assert "name" in result.err.splitlines()[-1]
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    ["check pipe.toml", "check gate.toml", "show ./pipe.toml", "run --codec ./pipe.toml"],
)
def test_a_pipe_without_a_writer_is_not_waited_for(bench: Bench, arguments: str) -> None:
    for name in ("pipe.toml", "gate.jsonl"):
        os.mkfifo(name)
    rule = "bpp of jpeg: within 0.2 %"
    Path("gate.toml").write_text(f'data = "toyscapes"\ncodecs = ["jpeg"]\nrules = ["{rule}"]\n')
    result = bench(*arguments.split())
    assert result.status in (1, 2)
    assert "not a regular file" in result.out + result.err


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_text(pipe, "all of it")
    reader.join(10)
    assert read == ["all of it"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("predict a.png --json=", "'--json'"),
        ("predict a.png --least-score nan", "'--least-score': nan"),
        ("predict a.png --task mask-rcnn=~nosuchuser/w.pkl", "~nosuchuser/w.pkl"),
        ("bd deep.json deep.json", "deep.json: cannot be read"),
        ("show ./deep.toml", "deep.toml: not valid TOML"),
    ],
)
def test_odd_values_are_told(bench: Bench, arguments: str, words: str) -> None:
    Path("deep.json").write_text("[" * 9999 + "]" * 9999)
    Path("deep.toml").write_text("x = " + "[" * 9999 + "]" * 9999)
    result = bench(*arguments.split())
    assert result.status in (1, 2)
    assert words in result.err
    assert "Traceback" not in result.err


def test_points_of_a_card_are_whole_where_it_says_so(bench: Bench, pictures: Pictures) -> None:
    card = card_paths()["x265"].read_text("utf-8")
    Path("mine.toml").write_text(card.replace("default = [", "default = [47.5, "), "utf-8")
    result = bench("run", "--codec", "./mine.toml", "--data", pictures(1), *QUICK)
    assert result.status == 1
    assert "'points.default'" in result.err
    assert "47.5" in result.err


def test_pictures_that_cannot_be_saved_are_no_failures_of_a_codec(
    bench: Bench, pictures: Pictures
) -> None:
    command = ("run", "--codec", "jpeg", "--data", pictures(1), *QUICK)
    assert bench(*command).status == 0
    Path("seen").mkdir()
    Path("seen/jpeg").write_text("in the way")
    result = bench(*command, "--save-decoded", "seen")
    assert result.status == 1
    assert re.search("seen/jpeg/quality-[0-9]+: cannot be created", result.err)
    assert "failure" not in bench(*command).out


def test_decoded_pictures_stay_in_their_folder(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(Path("tools/bin"))
    monkeypatch.setenv("BENCH_FAKE", "tools")
    text = CARD.replace('"step"', '"../../up"').replace("8, 4, 1", '"a/../../../../b", "..", "c"')
    Path("mine.toml").write_text(text.replace("{height} {point}", "{height} 1 {point}"))
    folder = pictures(1)
    before = set(Path().rglob("*.png"))
    run = ("run", "--codec", "./mine.toml", "--data", folder, *QUICK, "--results", "r")
    assert bench(*run, "--save-decoded", "deep/er/seen").status == 0
    written = set(Path().rglob("*.png")) - before - set(Path("r").rglob("*.png"))
    assert len(written) == 3
    assert all(path.parts[:4] == ("deep", "er", "seen", "mine") for path in written)
    assert {len(path.parts) for path in written} == {6}


def test_the_slimmest_picture_is_looked_at() -> None:
    assert network_size(2, 20000, Architecture()) == (1, 2048)
    assert network_size(5000, 1, Architecture()) == (2048, 1)


def test_a_width_that_is_not_known_hides_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    assert "x265" in bench("list").out
