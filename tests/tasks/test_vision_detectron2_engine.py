"""Detectron2 itself beside our networks, where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from oracles.detectron2 import network, synthetic_image

from bench.datasets.cityscapes_labels import CLASSES
from bench.errors import UnavailableError
from bench.runtime.checkpoint import read_checkpoint
from bench.tasks.detectron2_engine import detectron2_finder
from bench.vision.architecture import Architecture
from bench.vision.checkpoint import load_weights, save_weights
from bench.vision.detector import detect

CPU = torch.device("cpu")


def test_without_detectron2_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    with pytest.raises(UnavailableError, match=r"pip install .*detectron2") as caught:
        detectron2_finder(tmp_path / "weights.safetensors", CPU, CLASSES)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Detectron2's own
@pytest.mark.skipif(
    importlib.util.find_spec("detectron2") is None, reason="Detectron2 is not installed"
)
@pytest.mark.parametrize("masks", [True, False])
def test_both_find_the_same(masks: bool, tmp_path: Path) -> None:
    ours, weights = network(Architecture(masks=masks)), tmp_path / "weights.safetensors"
    save_weights(ours, weights)
    load_weights(ours, read_checkpoint(weights), weights)  # in half precision, as it reads them
    image = synthetic_image(12, 160, 256)
    finder = detectron2_finder(weights, CPU, CLASSES, masks=masks)
    found, its = detect(ours, image, CLASSES), finder(image)
    assert len(its) > 20
    assert found.classes.tolist() == its.classes.tolist()
    np.testing.assert_allclose(found.boxes, its.boxes, rtol=0, atol=0.01)
    np.testing.assert_allclose(found.scores, its.scores, rtol=0, atol=1e-4)
    if not masks:
        assert found.masks is its.masks is None
        return
    assert found.masks is not None and its.masks is not None
    pairs = [(a.decode(), b.decode()) for a, b in zip(found.masks, its.masks, strict=True)]
    different = sum(int((a != b).sum()) for a, b in pairs)
    assert different <= sum(int(b.sum()) for _, b in pairs) / 1000
