"""Networks that tell from one picture what is near: bench's own, DenseDepth, transformers'."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.images.colour import Pixels
from bench.runtime.cache import file_digest, file_digests
from bench.vision import SHIPPED_WEIGHTS

OWN = "depth-toy"
NearnessOf = Callable[[Pixels], NDArray[np.float32]]
"""How near each pixel of an RGB picture is; only the order of the values has a meaning."""


def depth_weights(name: str, beside: Path) -> Path:
    """The file or folder of weights that a card names; its own folder is ``beside`` it."""
    return SHIPPED_WEIGHTS / f"{OWN}.safetensors" if name == OWN else beside / name


def weights_digest(path: Path) -> str:
    """A digest of a file, or of all files in a folder."""
    if not path.is_dir():
        return file_digest(path)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    digests = file_digests(files)
    lines = [f"{digests[file]} {file.relative_to(path)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_depth_network(path: Path) -> NearnessOf:
    """The network in a file or folder, on the CPU."""
    if path.is_dir():
        from bench.vision.transformers_depth import load_transformers_depth

        return load_transformers_depth(path)
    if path.suffix == ".h5":
        from bench.vision.densedepth import load_densedepth, nearness

        return partial(nearness, load_densedepth(path))
    if path.suffix == ".safetensors":
        import torch

        from bench.vision.semantic_fpn import load_segmenter, one_plane

        return partial(one_plane, load_segmenter(path, 1, torch.device("cpu")))
    raise DataError(
        f"{path}: not a depth network; expected an .h5 file of DenseDepth, a folder of "
        "transformers or .safetensors of 'bench train depth-toy'"
    )
