"""Every screen at every width: what does not fit goes below, and no word or figure is broken."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text
from support.command import Bench

from bench import api
from bench.cli.columns import Columns, Stacked, TextLine

WIDTHS = (40, 50, 60, 80, 120)


def shown(what: object, width: int) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_breaks_no_word(bench: Bench, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = bench("list").out
    words = set(text.split())
    entries = [*api.codecs(), *api.datasets(), *api.tasks(), *api.metrics()]
    for entry in entries:
        assert {entry.name, *entry.title.split()} <= words
    points = [codec.points.get("toyscapes", ()) for codec in api.codecs()]
    assert all(" ".join(map(str, each)) in text for each in points)
    assert "…" not in text
    table = text.partition("ready")[0]
    assert max(map(len, table.splitlines())) <= width


def test_spare_columns_go_first_and_others_below() -> None:
    rows = [("  QP 22", "0.1234", "12.34 dB", "0.9")]
    table = Columns(("", "bpp", "gain", "share"), [Text("codec"), *rows], spare=("share",))
    assert "share." not in shown(table, 40)
    text = shown(table, 25)
    assert "0.1234" in text and "12.34 dB" in text and "0.9" not in text
    assert text.rstrip().endswith(": share.")
    lines = shown(table, 17).splitlines()
    assert [line.split() for line in lines if "QP" in line] == [
        ["QP", "22", "0.1234"],
        ["QP", "22", "12.34", "dB"],
    ]
    assert sum("codec" in line for line in lines) == 2


def test_a_figure_keeps_its_unit_at_a_line_s_end() -> None:
    for width in range(20, 60):
        text = shown(
            TextLine(Text("- "), "of the curves 25 % overlap, and 12.5 dB are lost in all"), width
        )
        lines = [line.strip() for line in text.splitlines()]
        assert not any(each.startswith(("%", "dB")) for each in lines)


def test_rows_that_do_not_fit_have_their_cells_below_each_other() -> None:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_row(Text("a-name-of-a-codec"), Text("QP 22 27"), Text("done before"))
    assert len(shown(Stacked(table), 60).splitlines()) == 1
    lines = [line.rstrip() for line in shown(Stacked(table), 22).splitlines()]
    assert lines == ["a-name-of-a-codec", "    QP 22 27", "    done before"]
