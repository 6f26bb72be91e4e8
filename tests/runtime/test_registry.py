"""Names that bench and other packages bring: one registry, and one line where a name is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fakes import package
from support.command import Bench

from bench.codecs.catalog import FAMILIES
from bench.commands.doctor import doctor
from bench.commands.show import names
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
    ("name", "message"),
    [
        ("Bleu", ["colour", "Bleu", "did you mean 'blue'?"]),
        ("xyz", ["xyz", "red, pi, bad, blue, green, lost"]),
        ("red", ["red", "bench", "blues 1.0", "reds 1.0"]),
        ("bad", ["bad", "blues 1.0", "a text", "0"]),
        ("lost", ["lost", "blues 1.0", "ModuleNotFoundError"]),
    ],
)
def test_a_name_that_is_no_use_is_one_line(brought: None, name: str, message: list[str]) -> None:
    with pytest.raises(BenchError) as raised:
        colours()[name]
    assert all(part in str(raised.value) for part in message)
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
    result = bench("list")
    assert result.status == 0
    assert result.out.count("thieves 1.0") >= 3
    assert "x265" in result.out


SQUARES = """
from PIL import Image
from bench.datasets import Dataset, DatasetSource, Entry

class Squares(DatasetSource):
    name = "squares"
    kind = "toyscapes"
    title = "grey squares"
    variants = (":all", ":few")

    def open(self, variant, *, root, limit, progress):
        entries = []
        for index in range(2 if variant == "few" else 3):
            path = root / f"{index}.png"
            Image.new("RGB", (32, 32), (index, 90, 90)).save(path)
            entries.append(Entry(path.stem, path))
        return Dataset(self.kind, f"squares:{variant or 'all'}", tuple(entries))

    def facts(self):
        return {"size": "32x32"}

    def findings(self):
        return ()
"""


@pytest.fixture
def squares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = "[bench.datasets]\nsquares = squares:Squares\n"
    package.install(tmp_path, monkeypatch, "squares", SQUARES, entries)


def test_another_package_s_data_set_is_coded_by_its_name(
    bench: Bench, squares: None, tmp_path: Path
) -> None:
    on = ("--data", "squares:few", "--root", tmp_path, "--metric", "bpp", "--task", "none")
    result = bench("run", "--codec", "jpeg", *on)
    assert result.status == 0, result.err
    assert "10 encoded" in result.err  # by the points for its kind, Toyscapes
    assert "squares:few" in result.out
    assert bench("report", "--data", "squares:few").status == 0


def test_another_package_s_data_set_is_listed_and_shown(bench: Bench, squares: None) -> None:
    (line,) = [line for line in bench("list").out.splitlines() if "grey squares" in line]
    assert ":all :few" in line
    assert "32x32" in bench("show", "squares").out
    assert "did you mean 'squares'?" in bench("run", "--codec", "jpeg", "--data", "square").err
    assert names()["data set"] == [
        "toyscapes",
        "toyscapes-2",
        "cityscapes",
        "coco",
        "imagenet",
        "squares",
    ]
    (found,) = [each for each in doctor() if each.name == "squares"]
    assert (found.ok, found.found) == (True, "data set of squares 1.0")


def test_a_data_set_that_fails_is_one_line_and_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    entries = "[bench.datasets]\nsquares = squares:Squares\n"
    code = SQUARES.replace('return {"size": "32x32"}', "1 / 0").replace("in range(", "in lost(")
    package.install(tmp_path, monkeypatch, "squares", code.replace("return ()", "1 / 0"), entries)
    for command in (("run", "--codec", "jpeg", "--data", "squares"), ("show", "squares")):
        result = bench(*command)
        assert result.status == 1
        assert "squares 1.0 fails: " in result.err
        assert result.err.count("\n") == 1
    assert bench("list").status == 0
    (found,) = [each for each in doctor() if each.name == "squares"]
    assert found.ok is False
    assert "ZeroDivisionError" in str(found.advice)
