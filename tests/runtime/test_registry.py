"""Names that bench and other packages bring: one registry, and one line where a name is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fakes import package
from support.command import Bench

from bench.codecs.catalog import FAMILIES
from bench.errors import BenchError
from bench.metrics import METRICS
from bench.runtime.registry import Registry
from bench.tasks.task import TASKS

GROUP = "bench.colours"


def colours() -> Registry[object]:
    own: dict[str, object] = {"red": 1, "pi": "math:pi"}
    return Registry("colour", own, GROUP, "a text", lambda name, found: isinstance(found, str))


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = f"[{GROUP}]\nblue = blues:BLUE\nred = blues:BLUE\nbad = blues:NONE\nlost = lost:X\n"
    package.install(tmp_path, monkeypatch, "blues", "BLUE = 'blue'\nNONE = 0\n", entries)
    others = f"[{GROUP}]\nred = reds:RED\ngreen = reds:RED\n"
    package.install(tmp_path, monkeypatch, "reds", "RED = 'red'\n", others)


def test_names_are_listed_without_an_import(brought: None) -> None:
    assert list(colours()) == ["red", "pi", "bad", "blue", "green", "lost"]
    assert not {"blues", "reds", "lost"} & sys.modules.keys()


def test_what_has_a_name_is_imported_for_it(brought: None) -> None:
    assert colours()["pi"] == 3.141592653589793
    assert colours()["blue"] == "blue"
    assert "reds" not in sys.modules
    assert (colours().package("blue"), colours().package("pi")) == ("blues 1.0", None)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Bleu", ["colour", "Bleu", "did you mean 'blue'?"]),
        ("xyz", ["xyz", "red, pi, bad, blue, green, lost"]),
        ("red", ["red", "bench", "blues 1.0", "reds 1.0"]),
        ("bad", ["bad", "blues 1.0", "a text", "0"]),
        ("lost", ["lost", "blues 1.0", "ModuleNotFoundError"]),
    ],
)
def test_a_name_that_is_no_use_is_one_line(brought: None, name: str, told: list[str]) -> None:
    with pytest.raises(BenchError) as raised:
        colours()[name]
    assert all(part in str(raised.value) for part in told)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["families", "tasks", "metrics"])
def test_no_package_may_take_a_name_that_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    registry = {"families": FAMILIES, "tasks": TASKS, "metrics": METRICS}[kind]
    name = next(iter(registry.own))
    package.install(tmp_path, monkeypatch, "thieves", "", f"[bench.{kind}]\n{name} = thieves:X\n")
    assert list(registry).count(name) == 1
    with pytest.raises(BenchError, match=rf"{name}.* bench and thieves 1.0"):
        registry[name]


def test_a_taken_name_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    entries = "[bench.families]\npillow = thieves:X\n[bench.tasks]\nmask-rcnn = thieves:X\n"
    entries += "[bench.metrics]\nvmaf = thieves:X\n"
    package.install(tmp_path, monkeypatch, "thieves", "", entries)
    said = bench("list")
    assert said.status == 0
    assert said.out.count("thieves 1.0") >= 3
    assert "x265" in said.out
