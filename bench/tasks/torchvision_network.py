"""Torchvision's own detectors, trained on COCO, with weights from a file; nothing is downloaded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.errors import UnavailableError
from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.instances.run_lengths import encode
from bench.runtime.checkpoint import check_tensors, read_checkpoint
from bench.vision.coco_classes import COCO, COCO_NUMBERS

_CLASSES = 91  # COCO's numbers up to 90, and the background
_COUNTER = "num_batches_tracked"  # of a training; files of frozen layers are without
# With COCO_V1, the file that it publishes, torchvision adds nothing to these networks' variances.
_WITHOUT_EPSILON = ("fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "retinanet_resnet50_fpn")


def load_detector(
    name: str, weights: Path, device: torch.device, digest: str
) -> Callable[[Pixels], Detections]:
    """The detector as a function of an RGB picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warnings are about torch
            from torchvision.models import get_model, get_model_weights
    except (ImportError, RuntimeError) as error:
        raise UnavailableError(
            f"torchvision cannot be imported ({str(error).splitlines()[0]}); torch and torchvision "
            "must be of one build, both for the CPU or both for CUDA"
        ) from error
    network = get_model(name, weights=None, weights_backbone=None, num_classes=_CLASSES)
    tensors = _without_counters(read_checkpoint(weights, digest).tensors)
    check_tensors(weights, _without_counters(network.state_dict()), tensors)
    network.load_state_dict(tensors, strict=False)
    published = [each.url for each in get_model_weights(name)]
    if name in _WITHOUT_EPSILON and any(url.endswith(f"-{digest[:8]}.pth") for url in published):
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 0
    network.to(device).eval().requires_grad_(False)
    return partial(_detect, network, device)


def _without_counters(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(_COUNTER)}


@torch.inference_mode()
def _detect(network: Any, device: torch.device, pixels: Pixels) -> Detections:
    picture = torch.tensor(pixels, device=device).permute(2, 0, 1).float() / 255
    (found,) = network([picture])
    found = {name: values.cpu().numpy() for name, values in found.items()}
    known = np.isin(found["labels"], COCO_NUMBERS)
    masks = None
    if "masks" in found:
        masks = tuple(encode(mask[0] >= 0.5) for mask in found["masks"][known])
    return Detections(
        pixels.shape[:2],
        np.searchsorted(COCO_NUMBERS, found["labels"][known]),
        found["scores"][known].astype(np.float64),
        found["boxes"][known].astype(np.float64),
        masks,
        names=COCO,
    )
