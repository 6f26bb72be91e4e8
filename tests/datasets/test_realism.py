"""Toyscapes costs a codec what photographs of streets cost it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.paths import SHARED

from bench import api

FRAMES = SHARED / "data" / "cityscapes-sample" / "leftImg8bit"


@pytest.mark.slow
@pytest.mark.skipif(not FRAMES.is_dir(), reason="needs Cityscapes images beside the checkout")
def test_bits_and_bd_rate_are_like_those_of_photographs(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for path in sorted(FRAMES.rglob("*.png"))[::3]:
        with Image.open(path) as frame:
            frame.resize((512, 256), Image.Resampling.BOX).save(folder / path.name)
    bits, over = {}, {}
    for data, limit in (("toyscapes:dev", 4), (str(folder), None)):
        made = api.run(
            ["vvenc-medium", "x265"],
            data=data,
            limit=limit,
            points=["37,32,27,22"],
            metrics=["psnr_y"],
            results=tmp_path / "store",
        )
        bits[data] = made.results.codec("x265").curve("psnr_y")[0]
        over[data] = made.comparisons[0].rate.value
    scenes, frames = bits.values()
    ratio = scenes / frames
    print("bits of scenes over those of photographs", ratio, "BD-rates", over)
    assert (ratio > 1 / 1.5).all()
    assert (ratio < 1.5).all()
    of_scenes, of_frames = over.values()
    assert abs(of_scenes - of_frames) < 10
