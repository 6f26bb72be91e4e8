"""Settings files as models: all faults of a file at once, a line each, whatever it holds."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field
from support.command import Bench

from bench.codecs.catalog import card_paths, read_card
from bench.errors import DataError
from bench.runtime.file_model import FileModel, Listed, Number, check_model
from bench.runtime.files import read_toml


class Wheel(FileModel):
    size: Annotated[int, Field(ge=1, le=9)]
    spokes: Annotated[Listed[Number], Field(min_length=2)] = (1, 2)


class Cart(FileModel):
    name: str = Field(description="what people call it")
    wheel: Listed[Wheel] = ()
    painted: bool = False
    doors: dict[str, Number] = Field({})


def read_cart(path: Path) -> Cart:
    return check_model(Cart, read_toml(path, "cart", DataError), path, DataError)


def faults(text: str) -> list[str]:
    """The faults that are printed for a file."""
    Path("cart.toml").write_text(text, "utf-8")
    with pytest.raises(DataError) as raised:
        read_cart(Path("cart.toml"))
    head, *lines = str(raised.value).splitlines()
    assert head.startswith("cart.toml: ")
    assert not lines or head == f"cart.toml: {len(lines)} faults"
    return lines or [head.removeprefix("cart.toml: ")]


def test_what_is_right_is_read_as_it_stands() -> None:
    text = 'name = "a"\ndoors = { left = 1, right = 2.5 }\n[[wheel]]\nsize = 3\nspokes = [1, 2.0]'
    Path("cart.toml").write_text(text)
    cart = read_cart(Path("cart.toml"))
    assert cart.wheel[0].spokes == (1, 2.0)
    assert repr(cart.doors) == "{'left': 1, 'right': 2.5}"  # of which neither became the other


def test_all_faults_are_told_at_once() -> None:
    message = faults(
        "painted = 1\nzzz = 2\n[[wheel]]\nsize = 3\n[[wheel]]\nsize = 10\nspoke = []\n"
        '[doors]\nleft = "x"\n'
    )
    facts = [
        ("'name'", "missing", "what people call it"),
        ("'wheel 2.size'", "9", "10"),
        ("'wheel 2.spoke'", "did you mean 'spokes'"),
        ("'painted'", "true or false", "1"),
        ("'doors.left'", "number", "'x'"),
        ("'zzz'", "known", "painted"),
    ]
    assert len(message) == len(facts)
    for line, expected in zip(message, facts, strict=True):
        assert all(fact in line for fact in expected)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("nam = 'a'", "'nam' 'name'"),  # one fault, and no missing name
        ("name = 1979-05-27", "'name' datetime.date(1979"),
        ("name = 'a'\ndoors = { left = nan }", "'doors.left' finite nan"),
        ("name = 'a'\ndoors = { left = true }", "'doors.left' number True"),
        ("name = 'a'\nwheel = 3", "'wheel' list 3"),
        ("name = 'a'\nwheel = [3]", "'wheel' table 3"),
        ("name = 'a'\n[[wheel]]\nsize = true", "'wheel 1.size' number True"),
        ("name = 'a'\n[[wheel]]\nsize = 3.0", "'wheel 1.size' number 3.0"),
        ("name = 'a'\n[[wheel]]\nsize = 3\nspokes = [1]", "'wheel 1.spokes' 2 1"),
        ("name = 'a'\n[[wheel]]\nsize = 3\nspokes = ['x']", "'wheel 1.spokes' 'x'"),
    ],
)
def test_a_fault_names_its_key_and_value(text: str, facts: str) -> None:
    (message,) = faults(text)
    assert all(fact in message for fact in facts.split())


@pytest.mark.parametrize(
    "text",
    [
        f"name = {'[' * 9999 + ']' * 9999}",
        f"name = 0x{'f' * 9999}",
        f"name = '{'long ' * 10**5}'\npainted = 'x'",
        f"{'long' * 10**5} = 1",
        f"name = {['x'] * 10**5}",
    ],
)
def test_what_is_huge_is_told_shortly(text: str) -> None:
    assert all(len(line) < 300 for line in faults(text))


def test_of_very_many_faults_the_first_are_told() -> None:
    Path("cart.toml").write_text("".join(f"key{number} = 1\n" for number in range(5000)))
    with pytest.raises(DataError, match=r"^cart\.toml: 5001 faults\n") as raised:
        read_cart(Path("cart.toml"))
    assert len(str(raised.value).splitlines()) == 22
    assert str(raised.value).endswith("and 4981 more")


def test_all_faults_of_a_card_are_told_its_family_s_included(bench: Bench) -> None:
    text = card_paths()["x265"].read_text("utf-8")
    for old, new in {
        'title = "': 'titel = "',
        "whole = true": "whole = 1",
        "[0, 51]": "[0, 40]",
        "multiple = 2": "multiple = 9",
        "qp={point}": "qp={qp}",
        'decode = "-f hevc"': "",
    }.items():
        assert old in text
        text = text.replace(old, new)
    Path("mine.toml").write_text(text, "utf-8")
    result = bench("show", "./mine.toml")
    assert result.status == 1
    head, *message = result.err.splitlines()
    assert head == f"bench: mine.toml: {len(message)} faults"
    facts = (
        "'titel' 'title'",
        "'points.whole' 1",
        "'points.toyscapes' 47 40",
        "'points.toyscapes' 42 40",
        "'ffmpeg.multiple' 8 9",
        "'ffmpeg.encode' {qp}",
        "'ffmpeg.decode' missing",
    )
    assert len(message) == len(facts)
    for each in facts:
        assert any(all(fact in line for fact in each.split()) for line in message), each


@pytest.mark.parametrize("name", card_paths())
def test_a_fingerprint_is_of_the_options_as_the_card_has_them(name: str) -> None:
    table = tomllib.loads(card_paths()[name].read_text("utf-8"))
    card = read_card(name)
    assert repr(card.options) == repr(table[table["family"]])


def test_a_card_s_numbers_are_shown_as_they_stand() -> None:
    card = read_card("x265")
    assert repr(card.limits) == "(0, 51)"
    assert repr(card.points["default"]) == "(37, 32, 27, 22)"
