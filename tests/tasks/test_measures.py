"""Networks that find no objects: semantic maps and classes, held to labels and to themselves."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from fakes.task import add_semantic_labels, red_cityscapes
from PIL import Image
from support.command import Bench

from bench import api
from bench.images.colour import Pixels
from bench.images.image import read_pixels
from bench.instances.predictions import ClassScores, Finds, SemanticMap
from bench.tasks.task import TASKS

RUN = ("run", "--codec", "jpeg", "--codec", "jpeg2000", "--metric", "psnr_rgb", "--pareto")


def redness(pixels: Pixels) -> np.ndarray:  # type: ignore[type-arg]
    return pixels[..., 0].astype(int) - pixels[..., 1:].max(axis=2)


@dataclass
class RedPixels:
    """Red pixels are cars, all others road."""

    name: str = "red-pixels"
    title: str = "Which pixels are red"
    finds: Finds = "semantic"
    classes: tuple[str, ...] = ("car", "road", "unicorn")
    fingerprint: str = "red pixels 1"

    def predict(self, pixels: Pixels) -> SemanticMap:
        return SemanticMap(np.where(redness(pixels) > 60, 0, 1).astype(np.uint8), self.classes)


@dataclass
class RedPictures:
    """The more red a picture has, the likelier it is a car."""

    name: str = "red-pictures"
    title: str = "Which pictures are red"
    finds: Finds = "class"
    classes: tuple[str, ...] = ("grey", "car", "unicorn")
    fingerprint: str = "red pictures 1"

    def predict(self, pixels: Pixels) -> ClassScores:
        share = float((redness(pixels) > 60).mean())
        return ClassScores(np.array([0.08, share, 0.05]), self.classes)


@pytest.fixture(autouse=True)
def _networks(monkeypatch: pytest.MonkeyPatch) -> None:
    unicorns = RedPixels("unicorns", classes=("unicorn", "horse", "pony"))
    for task in (RedPixels(), RedPictures(), unicorns):
        monkeypatch.setitem(TASKS.own, task.name, lambda weights, task=task: task)


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    """Cityscapes of red cars, whose pixels have labels, too."""
    return add_semantic_labels(red_cityscapes(tmp_path / "streets", 3))


def means() -> list[dict[str, str]]:
    with Path("bench-results/report/means.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_semantic_maps_are_compared_by_miou(bench: Bench, streets: Path) -> None:
    run = (*RUN, "--data", "cityscapes", "--root", streets, "--task", "red-pixels")
    result = bench(*run, "--save-decoded", "decoded")
    assert result.status == 0, result.err
    assert "mIoU, red-pixels" in result.out
    assert "unicorn" in result.err
    for row in means():
        folder = Path("decoded", row["codec"], f"{row['unit']}-{row['point']}")
        both, union = np.zeros(2), np.zeros(2)
        for path in streets.glob("gtFine/val/a/*_labelIds.png"):
            true = np.asarray(Image.open(path))
            name = path.name.replace("_gtFine_labelIds", "")
            found = np.where(redness(read_pixels(folder / name)) > 60, 26, 7)
            for place, label in enumerate((26, 7)):
                one, other = (true == label), (found == label) & (true > 0)
                both[place] += (one & other).sum()
                union[place] += (one | other).sum()
        assert float(row["miou:red-pixels"]) == pytest.approx((both / union).mean(), abs=1e-12)
        low, high = (float(row[f"miou:red-pixels_{end}"]) for end in ("low", "high"))
        assert low <= float(row["miou:red-pixels"]) <= high
    rows = api.report(pareto=True).deltas.set_index("metric")
    assert "miou:red-pixels" in rows.index
    again = bench(*run)
    assert "0 encoded; the store had all of it" in again.err
    assert bench("report", "--html", "--pareto").status == 0


@pytest.mark.slow
@pytest.mark.parametrize(("task", "figure"), [("red-pixels", "miou"), ("red-pictures", "top1")])
def test_without_labels_a_network_is_compared_with_itself(
    bench: Bench, streets: Path, task: str, figure: str
) -> None:
    folder = streets / "leftImg8bit" / "val" / "a"
    run = (*RUN, "--data", folder, "--task", task)
    assert "--truth pseudo" in bench(*run).err
    result = bench(*run, "--truth", "pseudo")
    assert result.status == 0, result.err
    (found,) = api.report().results.tasks
    assert found.ceiling is not None and found.ceiling.value == 1
    assert all(0 < float(row[f"{figure}:{task}:pseudo"]) <= 1 for row in means())
    again = bench(*run, "--truth", "pseudo")
    assert "0 encoded; the store had all of it" in again.err


@pytest.mark.slow
def test_classes_are_compared_by_accuracy(bench: Bench, streets: Path, tmp_path: Path) -> None:
    zoo = tmp_path / "zoo"
    for number, path in enumerate(sorted(streets.glob("leftImg8bit/val/a/*.png"))):
        for name in ("Car", "grey"):
            (zoo / name).mkdir(parents=True, exist_ok=True)
            picture = Image.open(path)
            if name == "grey":
                picture = picture.convert("L").convert("RGB")
            picture.save(zoo / name / f"{number}.png")
    result = bench(*RUN, "--data", f"imagenet:{zoo}", "--task", "red-pictures")
    assert result.status == 0, result.err
    assert "top-1" in result.out.lower()
    for row in means():
        assert float(row["top5:red-pictures"]) == 1
        assert 0.5 <= float(row["top1:red-pictures"]) <= 1


def test_a_measure_that_does_not_fit_is_one_line(bench: Bench, streets: Path) -> None:
    run = (*RUN, "--data", "cityscapes", "--root", streets)
    for task, message in (
        ("red-pixels:cityscapes-ap", "expected miou"),
        ("red-pixels:mio", "did you mean 'miou'"),
        ("red-pictures", "class labels"),
        ("unicorns", "none of the classes"),
    ):
        result = bench(*run, "--task", task)
        assert result.status == 1
        assert message in result.err
        assert len(result.err.splitlines()) == 1


def test_measures_are_listed_and_described(bench: Bench) -> None:
    assert "coco-boxes" in bench("list").out
    shown = bench("show", "miou")
    assert shown.status == 0
    assert "mIoU" in shown.out and "--task NAME:miou" in shown.out


def test_networks_that_find_no_objects_draw_none(bench: Bench, streets: Path) -> None:
    picture = next(streets.glob("leftImg8bit/val/a/*.png"))
    result = bench("predict", picture, "--task", "red-pixels")
    assert result.status == 1
    assert len(result.err.splitlines()) == 1
