"""Calls from Python with what people write: text for paths, one name for a list of one."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from support.pictures import Pictures

from bench import api
from bench.errors import BenchError


def test_text_is_as_good_as_a_path(pictures: Pictures) -> None:
    folder = pictures(1)
    made = api.run("jpeg", data=folder, points="50", metrics="bpp", results="there")
    assert [codec.name for codec in made.results.codecs] == ["jpeg"]
    assert Path("there/report/report.md").is_file()
    assert api.report("there", codecs="jpeg", out="elsewhere").means.shape[0] == 1
    assert Path("elsewhere/means.csv").is_file()
    assert api.export("records.csv", "there").shape[0] == 1
    image = str(folder / "00.png")
    api.encode(image, "00.jpg", "jpeg", "90")
    assert api.decode("00.jpg", "back.png").width == 48
    assert Path("back.png").is_file()
    Path("streams").mkdir()
    Path("00.jpg").rename("streams/00.jpg")
    adopted = api.import_streams("streams", "jpeg", "90", data=str(folder), results="there")
    assert adopted.done == {"jpeg": 1}


def test_points_are_text_numbers_or_a_dictionary(pictures: Pictures) -> None:
    just = {"data": pictures(1), "metrics": "bpp", "tasks": "none"}

    def points(codecs: str | list[str], points: object) -> list[tuple[object, ...]]:
        made = api.run(codecs, points=points, **just)
        return [codec.points for codec in made.results.codecs]

    assert points("jpeg", "30,60") == points("jpeg", [30, 60]) == [(30, 60)]
    assert points("jpeg", {"jpeg": (30, 60)}) == points("jpeg", {"jpeg": [60, 30]})[::-1]
    assert points(["jpeg", "webp"], {"webp": 7.0, "jpeg": [30]}) == [(30,), (7,)]
    with pytest.raises(BenchError, match="'jpg' is not one of jpeg"):
        points("jpeg", {"jpg": 30})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": "many"}, ["limit='many'", "a whole number"]),
        ({"limit": 2.5}, ["limit=2.5", "a whole number"]),
        ({"limit": True}, ["limit=True", "a whole number"]),
        ({"metrics": [1]}, ["metrics=[1]", "a list of text"]),
        ({"method": "linear"}, ["method='linear'", "'akima'"]),
        ({"pareto": "yes"}, ["pareto='yes'", "True or False"]),
        ({"truth_score": "half"}, ["truth_score='half'", "a number"]),
        ({"points": {"jpeg": None}}, ["points", "a dictionary"]),
        ({"codecs": [3]}, ["codecs=[3]", "Codec"]),
        ({"data": 7}, ["data=7", "Dataset"]),
        ({"results": None}, ["results=None", "a path"]),
        ({"watcher": print}, ["watcher", "Watcher"]),
    ],
)
def test_a_wrong_type_is_one_line(arguments: dict[str, object], message: list[str]) -> None:
    with pytest.raises(BenchError) as raised:
        api.run(**{"codecs": "jpeg", **arguments})
    assert all(part in str(raised.value) for part in ["run: ", *message])
    assert "\n" not in str(raised.value)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(TypeError, match="resluts"):
        api.run(["jpeg"], resluts="there")


def test_the_options_of_a_run_are_seen() -> None:
    shown = inspect.signature(api.run).parameters
    assert {"codecs", "data", "limit", "metrics", "tasks", "anchor", "results"} <= set(shown)
    assert shown["truth_score"].default == 0.5
    assert str(api.run.__doc__).startswith("Code and measure")
