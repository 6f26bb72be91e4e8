"""What a card may ask for: patterns of file names, points that are numbers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import Bench
from support.pictures import Pictures

from bench.codecs.catalog import card_paths, read_card

Named = Callable[..., list[object]]


@pytest.fixture
def named(tmp_path: Path) -> Named:
    """The points of a card whose weights are files of these names."""

    def read(pattern: str, *names: str) -> list[object]:
        text = card_paths()["ncn-hvs"].read_text("utf-8").split("[weights")[0]
        folder = tmp_path / "weights"
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).touch()
        own = f"[weights.own]\nfiles = '{pattern}'\nfolder = 'weights'\n"
        Path("mine.toml").write_text(text + own, "utf-8")
        return list(read_card("./mine.toml:own").points["default"])

    return read


@pytest.mark.parametrize(
    ("pattern", "name", "point"),
    [
        ("lambda_{point}.pth", "lambda_0_02.pth", 0.02),
        ("*lambda_{point}.*", "lsm_lambda_0_02.pth.tar", 0.02),
        ("mbt2018-{point}-*.pth.tar", "mbt2018-3-e522738d.pth.tar", 3),
        ("*{point}.pth", "q12.pth", 12),
        ("*{point}.pth", "q0.25.pth", 0.25),
        ("*a*b*{point}*c*d*", "xaxbx7xcxdx", 7),
        ("{point}*", "250 of them", 250),
    ],
)
def test_a_point_in_a_file_name(named: Named, pattern: str, name: str, point: float) -> None:
    assert named(pattern, name, "another") == [point]


@pytest.mark.parametrize("pattern", ["*a" * 25 + "{point}", "{point}" + "*a" * 25 + "b"])
def test_many_stars_take_no_time(named: Named, pattern: str) -> None:
    began = time.process_time()
    assert named(pattern, "1" + "a" * 230 + "c") == []
    assert time.process_time() - began < 2


def test_a_pattern_has_one_point(bench: Bench) -> None:
    text = card_paths()["ncn-hvs"].read_text("utf-8")
    Path("mine.toml").write_text(text.replace("{point}", "{point}" * 25), "utf-8")
    result = bench("show", "./mine.toml")
    assert result.status == 1
    assert ".files'" in result.err


@pytest.mark.parametrize("point", ["inf", "nan", "-inf", "1e999"])
def test_a_point_is_finite(bench: Bench, pictures: Pictures, point: str) -> None:
    folder = pictures(1)
    for arguments in (
        ("run", "--codec", "jpeg", "--data", folder, "--points", point),
        ("run", "--codec", "jpeg", "--data", folder, "--points", f"jpeg=30,{point}"),
        ("encode", folder / "00.png", "a.jpg", "--codec", "jpeg", "--point", point),
    ):
        result = bench(*arguments)
        assert result.status == 1
        assert f"'{point}'" in result.err
        assert "finite" in result.err


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("default = [", "default = [nan, ", "points.default"),
        ("default = [", "default = [inf, ", "points.default"),
        ("limits = [1, 95]", "limits = [nan, 95]", "points.limits"),
        ("limits = [1, 95]", "limits = [1, inf]", "points.limits"),
    ],
)
def test_the_points_of_a_card_are_finite(bench: Bench, old: str, new: str, key: str) -> None:
    text = card_paths()["jpeg"].read_text("utf-8")
    assert old in text
    Path("mine.toml").write_text(text.replace(old, new), "utf-8")
    result = bench("show", "./mine.toml")
    assert result.status == 1
    assert f"'{key}" in result.err
    assert "finite" in result.err
