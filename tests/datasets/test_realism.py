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
            for left in (256, 1280):  # around the horizon, at the frame's own size
                box = (left, 330, left + 512, 330 + 256)
                frame.crop(box).save(folder / f"{path.stem}-{left}.png")
    bits, over = {}, {}
    for data, limit in (("toyscapes-2:dev", 8), (str(folder), None)):
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
