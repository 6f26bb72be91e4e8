"""Single pictures of a report: decoded from what is kept, and looked at as the sweep did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes.task import RedThings
from PIL import Image
from support.command import Bench

from bench import api
from bench.codecs.catalog import card_paths
from bench.datasets.cityscapes_labels import CLASSES
from bench.datasets.cityscapes_truth import from_instance_ids
from bench.errors import BenchError
from bench.images.image import read_pixels
from bench.metrics.instance_matching import match
from bench.report.pictures import ScoredPictureSource, true_instances
from bench.store import Results, Store, load_results

CODEC, POINT = "jpeg", 50


@pytest.fixture
def shown(red_results: Path, root: Path) -> Iterator[tuple[ScoredPictureSource, Results]]:
    with Store(red_results) as store:
        results = load_results(store)
        yield ScoredPictureSource(store, results, results.tasks[0], root), results


def test_an_exhibit_is_what_the_sweep_measured(
    shown: tuple[ScoredPictureSource, Results], red_sweep: Path
) -> None:
    source, results = shown
    codec, image = results.codecs[0], results.images[1]
    point = codec.points[0]
    picture = source.decoded(image, CODEC, point)
    (saved,) = (red_sweep / "decoded" / CODEC).glob(f"*-{point}/{image}.png")
    assert (picture.pixels == read_pixels(saved)).all()
    assert picture.bpp == codec.bpp[1, 0]
    assert picture.psnr == codec.values["psnr_rgb"][1, 0]
    assert picture.counts == codec.matches["red-things"][1, 0].counts(0.5)
    original = source.original(image)
    assert original.counts == results.tasks[0].originals[1].counts(0.5)  # type: ignore[union-attr]
    right, _, missed = original.counts
    assert right + missed == 4


@pytest.mark.usefixtures("shown")
def test_a_network_that_is_not_asked_for_is_in_no_table(bench: Bench) -> None:
    assert "red-things" in bench("report", "--out", "all").out
    assert "wap:red-things" in Path("all/means.csv").read_text()
    bench("report", "--task", "none", "--out", "none")
    assert "red-things" not in Path("none/means.csv").read_text()


def test_a_card_of_ones_own_is_found_again_from_anywhere(
    red: RedThings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.toml").write_text(card_paths()["jpeg"].read_text("utf-8"), "utf-8")
    store = Path("bench-results").absolute()
    api.run(
        ["./mine.toml"],
        data="cityscapes",
        root=root,
        points=["50"],
        metrics=["psnr_rgb"],
        tasks=[red.name],
        results=store,
    )
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    with Store(store) as kept:
        results = load_results(kept)
        source = ScoredPictureSource(kept, results, results.tasks[0], root)
        picture = source.decoded(results.images[0], "mine", 50)
    assert picture.psnr == results.codecs[0].values["psnr_rgb"][0, 0]


def test_the_truth_finds_itself() -> None:
    ids = np.full((64, 96), 7, np.int32)
    ids[4:20, 4:30], ids[30:50, 10:40], ids[60:63, 0:3] = 26000, 24001, 26002  # the last one tiny
    ids[40:64, 80:96] = 33000  # down to the last pixel
    truth = from_instance_ids(ids)
    matches = match(truth, true_instances(truth, CLASSES))
    assert matches.counts(0.5) == (3, 0, 0)


def test_an_image_that_changed_is_not_shown(
    shown: tuple[ScoredPictureSource, Results], root: Path
) -> None:
    source, results = shown
    (path,) = (root / "leftImg8bit").rglob(f"{results.images[0]}*")
    Image.new("RGB", (192, 96)).save(path)
    with pytest.raises(BenchError, match="it has changed"):
        source.original(results.images[0])


def test_a_codec_without_a_mask_has_none_to_show(
    shown: tuple[ScoredPictureSource, Results],
) -> None:
    source, results = shown
    with pytest.raises(BenchError, match="jpeg"):
        source.mask(results.images[0], CODEC, POINT)
