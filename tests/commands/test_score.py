"""`bench score` and the files that it reads: anyone's predictions in Cityscapes' format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from oracles import cityscapes
from oracles.scenes import Scene, detections, random_scene, write, write_predictions
from PIL import Image
from support.command import Bench

from bench import api
from bench.datasets.cityscapes_labels import CLASSES, EVALUATED
from bench.datasets.cityscapes_predictions import find_predictions, read_predictions

LABELS = [label.id for label in EVALUATED[:5]]
CAR = np.zeros((60, 90), np.bool_)
CAR[20:40, 20:60] = True


def scenes(count: int, seed: int = 0) -> list[Scene]:
    rng = np.random.default_rng(seed)
    return [random_scene(rng, (60, 90), LABELS, 2) for _ in range(count)]


def put(images: Sequence[Scene], root: Path) -> list[tuple[Path, Path]]:
    return [write(one, f"town_{i:06d}_000019", root) for i, one in enumerate(images)]


def one_car(root: Path) -> tuple[Path, Path]:
    """An image with a car that was found; its ground truth, and the text that says so."""
    truth = np.full((60, 90), 7, np.uint16)
    truth[CAR] = 26000
    return put([Scene(truth, [26], [0.5], [CAR])], root)[0]


@pytest.mark.slow
def test_what_is_printed_and_written(bench: Bench, tmp_path: Path) -> None:
    files = put(scenes(25), tmp_path)
    result = bench(
        "score", tmp_path / "results", "--root", tmp_path, "--json", tmp_path / "score.json"
    )
    assert (result.status, "25 of the 500 images of val" in result.out) == (0, True)
    expected = cityscapes.evaluate(*zip(*files, strict=True), tmp_path)
    written = json.loads((tmp_path / "score.json").read_text())
    matrix = np.array(written["matrix"], np.float64)
    np.testing.assert_allclose(matrix, expected["resultApMatrix"][0], rtol=0, atol=1e-14)
    assert written["AP"] == pytest.approx(expected["averages"]["allAp"])
    assert written["AP50"] == pytest.approx(expected["averages"]["allAp50%"])
    classes = written["classes"]
    assert list(classes) == list(CLASSES)
    assert classes["bicycle"] == {"AP": None, "AP50": None, "instances": 0}
    weighted = sum(one["instances"] * (one["AP"] or 0) for one in classes.values())
    assert written["wAP"] == pytest.approx(
        weighted / sum(one["instances"] for one in classes.values())
    )
    low, high = written["interval"]
    assert low < written["wAP"] < high
    for figure in ("AP", "AP50", "wAP"):
        assert f"{written[figure]:.3f}" in result.out
    assert f"{low:.3f} to {high:.3f}" in result.out
    found = api.score(tmp_path / "results", root=tmp_path)
    assert json.loads(json.dumps(found.as_json())) == written


def test_a_single_image_has_no_interval(bench: Bench, tmp_path: Path) -> None:
    one_car(tmp_path)
    result = bench("score", tmp_path / "results", "--root", tmp_path, "--json", "one.json")
    assert result.status == 0
    assert "95 %" not in result.out
    written = json.loads(Path("one.json").read_text())
    assert (written["wAP"], written["interval"]) == (1, None)


def test_polygons_serve_where_there_are_no_instance_ids(tmp_path: Path) -> None:
    truth, _ = one_car(tmp_path)
    corners = [[20, 20], [59, 20], [59, 39], [20, 39]]
    whole = {"imgWidth": 90, "imgHeight": 60, "objects": [{"label": "car", "polygon": corners}]}
    truth.unlink()
    truth.with_name("town_000000_000019_gtFine_polygons.json").write_text(json.dumps(whole))
    assert api.score(tmp_path / "results", root=tmp_path).precision.wap == 1


def test_only_the_images_of_the_split_count(tmp_path: Path) -> None:
    _, text = one_car(tmp_path)
    deep = tmp_path / "results" / "deep" / "deeper"
    deep.mkdir(parents=True)
    (deep / "other_000000_000019_pred.txt").write_text("not even read")
    text.rename(deep / text.name)
    (text.parent / "town_000000_000019_0.png").rename(deep / "town_000000_000019_0.png")
    found = api.score(tmp_path / "results", root=tmp_path)
    assert (found.images, found.precision.wap) == (1, 1)


@pytest.mark.parametrize(
    ("line", "predictions"),
    [
        ("empty.png 26 0.9", 0),  # no pixel, no detection
        ("no-such.png 7 0.9", 0),  # a road is not evaluated, whatever its mask
        ("no-such.png -1 0.9", 0),
        ("one.png 26.7 9e9", 1),
        ("../results/one.png 26 0.5", 1),
        ("one.png 24 0.1\none.png 26 0.9", 1),  # the last line for a mask holds
    ],
)
def test_lines_that_are_understood(line: str, predictions: int, tmp_path: Path) -> None:
    files = one_car(tmp_path)
    Image.new("1", (90, 60)).save(files[1].parent / "empty.png")
    Image.fromarray(CAR.astype(np.uint8)).save(files[1].parent / "one.png")
    files[1].write_text(line + "\n")
    found = api.score(tmp_path / "results", root=tmp_path)
    assert found.predictions == predictions
    expected = cityscapes.evaluate(*([path] for path in files), tmp_path)["averages"]["allAp"]
    assert found.precision.ap == expected == predictions


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("one.png 26", "line 1: expected 'MASK.png LABEL SCORE', not 'one.png 26'"),
        ("one.png  26 0.5", "MASK.png LABEL SCORE"),
        ("one.png car 0.5", "MASK.png LABEL SCORE"),
        ("one.png 26 high", "MASK.png LABEL SCORE"),
        ("one.png inf 0.5", "MASK.png LABEL SCORE"),
        ("one.png 26 nan", "line 1: the score"),
        ("one.png 34 0.5", "label 34"),
        ("/one.png 26 0.5", "/one.png is not in"),
        ("../one.png 26 0.5", "../one.png is not in"),
        ("../results-of-others/one.png 26 0.5", "is not in"),
        ("no-such.png 26 0.5", "no-such.png: no such image"),
        ("empty-file.png 26 0.5", "empty-file.png: not a readable image"),
        ("cut.png 26 0.5", "cut.png: damaged image"),
        ("large.png 26 0.5", "large.png has 91x60 pixels, the image 90x60"),
        ("\xff 26 0.5", "cannot be read"),
        ("one.png 26 0.5\n\none.png 26 0.5", "line 2: "),
    ],
)
def test_lines_that_are_refused(line: str, problem: str, bench: Bench, tmp_path: Path) -> None:
    _, text = one_car(tmp_path)
    noise = np.random.default_rng(0).random((60, 90)) < 0.5
    Image.fromarray(noise).save(text.parent / "one.png")
    (text.parent / "cut.png").write_bytes((text.parent / "one.png").read_bytes()[:300])
    (text.parent / "empty-file.png").touch()
    Image.new("L", (91, 60)).save(text.parent / "large.png")
    text.write_text(line, "latin-1")
    result = bench("score", tmp_path / "results", "--root", tmp_path)
    assert (result.status, result.out) == (1, "")
    assert problem in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_folders_that_are_refused(bench: Bench, tmp_path: Path) -> None:
    truth, text = one_car(tmp_path)
    results = tmp_path / "results"
    assert "where is Cityscapes?" in bench("score", results).err
    assert "no such folder of predictions" in bench("score", "nowhere", "--root", tmp_path).err
    assert "no CITY/*_gtFine_instanceIds.png" in bench("score", results, "--root", results).err
    assert "no CITY/*" in bench("score", results, "--root", tmp_path, "--split", "train").err
    out = tmp_path / "nowhere" / "score.json"
    result = bench("score", results, "--root", tmp_path, "--json", out)
    assert (result.status, "cannot be written" in result.err) == (1, True)
    (results / "town_000000_000019_again.txt").touch()
    result = bench("score", results, "--root", tmp_path)
    assert "two predictions for town_000000_000019" in result.err
    for path in results.glob("*.txt"):
        path.unlink()
    result = bench("score", results, "--root", tmp_path)
    assert "no predictions for town_000000_000019, not even an empty" in result.err
    text.touch()
    truth.write_bytes(b"")
    assert "not a readable image" in bench("score", results, "--root", tmp_path).err


def test_what_is_written_is_read_and_scored_by_cityscapes(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    images = scenes(6, seed=1)
    truths = [truth for truth, _ in put(images, tmp_path)]
    texts = []
    for truth, one in zip(truths, images, strict=True):
        found = detections(one)
        name = truth.name.removesuffix("_gtFine_instanceIds.png")
        texts.append(write_predictions(found, name, ours))
        assert find_predictions(ours, [name]) == {name: texts[-1]}
        again = read_predictions(texts[-1], ours, found.size)
        kept = [i for i, mask in enumerate(found.masks or ()) if mask.area]
        assert again.classes.tolist() == found.classes[kept].tolist()
        assert again.scores.tolist() == found.scores[kept].tolist()
        assert again.boxes.tolist() == found.boxes[kept].tolist()
        assert again.masks == tuple((found.masks or ())[i] for i in kept)
    expected = cityscapes.matrix(truths, texts, ours)
    expected[expected == cityscapes.CRASHED] = 0
    matrix = api.score(ours, root=tmp_path).precision.matrix
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-14)


def test_no_label_and_no_prediction_is_replaced(bench: Bench, tmp_path: Path) -> None:
    truth, text = one_car(tmp_path)
    polygons = truth.with_name("town_000000_000019_gtFine_polygons.json")
    polygons.write_text("{}")
    (mask,) = text.parent.glob("*.png")
    for file in (truth, polygons, text, mask):
        before = file.read_bytes()
        result = bench("score", tmp_path / "results", "--root", tmp_path, "--json", file)
        assert result.status == 1
        assert str(file) in result.err
        assert file.read_bytes() == before
