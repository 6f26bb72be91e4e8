"""``bench new``: what it writes runs at once, by the commands that it prints."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
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
# Two points of each codec are a curve: a network sees them all.
FEWER = {
    "report": ["--points", "jpeg=7,25", "--points", "webp=4,28", "--points", "jpeg2000=160,50"]
}


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
    result = bench("new", kind, "my-own-thing")
    assert result.status == 0, result.err
    commands = re.findall(r"^    (.+)$", result.out, re.MULTILINE)
    assert len(commands) >= 2
    for command in commands:
        program, *arguments = shlex.split(command)
        if program == "pip":
            pip(arguments, monkeypatch)
            continue
        assert program == "bench"
        if arguments[0] == "run":
            arguments += FEWER.get(kind, [])
        answer = bench(*arguments)
        assert answer.status == 0, (command, answer.err)
    texts = [path.read_text() for path in map(Path, re.findall("Written: (.+)", result.out))]
    assert any("#" in text for text in texts)
    assert not any(re.search(OF_EXAMPLES, t) for t in texts)
    package.forget("my_own_thing")


@pytest.mark.slow
def test_each_example_package_installs_and_is_found(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for folder in PACKAGES:  # building leaves files in a folder
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("*.egg-info"))
    pip(["install", *(f"./{folder.name}" for folder in PACKAGES)], monkeypatch)
    for folder in PACKAGES:  # the documentation's tests import other modules of these names
        package.forget(folder.name.replace("-", "_"))
    for name in (folder.name for folder in PACKAGES):
        card = tmp_path / name / f"{name}.toml"
        result = bench("show", card if card.is_file() else name)
        assert result.status == 0, result.err
        assert not card.is_file() or "source" in result.out
        package.forget(name.replace("-", "_"))


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("codec", "vvenc", "vvenc"),
        ("task", "mask-rcnn", "mask-rcnn"),
        ("family", "Mine", "my-family"),
        ("metric", "../mine", "my-metric"),
        ("metric", "numpy", "module numpy"),
    ],
)
def test_a_name_that_cannot_be_is_refused(bench: Bench, kind: str, name: str, message: str) -> None:
    result = bench("new", kind, name)
    assert (result.status, result.err.count("\n")) == (1, 1)
    assert message in result.err
    assert list(Path().iterdir()) == []


def test_nothing_is_overwritten(bench: Bench) -> None:
    assert bench("new", "gate", "mine").status == 0
    Path("mine.toml").write_text("mine")
    result = bench("new", "gate", "mine")
    assert result.status == 1 and "exists" in result.err
    assert Path("mine.toml").read_text() == "mine"
    assert bench("new", "nothing", "mine").status == 2
