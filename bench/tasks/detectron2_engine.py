"""The same networks run by Detectron2 itself, if it is installed, to check ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.errors import UnavailableError
from bench.images.colour import Pixels
from bench.instances.detections import Detections
from bench.instances.run_lengths import encode
from bench.runtime.checkpoint import read_checkpoint
from bench.vision.checkpoint import load_weights

_CONFIGURATION = "model_zoo/configs/Cityscapes/mask_rcnn_R_50_FPN.yaml"
_TO_INSTALL = (
    "install it with pip install --no-build-isolation "
    "git+https://github.com/facebookresearch/detectron2"
)


def detectron2_finder(
    weights: Path,
    device: torch.device,
    names: tuple[str, ...],
    digest: str | None = None,
    *,
    masks: bool = True,
) -> Callable[[Pixels], Detections]:
    """A detector for RGB pictures: its R50-FPN for Cityscapes with these weights,
    which must have the digest if one is given.

    Its own predictor is not used: it would unpickle weights, and so execute code in them.
    """
    config, build_model, resizing = _import(masks)
    config.MODEL.DEVICE = str(device)
    model = build_model(config).eval()
    load_weights(model, read_checkpoint(weights, digest), weights)
    side = config.INPUT.MIN_SIZE_TEST
    resize = resizing([side, side], config.INPUT.MAX_SIZE_TEST)

    @torch.no_grad()
    def find(pixels: Pixels) -> Detections:
        height, width = pixels.shape[:2]
        bgr = np.ascontiguousarray(pixels[:, :, ::-1])
        resized = resize.get_transform(bgr).apply_image(bgr)
        planes = torch.from_numpy(resized.astype(np.float32).transpose(2, 0, 1))
        (answer,) = model([{"image": planes, "height": height, "width": width}])
        found = answer["instances"].to("cpu")
        return Detections(
            (height, width),
            found.pred_classes.numpy(),
            found.scores.double().numpy(),
            found.pred_boxes.tensor.double().numpy(),
            tuple(encode(mask) for mask in found.pred_masks.numpy()) if masks else None,
            names=names,
        )

    return find


def _import(masks: bool) -> tuple[Any, Callable[[Any], Any], Callable[..., Any]]:
    """Its configuration of the network, and its functions to build it and to resize pictures."""
    try:
        import detectron2
        from detectron2.config import get_cfg
        from detectron2.data.transforms import ResizeShortestEdge
        from detectron2.modeling import build_model
    except ImportError as error:
        raise UnavailableError(f"Detectron2 cannot be used ({error}); {_TO_INSTALL}") from error
    # Searched beside its code: its own look-up needs an old setuptools.
    path = Path(detectron2.__file__).parent / _CONFIGURATION
    if not path.is_file():
        raise UnavailableError(f"Detectron2 is installed without its {path}; {_TO_INSTALL}")
    config = get_cfg()
    config.merge_from_file(str(path))
    config.MODEL.WEIGHTS = ""
    config.MODEL.MASK_ON = masks
    return config, build_model, ResizeShortestEdge
