"""``bench new``: what it writes runs at once, by the commands that it prints."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import package
from support.command import Bench
from support.paths import CHECKOUT, environment

OF_EXAMPLES = "(?i)colour.?mosaic|red.?cars|drawn.?shapes|mean[-_]?error|coarse-steps|three-formats"
KINDS = ("codec", "family", "task", "dataset", "metric", "report", "gate")
PACKAGES = sorted(path.parent for path in (CHECKOUT / "examples").glob("*/*/pyproject.toml"))


def pip(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Install into a folder of the test's own, without the network."""
    pytest.importorskip("setuptools", reason="builds the package")
    folder = Path("site").absolute()
    options = ["--no-deps", "--no-build-isolation", "--target", str(folder), "--quiet"]
    given = [each for each in arguments if each != "--editable"]
    ran = subprocess.run(
        [sys.executable, "-m", "pip", *given, *options],
        env=environment() | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_runs_by_the_commands_that_are_printed(
    bench: Bench, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    said = bench("new", kind, "my-own-thing")
    assert said.status == 0, said.err
    commands = re.findall(r"^    (.+)$", said.out, re.MULTILINE)
    assert len(commands) >= 2
    for command in commands:
        program, *arguments = shlex.split(command)
        if program == "pip":
            pip(arguments, monkeypatch)
            continue
        assert program == "bench"
        answer = bench(*arguments)
        assert answer.status == 0, (command, answer.err)
    texts = [path.read_text() for path in map(Path, re.findall("Written: (.+)", said.out))]
    assert any("#" in text for text in texts)
    assert not any(re.search(OF_EXAMPLES, t) for t in texts)
    package.forget("my_own_thing")


@pytest.mark.slow
@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_each_example_package_installs_and_is_found(
    bench: Bench, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    copied = tmp_path / folder.name  # building leaves files in the folder
    copied.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (copied / path.name).write_bytes(path.read_bytes())
    pip(["install", str(copied)], monkeypatch)
    if (card := copied / f"{folder.name}.toml").is_file():
        said = bench("show", card)
        assert "source" in said.out
    else:
        said = bench("show", folder.name)
    assert said.status == 0, said.err
    package.forget(folder.name.replace("-", "_"))


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("codec", "vvenc", "vvenc"),
        ("task", "mask-rcnn", "mask-rcnn"),
        ("family", "Mine", "my-family"),
        ("metric", "../mine", "my-metric"),
        ("metric", "numpy", "module numpy"),
    ],
)
def test_a_name_that_cannot_be_is_refused(bench: Bench, kind: str, name: str, told: str) -> None:
    said = bench("new", kind, name)
    assert (said.status, said.err.count("\n")) == (1, 1)
    assert told in said.err
    assert list(Path().iterdir()) == []


def test_nothing_is_overwritten(bench: Bench) -> None:
    assert bench("new", "gate", "mine").status == 0
    Path("mine.toml").write_text("mine")
    said = bench("new", "gate", "mine")
    assert said.status == 1 and "exists" in said.err
    assert Path("mine.toml").read_text() == "mine"
    assert bench("new", "nothing", "mine").status == 2
