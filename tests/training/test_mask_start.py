"""An LSMnet may begin as a prediction of where there is nothing to find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from fakes.task import CAR_ID, red_cityscapes

from bench.codecs.families.inference import to_tensor
from bench.codecs.families.ncn.masking import new_lsm
from bench.datasets import open_dataset
from bench.images.image import read_pixels
from bench.training.labels import read_instances
from bench.training.mask_start import begin_mask, near_objects


def test_latents_on_an_object_or_a_group_and_beside_them() -> None:
    ids = np.full((64, 90), 7, np.uint16)  # road
    ids[17, 33] = 1000 * CAR_ID  # of the latent in row 1, column 2
    assert near_objects(ids, reach=0).nonzero().tolist() == [[1, 2]]
    assert near_objects(ids).nonzero().tolist() == [[y, x] for y in (0, 1, 2) for x in (1, 2, 3)]
    ids[:] = CAR_ID  # a group
    assert near_objects(ids).shape == (4, 6)
    assert near_objects(ids).all()


def test_alpha_is_low_on_objects_of_other_pictures(tmp_path: Path) -> None:
    root = red_cityscapes(tmp_path / "cityscapes", count=10)
    dataset = open_dataset("cityscapes:val", root=root)
    lsm = new_lsm("mask-rcnn-toy", 4, 1.5)
    begin_mask(lsm, dataset.limited(8))
    on, away = [], []
    for entry in dataset.entries[8:]:
        with torch.no_grad():
            alpha = lsm(to_tensor(read_pixels(entry.path), torch.device("cpu")))[0]
        assert torch.allclose(alpha, alpha[:1])  # the same for all channels
        objects = near_objects(read_instances(entry), reach=0)
        rows, columns = objects.shape
        on.append(alpha[0, :rows, :columns][objects])
        away.append(alpha[0, :rows, :columns][~near_objects(read_instances(entry))])
    assert torch.cat(on).mean() + 0.3 < torch.cat(away).mean()
