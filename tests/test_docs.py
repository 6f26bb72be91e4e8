"""What the documents show works as shown."""

from __future__ import annotations

import csv
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import package
from fakes.task import RedThings
from PIL import Image
from support.command import Bench
from support.paths import CHECKOUT, IMPORTED_FROM
from support.pictures import Pictures, picture

from bench import api
from bench.cli.main import cli
from bench.codecs.catalog import load_codec
from bench.errors import StreamError
from bench.gate.baseline import read_baseline
from bench.images.image import Image as BenchImage
from bench.images.image import read_pixels
from bench.metrics import METRICS
from bench.report.paper.spec import read_spec
from bench.runtime.content import content_folder

DOCS = CHECKOUT / "docs"
PAGES = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]


def test_the_card_that_is_shown_can_be_read(tmp_path: Path) -> None:
    page = (DOCS / "adding-a-codec.md").read_text("utf-8")
    shown = re.search(r"```toml\n(title.*?)```", page, re.DOTALL)
    assert shown
    card = tmp_path / "mine.toml"
    card.write_text(shown[1])
    assert "example.org" in (load_codec(str(card)).missing() or "")


def test_the_neural_card_that_is_shown_can_be_read(tmp_path: Path) -> None:
    page = (DOCS / "neural-codecs.md").read_text("utf-8")
    shown = re.search(r"```toml\n(title.*?)```", page, re.DOTALL)
    assert shown
    card = tmp_path / "mine.toml"
    card.write_text(shown[1])
    assert "no weights" in (load_codec(f"{card}:toyscapes").missing() or "")


def install_shown(page: str, module: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that a page shows, as pip would install it."""
    shown = re.search(r"```toml\n(\[project\].*?)```.*?```python\n(.*?)```", page, re.DOTALL)
    assert shown
    lines = []
    for group, points in tomllib.loads(shown[1])["project"]["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {code}" for name, code in points.items())]
    package.install(folder, monkeypatch, module, shown[2], "\n".join(lines))


@pytest.mark.slow
def test_the_family_that_is_shown_takes_part(
    bench: Bench, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "adding-a-codec.md").read_text("utf-8")
    install_shown(page, "mosaic", tmp_path, monkeypatch)
    (card,) = re.findall(r"```toml\n(title = \"Mosaic\".*?)```", page, re.DOTALL)
    Path("mosaic.toml").write_text(card)
    run = ("run", "--codec", "./mosaic.toml", "--data", pictures(2), "--metric", "psnr_rgb")
    result = bench(*run, "--task", "none")
    assert result.status == 0, result.err
    assert "8 encoded" in result.err
    assert "0 encoded" in bench(*run, "--task", "none").err
    bench("export", "--means", "--out", "means.csv")
    with open("means.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for column in ("bpp", "psnr_rgb"):
        figures = [float(row[column]) for row in rows]
        assert figures == sorted(figures)
    codec = load_codec("./mosaic.toml")
    pixels = np.arange(33 * 47 * 3).reshape(33, 47, 3).astype(np.uint8)
    stream = codec.encode(BenchImage("odd", pixels), 16)
    assert codec.decode(stream).shape == pixels.shape
    for damaged in (b"", stream[:5], stream[:-1], stream + b"x", bytes(9), b"\xff" * 9):
        with pytest.raises(StreamError):
            codec.decode(damaged)
    Path("mosaic.toml").write_text(card.replace("effort = 9", "effort = 10"))
    err = bench("show", "./mosaic.toml").err
    assert all(fact in err for fact in ("'mosaic.effort'", "9", "10"))


def test_the_script_s_card_that_is_shown_can_be_read() -> None:
    page = (DOCS / "adding-a-codec.md").read_text("utf-8")
    (card,) = re.findall(r"```toml\n(title = \"My script\".*?)```", page, re.DOTALL)
    Path("mine.toml").write_text(card)
    assert "no program tiles.py" in (load_codec("./mine.toml").missing() or "")
    Path("tiles.py").write_text("#!/bin/sh\n")
    Path("tiles.py").chmod(0o755)
    assert load_codec("./mine.toml").missing() is None


@pytest.mark.slow
def test_the_network_that_is_shown_finds_cars(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "adding-a-task.md").read_text("utf-8")
    install_shown(page, "red_cars", tmp_path, monkeypatch)
    run = ("run", "--codec", "jpeg", "--points", "45", "--limit", "4", "--metric", "bpp")
    result = bench(*run, "--task", "red-cars")
    assert result.status == 0, result.err
    (uncompressed,) = re.findall(r"uncompressed +– +(\S+)", result.out)
    assert float(uncompressed) > 0


def test_the_measure_that_is_shown_takes_part(
    bench: Bench, red: RedThings, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "adding-a-measure.md").read_text("utf-8")
    with monkeypatch.context() as installed:
        install_shown(page, "right_count", tmp_path, installed)
        run = ("run", "--codec", "jpeg", "--points", "20,90", "--metric", "bpp", "--limit", 3)
        result = bench(
            *run, "--data", "cityscapes", "--root", root, "--task", "red-things:right-count"
        )
        assert result.status == 0, result.err
        assert "Right counts, red-things:right-count" in result.out
        assert "right-count" in bench("show", "right-count").out
        (task,) = api.report().results.tasks
        assert task.ceiling is not None
        found = [red.predict(read_pixels(path)) for path in sorted(root.rglob("*_leftImg8bit.png"))]
        right = [int((each.scores >= 0.5).sum()) == 4 for each in found[:3]]
        assert task.ceiling.value == np.mean(right)
    without = api.report()
    assert not without.results.tasks
    assert any("right-count" in note for note in without.results.notes)


def test_the_network_that_is_shown_takes_part(
    bench: Bench, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "adding-a-task.md").read_text("utf-8")
    install_shown(page, "red_cars", tmp_path, monkeypatch)
    street = pictures(2)
    Image.new("RGB", (48, 32), "green").save(street / "00.png")
    Image.new("RGB", (48, 32), "red").save(street / "01.png")
    result = bench(
        "predict", *sorted(street.iterdir()), "--task", "red-cars", "--json", "found.json"
    )
    assert result.status == 0, result.err
    nothing, car = json.loads(Path("found.json").read_text())["images"]
    assert not nothing["detections"]
    (found,) = car["detections"]
    assert (found["class"], found["box"]) == ("car", [0, 0, 48, 32])
    run = ("run", "--codec", "jpeg", "--points", "5,50", "--data", street, "--metric", "bpp")
    result = bench(*run, "--task", "red-cars", "--truth", "pseudo")
    assert result.status == 0, result.err
    assert "red-cars" in bench("list").out


def test_the_data_set_that_is_shown_is_coded_and_scored(
    bench: Bench, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "adding-a-data-set.md").read_text("utf-8")
    install_shown(page, "my_streets", tmp_path, monkeypatch)
    missing = bench("run", "--codec", "jpeg", "--data", "my-streets").err
    assert "--root or in MY_STREETS" in missing
    for kind, ending in (("leftImg8bit", ""), ("gtFine", "_instanceIds")):
        folder = tmp_path / "streets" / "night" / ("labels" if ending else "images")
        folder.mkdir(parents=True)
        for path in (root / kind).rglob(f"*_{kind}{ending}.png"):
            path.rename(folder / f"{path.name.partition('_' + kind)[0]}.png")
    monkeypatch.setenv("MY_STREETS", str(tmp_path / "streets"))
    task = (DOCS / "adding-a-task.md").read_text("utf-8")
    install_shown(task, "red_cars", tmp_path, monkeypatch)
    run = ("run", "--codec", "jpeg", "--points", "45", "--metric", "bpp", "--task", "red-cars")
    result = bench(*run, "--data", "my-streets:night")
    assert result.status == 0, result.err
    assert "my-streets:night" in result.out
    assert "wAP, red-cars" in result.out
    assert "unknown my-streets:noon" in bench(*run, "--data", "my-streets:noon").err
    assert "instances of Cityscapes' classes" in bench("show", "my-streets").out


def test_the_metric_that_is_shown_is_measured(
    bench: Bench, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DOCS / "adding-a-metric.md").read_text("utf-8")
    install_shown(page, "mean_error", tmp_path, monkeypatch)
    result = bench("run", "--codec", "jpeg", "--data", pictures(2), "--metric", "mae")
    assert result.status == 0, result.err
    with open("bench-results/report/means.csv", newline="") as file:
        values = [float(row["mae"]) for row in csv.DictReader(file)]
    assert values == sorted(values, reverse=True)


def test_the_baseline_that_is_shown_can_be_read(tmp_path: Path) -> None:
    page = (DOCS / "gate.md").read_text("utf-8")
    shown = re.search(r"```toml\n(data.*?)```", page, re.DOTALL)
    assert shown
    path = tmp_path / "gate.toml"
    path.write_text(shown[1])
    (tmp_path / "mine.toml").write_text((content_folder("anchors") / "jpeg.toml").read_text())
    assert {rule.kind for rule in read_baseline(path).rules} == {"point", "bd-rate", "time"}
    for key in tomllib.loads(shown[1]):
        assert f"| `{key}` |" in page


def test_the_workflow_that_is_shown_runs_what_there_is(tmp_path: Path) -> None:
    page = (DOCS / "gate.md").read_text("utf-8")
    workflow = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert workflow
    (command,) = re.findall(r"- run: bench check (.*)", workflow[1])
    made = cli.commands["check"].make_context("check", command.split())
    assert made.params["baseline"] == Path("gate.toml")
    assert made.params["junit"] and made.params["markdown"]


@pytest.mark.slow
def test_the_ten_minutes_go_as_described(bench: Bench) -> None:
    page = (DOCS / "ten-minutes.md").read_text("utf-8")
    for name, shown in zip(
        ("quick", "gate"), re.findall(r"```toml\n(.*?)```", page, re.S), strict=True
    ):
        Path(f"{name}.toml").write_text(shown.replace("limit = 20", "limit = 2"), "utf-8")
    for command in _commands(page):
        result = bench(*shlex.split(command.replace("--limit 20", "--limit 2"))[1:])
        assert result.status == 0, (command, result.err)
    assert Path("bench-results/report/report.html").is_file()
    assert Path("seen/toyville_700000_000019.png").is_file()
    card = Path("quick.toml")
    card.write_text(card.read_text("utf-8").replace("ultrafast", "medium"), "utf-8")
    assert bench("check", "gate.toml").status == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_such_options(page: Path) -> None:
    for command in _commands(page.read_text("utf-8")):
        name, *arguments = shlex.split(command, comments=True)[1:]
        cli.commands[name].make_context(name, arguments)


def test_commands_that_are_shown_are_found() -> None:
    assert len(_commands((DOCS.parent / "README.md").read_text("utf-8"))) > 15
    assert len(_commands((DOCS / "paper.md").read_text("utf-8"))) == 3  # one of two lines


def _commands(page: str) -> list[str]:
    """Those that a page shows on lines of their own."""
    whole = re.sub(r"\\\n\s*", "", page)
    return re.findall(r"^ {4,}(?:\S+=\S+ |\S+/)*(bench .+)$", whole, re.MULTILINE)


@pytest.mark.slow
def test_the_python_api_works_as_shown() -> None:
    Image.fromarray(picture(1, 64, 48)).save("photo.png")
    page = (DOCS / "api.md").read_text("utf-8")
    held: dict[str, Any] = {}
    for shown in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(shown, held)
    assert list(held["report"].deltas["anchor"]) == ["jpeg"]
    assert len(held["report"].deltas) == len(held["against_webp"].deltas) == 1
    assert len(held["records"]) == 16
    assert held["coded"].bpp > 0
    assert held["back"].shape == (48, 64, 3)
    assert list(held["own"].deltas["codec"]) == ["steps"]
    assert held["outcome"].done == {"jpeg": 10} and not held["outcome"].failures


def test_the_python_api_is_documented_whole() -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    documented = re.findall(r"^\.\. auto(?:function|class|data):: (\w+)$", page, re.MULTILINE)
    assert sorted(documented) == sorted(api.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_files_that_architecture_names_are_there() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    files = [path.as_posix() for path in (IMPORTED_FROM / "bench").rglob("*.py")]
    named = set(re.findall(r"[a-z0-9_/]+\.py", page))
    assert len(named) > 50
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in files)] == []


def test_the_report_that_is_shown_can_be_read(tmp_path: Path) -> None:
    page = (DOCS / "paper.md").read_text("utf-8")
    shown = re.search(r"```toml\n(title.*?)```", page, re.DOTALL)
    assert shown
    spec = tmp_path / "mine.toml"
    spec.write_text(shown[1], "utf-8")
    assert [part.name for part in read_spec(str(spec)).parts] == ["figure-1", "table-1", "figure-2"]


def test_columns_are_explained() -> None:
    page = (DOCS / "results.md").read_text("utf-8")
    for column in ("bpp", "encode_cpu", "stream", "fingerprint", "dataset_digest", "machine"):
        assert f"`{column}`" in page
    assert METRICS["ssim_db"].name in (DOCS / "footguns.md").read_text("utf-8")
