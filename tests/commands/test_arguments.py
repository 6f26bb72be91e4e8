"""Calls from Python with what people write: text for paths, one name for a list of one."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from support.pictures import Pictures

from bench import api


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


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(TypeError, match="resluts"):
        api.run(["jpeg"], resluts="there")


def test_the_options_of_a_run_are_seen() -> None:
    shown = inspect.signature(api.run).parameters
    assert {"codecs", "data", "limit", "metrics", "tasks", "anchor", "results"} <= set(shown)
    assert shown["truth_score"].default == 0.5
    assert str(api.run.__doc__).startswith("Code and measure")
