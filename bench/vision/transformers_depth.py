"""Depth by a model of ``transformers``, from the folder in which ``save_pretrained`` left it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray

from bench.errors import DataError, UnavailableError
from bench.images.colour import Pixels

# Whether a kind of model gives distances; the others give the inverse of a distance.
_DISTANCES = {"glpn": True, "zoedepth": True, "depth_pro": True, "dpt": False}
_SAYS_ITSELF = ("depth_anything", "prompt_depth_anything")


def load_transformers_depth(folder: Path) -> Callable[[Pixels], NDArray[np.float32]]:
    """The model in a folder as a function of a picture; nothing is downloaded."""
    try:
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation
        from transformers.utils import logging
    except ImportError as error:
        raise UnavailableError(
            f"{folder}: transformers is not installed; pip install '.[depth]'"
        ) from error
    logging.disable_progress_bar()
    try:
        prepare = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        model = AutoModelForDepthEstimation.from_pretrained(folder, local_files_only=True).eval()
    except Exception as error:  # of many kinds
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"{folder}: not a depth model of transformers: {reason}") from error
    return partial(_nearness, prepare, model, _gives_distances(folder, model.config))


def _gives_distances(folder: Path, config: Any) -> bool:
    if config.model_type in _SAYS_ITSELF:
        return bool(config.depth_estimation_type == "metric")
    if config.model_type not in _DISTANCES:
        known = ", ".join(sorted([*_DISTANCES, *_SAYS_ITSELF]))
        raise DataError(
            f"{folder}: a model of type '{config.model_type}', of which it is unknown whether "
            f"high values are near; known: {known}"
        )
    return _DISTANCES[config.model_type]


@torch.no_grad()
def _nearness(prepare: Any, model: Any, distances: bool, pixels: Pixels) -> NDArray[np.float32]:
    """How near each pixel of an RGB picture is; only the order of the values has a meaning."""
    depth = model(**prepare(images=pixels, return_tensors="pt")).predicted_depth
    depth = depth.reshape(1, 1, *depth.shape[-2:])
    whole = functional.interpolate(depth, pixels.shape[:2], mode="bilinear", align_corners=False)
    found: NDArray[np.float32] = whole[0, 0].float().numpy()
    return -found if distances else found
