"""The pictures of a page: as decoded, with what the store says of them, in the room there is."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakes.task import RedThings
from PIL import Image
from support.command import Bench

from bench import api
from bench.errors import DataError
from bench.images.image import read_pixels
from bench.report.page import gallery
from bench.report.page.gallery import Gallery, make_gallery
from bench.report.page.picture_cache import PictureCache
from bench.store import Store

Made = Callable[[], Gallery]


@pytest.fixture
def made(red: RedThings, root: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.setenv("CITYSCAPES_DATASET", str(root))
    report = api.run(
        ["jpeg", "webp"],
        data="cityscapes",
        metrics=["psnr_y"],
        tasks=[red.name],
        save_decoded=Path("decoded"),
    )

    def make() -> Gallery:
        with Store(api.RESULTS) as store:
            return make_gallery(
                store, report, None, Path("gallery"), lambda what, done, total: None
            )

    return make


@pytest.mark.slow
def test_pictures_are_those_that_were_decoded(made: Made, red: RedThings) -> None:
    found = made()
    assert found.figures["lossless"]
    results = api.report().results
    for image in found.figures["images"]:
        row = results.images.index(image["name"])
        for codec, levels in zip(results.codecs, image["codecs"], strict=True):
            for picture in levels:
                point = picture["point"].split()[1]
                column = [str(each) for each in codec.points].index(point)
                (saved,) = Path("decoded", codec.name).glob(f"*-{point}/{image['name']}.png")
                with Image.open(io.BytesIO(found.files[picture["picture"]])) as shown:
                    assert (np.asarray(shown.convert("RGB")) == read_pixels(saved)).all()
                assert picture["counts"] == codec.matches[red.name][row, column].counts(0.5)
                assert picture["bits"].replace("\N{NARROW NO-BREAK SPACE}", "") == str(
                    int(8 * codec.bytes[row, column])
                )
        assert len(image["truth"]) == 4


@pytest.mark.slow
def test_as_many_images_as_there_is_room_for(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = made()
    assert len(whole.figures["images"]) == 6
    assert 4 / 3 * gallery.USUAL_BYTES < 5.8e6  # so that a page of small images is under 6 MB
    for limit in ("USUAL_BYTES", "MAX_BYTES"):
        monkeypatch.setattr(gallery, limit, sum(map(len, whole.files)) // 4)
    fewer = made()
    assert 1 <= len(fewer.figures["images"]) < 6
    assert sum(map(len, fewer.files)) <= gallery.MAX_BYTES


@pytest.mark.slow
def test_large_pictures_are_compressed(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "USUAL_BYTES", 12 * 192 * 96)
    found = made()
    assert not found.figures["lossless"]
    assert found.figures["type"] == "image/jpeg"
    with Image.open(io.BytesIO(found.files[0])) as shown:
        assert shown.format == "JPEG"


@pytest.mark.slow
def test_a_kept_picture_that_is_damaged_is_said(made: Made) -> None:
    made()
    for kept in Path("gallery").glob("*.json"):
        kept.write_text("{")
    assert "delete it" in made().figures["reason"]


def test_a_picture_too_large_for_a_page_is_no_fault_of_the_folder(tmp_path: Path) -> None:
    wide = np.zeros((1, 16384, 3), np.uint8)
    with pytest.raises(DataError, match="more than a page can show"):
        PictureCache(tmp_path, lossless=True).picture(["wide"], lambda: (wide, []))


@pytest.mark.slow
def test_images_that_are_gone_are_said(
    made: Made, root: Path, monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    root.rename(root.with_name("elsewhere"))
    reason = made().figures["reason"]
    assert reason and "\n" not in reason
    assert bench("report", "--html").status == 0  # the rest of the page is there
