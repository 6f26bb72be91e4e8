"""Torchvision's own detectors: what they find is what torchvision finds; and what goes wrong."""

from __future__ import annotations

import hashlib
import warnings
from functools import partial
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support.command import Bench
from support.pictures import Pictures, picture

from bench import api
from bench.errors import BenchError
from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.runtime.torch_threads import one_thread
from bench.tasks import torchvision_names
from bench.tasks.task import measure_in, open_task

SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"
CAR, UNUSED = 3, 12  # labels of COCO


def why_no_torchvision() -> str | None:
    """It cannot be imported beside a torch of another build."""
    if find_spec("torchvision") is None:
        return "the extra torchvision is not installed"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torchvision.models  # noqa: F401
    except (ImportError, RuntimeError) as error:
        return f"torchvision cannot be imported: {error}"
    return None


reason = why_no_torchvision()
needs_torchvision = pytest.mark.skipif(reason is not None, reason=reason or "")


def made(name: str, label: int) -> Any:
    """A network, untrained, that takes everything for a label."""
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model(name, weights=None, weights_backbone=None, num_classes=91).eval()
    with torch.no_grad():
        layer = network.roi_heads.box_predictor.cls_score
        layer.weight.mul_(1e-3)
        layer.bias.zero_()[label] = 6
    return network


def saved(network: Any) -> Path:
    path = Path("weights.pth")
    torch.save(network.state_dict(), path)
    return path


def expected(network: Any, pixels: Pixels) -> dict[str, Any]:
    with one_thread(), torch.inference_mode():
        (found,) = network([torch.tensor(pixels).permute(2, 0, 1) / 255])
    return {name: values.numpy() for name, values in found.items()}


@needs_torchvision
def test_boxes_are_those_of_torchvision() -> None:
    network, pixels = made(SMALL, CAR), picture(1, 96, 64)
    found = open_task(f"torchvision:{SMALL}={saved(network)}").predict(pixels)
    theirs = expected(network, pixels)
    assert isinstance(found, Detections) and found.masks is None
    assert len(found) == len(theirs["scores"]) > 0
    assert {found.names[index] for index in found.classes} == {"car"}
    np.testing.assert_array_equal(found.scores, theirs["scores"])
    np.testing.assert_array_equal(found.boxes, theirs["boxes"])


@needs_torchvision
@pytest.mark.slow
def test_masks_of_a_published_file_are_those_of_torchvision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torchvision.models

    name, pixels = "maskrcnn_resnet50_fpn", picture(1, 64, 64)
    network = made(name, CAR)
    path = saved(network)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    urls = [SimpleNamespace(url=f"somewhere/{name}_coco-{digest[:8]}.pth")]
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda name: urls)
    found = open_task(f"torchvision:{name}={path}").predict(pixels)
    for layer in network.modules():  # as torchvision uses it
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps = 0
    theirs = expected(network, pixels)
    assert isinstance(found, Detections) and found.masks is not None and len(found) > 0
    np.testing.assert_array_equal(found.boxes, theirs["boxes"])
    for mask, drawn in zip(found.masks, theirs["masks"], strict=True):
        np.testing.assert_array_equal(mask.decode(), drawn[0] >= 0.5)


@needs_torchvision
def test_a_sweep_is_scored_by_one_of_its_detectors(bench: Bench, pictures: Pictures) -> None:
    pictures(2)
    task = f"torchvision:{SMALL}:coco-boxes={saved(made(SMALL, CAR))}"
    options = ["--data", "pictures", "--codec", "jpeg", "--points", "jpeg=5,50", "--task", task]
    result = bench("run", *options, "--metric", "psnr_rgb", "--truth", "pseudo")
    assert result.status == 0, result.err
    report = api.report()
    (scored,) = report.results.tasks
    assert scored.name.startswith(SMALL)
    assert report.means[f"map:{scored.name}"].notna().all()


@needs_torchvision
def test_numbers_that_coco_gives_to_no_class_are_left_out() -> None:
    found = open_task(f"torchvision:{SMALL}={saved(made(SMALL, UNUSED))}").predict(
        picture(1, 64, 64)
    )
    assert isinstance(found, Detections) and len(found) == 0


@needs_torchvision
def test_weights_of_another_network_are_refused() -> None:
    path = Path("other.pth")
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(BenchError, match="weights of another network"):
        open_task(f"torchvision:{SMALL}={path}").predict(picture(1, 64, 64))


def test_what_cannot_be_opened_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("weights.pth").write_bytes(b"anything")
    monkeypatch.setattr(
        torchvision_names, "version", partial(_raise, PackageNotFoundError("torchvision"))
    )
    for given, message in (
        (f"torchvision:{SMALL}=weights.pth", "pip install '.[torchvision]'"),
        ("torchvision:maskrcnn_resnet50=weights.pth", "maskrcnn_resnet50_fpn"),
        ("torchvision=weights.pth", "ssd300_vgg16"),
    ):
        with pytest.raises(BenchError) as raised:
            open_task(given)
        assert message in str(raised.value) and "\n" not in str(raised.value)


def test_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision_names, "version", lambda name: "0.28.0")
    with pytest.raises(BenchError, match=f"torchvision:{SMALL}=FILE"):
        open_task(f"torchvision:{SMALL}")
    with pytest.raises(BenchError, match=r"missing\.pth: no such file"):
        open_task(f"torchvision:{SMALL}=missing.pth")


def test_a_measure_follows_the_name() -> None:
    assert measure_in(f"torchvision:{SMALL}:coco-boxes=a:b.pth") == "coco-boxes"
    assert measure_in(f"torchvision:{SMALL}=a:b.pth") == ""


def _raise(error: Exception, *_: object) -> None:
    raise error
