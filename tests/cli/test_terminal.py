"""What reaches the terminal: text, whatever files and arguments are made of."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest
from support.command import Bench
from support.pictures import Pictures

from bench.codecs.catalog import card_paths
from bench.errors import CodecError
from bench.runtime import ffmpeg
from bench.runtime.programs import Finished
from bench.runtime.text import one_line, printable

ESCAPE = "\\u001b[31m\\u009b5m\\u202e\\u0007"  # as TOML and JSON write it
QUICK = ("--metric", "bpp", "--task", "none")  # neither measured nor drawn
MEASURED = ("--metric", "psnr_rgb", "--task", "none")


def harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_codes_that_colour_are_dropped_whole() -> None:
    result = Finished(1, b"", b"first\n\x1b[1;31mError:\x1b[0m no\x07 input\n\x1b[K\n")
    assert result.complaint() == "first / Error: no input"
    assert printable("a\x1b[31mb\x9b2Jc\n\x1b[") == "abc\n["
    assert one_line("a\x1b[31m\n\ud800 b\tc") == "a b c"


@pytest.mark.slow
def test_cards_do_not_speak_to_the_terminal(bench: Bench, pictures: Pictures) -> None:
    card = card_paths()["jpeg"].read_text("utf-8")
    for old in ('title = "', 'unit = "', 'source = "'):
        assert old in card
        card = card.replace(old, old + ESCAPE)
    Path("mine.toml").write_text(card, "utf-8")
    run = ("run", "--codec", "./mine.toml", "--codec", "webp", "--data", pictures(2), *QUICK)
    commands = (("show", "./mine.toml"), run, ("report",), ("report", "--points", "mine=1000"))
    for command in commands:
        result = bench(*command)
        assert "mine" in result.out + result.err
        assert harmless(result.out), command
        assert harmless(result.err), command
    Path("wrong.toml").write_text(f'title = "W"\nfamily = "{ESCAPE}"\n')
    result = bench("show", "./wrong.toml")
    assert result.status == 1
    assert harmless(result.err)


def test_names_of_files_do_not_speak_to_the_terminal(bench: Bench, tmp_path: Path) -> None:
    name = "a\x1b[31m\x07"
    Path(name).mkdir()
    for arguments in (("show", name), ("encode", name, name, "--codec", "jpeg"), ("report", name)):
        result = bench(*arguments)
        assert harmless(result.out), arguments
        assert harmless(result.err), arguments


def test_errors_quote_no_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    code = "print('pixels' * 9); sys.exit('\\x1b[2Jout of memory')"
    program.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "binary", lambda: program)
    with pytest.raises(CodecError) as raised:
        ffmpeg.run_ffmpeg(["-i", "pipe:0", "pipe:1"])
    assert "out of memory" in str(raised.value)
    assert "pixels" not in str(raised.value)
    assert harmless(str(raised.value))
    with pytest.raises(CodecError, match="pixels"):  # where pixels are invalid
        ffmpeg.run_ffmpeg(["-i", "pipe:0", "stream.bin"])


@pytest.mark.parametrize(
    "arguments",
    [
        "report --html --out caf\udce9",
        "show caf\udce9.toml",
        "run --codec ./caf\udce9.toml",
        "predict caf\udce9.png",
        "caf\udce9",
    ],
)
def test_arguments_that_are_no_text_are_one_line(bench: Bench, arguments: str) -> None:
    result = bench(*arguments.split())
    assert result.status == 2
    (line,) = result.err.splitlines()
    assert "caf\\udce9" in line
    assert "not UTF-8" in line


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["list"], 0), (["show", "x265"], 0), (["report"], 1), (["train", "-x"], 2)],
)
def test_a_reader_that_goes_away_changes_no_status(arguments: list[str], status: int) -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from bench.__main__ import main; main()"
    with os.fdopen(write) as pipe:
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            stdout=pipe,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
    assert ran.returncode == status, ran.stderr
    assert "Traceback" not in ran.stderr and "Broken" not in ran.stderr


@pytest.mark.parametrize("command", ["--version", "list"])  # less, and more, than is buffered
def test_a_full_disk_behind_the_output_is_one_line(command: str) -> None:
    code = "import sys; from bench.__main__ import main; main()"
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", code, command],
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert "space" in line


@pytest.mark.parametrize(
    ("arguments", "anchor"),
    [
        (["jpeg", "webp"], "anchor jpeg, the first conventional codec here; --anchor CODEC names"),
        (["webp", "jpeg"], "anchor webp, the first conventional codec here"),
        (["webp", "./mine.toml"], "anchor webp, the only conventional codec here"),
        (["webp", "jpeg", "--anchor", "jpeg"], "anchor jpeg, named by --anchor"),
    ],
)
def test_the_plan_says_which_codec_is_the_anchor_and_why(
    bench: Bench, pictures: Pictures, arguments: list[str], anchor: str
) -> None:
    Path("mine.toml").write_text(card_paths()["jpeg"].read_text("utf-8"))
    named = [word for codec in arguments[:2] for word in ("--codec", codec)]
    result = bench("run", *named, *arguments[2:], "--data", pictures(2), *QUICK)
    assert result.status == 0
    assert anchor in " ".join(result.err.split())
    assert anchor.removeprefix("anchor ").split(",")[0] in result.out


def test_a_single_codec_has_no_anchor_in_its_plan(bench: Bench, pictures: Pictures) -> None:
    assert "anchor" not in bench("run", "--codec", "webp", "--data", pictures(2), *QUICK).err


@pytest.mark.slow
def test_open_shows_the_page_or_the_picture(
    bench: Bench, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: shown.append(url) or len(shown) < 3)
    run = ("run", "--codec", "webp", "--codec", "jpeg", "--data", pictures(2), *MEASURED)
    result = bench(*run, "--open")
    assert "Picture: bench-results/report/curves.png" in result.out
    assert bench("report", "--html", "--open", *MEASURED[:2]).out.count("report.html") == 1
    assert [Path(url).name for url in shown] == ["curves.png", "report.html"]
    assert all(url.startswith("file:///") for url in shown)
    result = bench("report", "--open", *MEASURED[:2])
    assert result.status == 0
    assert "open bench-results/report/curves.png yourself" in result.err
    assert len(result.err.splitlines()) == 1
