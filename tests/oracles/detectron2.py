"""What Detectron2 computes, recorded, and the weights, pictures and instances it was given.

The inputs come from ``np.random.RandomState``, whose streams numpy has frozen, so a reference needs
no 176 MB of weights and no photograph; pictures and instances are made of whole numbers only and
are the same, bit for bit, on every machine. The records are of Detectron2's commit 02b5c4e2 and its
Mask and Faster R-CNN R50-FPN for Cityscapes, on a CPU with one thread.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from support.paths import RECORDED

from bench.vision.architecture import Architecture
from bench.vision.rcnn import RCNN

FOLDER = RECORDED / "vision"
SMALL = Architecture(
    stem=16,
    res2=64,
    pyramid=64,
    box_hidden=256,
    mask_hidden=64,
    anchor_sizes=(8, 16, 32, 64, 128),
    shortest_side=160,
)
_PIXEL_SPREAD = 50.0


def recorded(name: str) -> dict[str, NDArray[Any]]:
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return dict(arrays)


def network(architecture: Architecture) -> RCNN:
    """The network with the weights of the records."""
    made = RCNN(architecture).eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in made.state_dict().items()}
    calibration = json.loads((FOLDER / "calibration.json").read_text())
    weights = random_weights(shapes, calibration["full" if architecture.stem == 64 else "small"])
    made.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return made


def random_weights(
    shapes: Mapping[str, tuple[int, ...]], calibration: Mapping[str, Any]
) -> dict[str, NDArray[np.float32]]:
    """For each name a tensor from a stream that its name alone seeds.

    The calibration is a factor and an offset for each channel of an output layer: without it a
    random network finds either nothing or everything.
    """
    weights = {name: _random_tensor(name, shape) for name, shape in shapes.items()}
    for layer, channels in calibration.items():
        if f"{layer}.weight" not in weights:
            continue
        scale = np.array(channels["scale"])
        weight, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        weights[f"{layer}.weight"] = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
        weights[f"{layer}.bias"] = bias * scale + np.array(channels["shift"])
    return {name: values.astype(np.float32) for name, values in weights.items()}


def _random_tensor(name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    stream = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith(".norm.weight"):
        low, high = 0.5, 1.5
        if ".conv3." in name:
            low, high = 0.2, 0.5  # keeps 16 residual sums from growing
        elif ".shortcut." in name:
            low, high = 0.5, 1.0
        return stream.uniform(low, high, shape)
    if name.endswith(".norm.running_var"):
        return stream.uniform(0.5, 1.5, shape)
    if ".norm." in name:
        return 0.1 * stream.standard_normal(shape)
    if name.endswith(".bias"):
        return 0.05 * stream.standard_normal(shape)
    inputs = shape[0] if ".deconv." in name else int(np.prod(shape[1:]))
    gain = 1.0 if "fpn_" in name else 2.0
    weight: NDArray[np.float64] = np.sqrt(gain / inputs) * stream.standard_normal(shape)
    # The network sees pixels minus their mean, undivided: only the stem has to bring them to 1.
    return weight / _PIXEL_SPREAD if ".stem." in name else weight


def synthetic_image(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """An RGB picture: a gradient, 24 shapes of random colour, mild noise."""
    stream = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width]
    corners = stream.randint(0, 256, (2, 2, 3))
    top = corners[0, 0] * (width - x)[..., None] + corners[0, 1] * x[..., None]
    bottom = corners[1, 0] * (width - x)[..., None] + corners[1, 1] * x[..., None]
    image = (top * (height - y)[..., None] + bottom * y[..., None]) // (width * height)
    for index in range(24):
        half_height = stream.randint(3, height // 3)
        half_width = stream.randint(3, width // 3)
        dy, dx = y - stream.randint(0, height), x - stream.randint(0, width)
        colour = stream.randint(0, 256, 3)
        if index % 2:
            inside = (abs(dy) <= half_height) & (abs(dx) <= half_width)
        else:
            inside = (dy * half_width) ** 2 + (dx * half_height) ** 2 <= (
                half_height * half_width
            ) ** 2
        # Shading keeps the inside of a shape from being a constant.
        image[inside] = (colour + (dx + dy)[inside][:, None] // 4).clip(0, 255)
    noise = stream.randint(-8, 9, image.shape)
    picture: NDArray[np.uint8] = (image + noise).clip(0, 255).astype(np.uint8)
    return picture


class Instances(NamedTuple):
    """What is in a picture; a mask is the ellipse that fills its box."""

    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    masks: NDArray[np.bool_]


def synthetic_instances(seed: int, height: int, width: int, count: int) -> Instances:
    stream = np.random.RandomState(seed)
    boxes, masks = [], []
    labels = stream.randint(0, 8, count).astype(np.int64)
    # Pixel centres in units of half a pixel, and box corners in whole pixels: integers throughout.
    y, x = 2 * np.mgrid[:height, :width] + 1
    for _ in range(count):
        box_width = stream.randint(width // 12, width // 2)
        box_height = stream.randint(height // 10, 3 * height // 4)
        x0 = stream.randint(0, width - box_width)
        y0 = stream.randint(0, height - box_height)
        x1, y1 = x0 + box_width, y0 + box_height
        boxes.append((x0, y0, x1, y1))
        across, down = (x - x0 - x1) * box_height, (y - y0 - y1) * box_width
        masks.append(across**2 + down**2 <= (box_width * box_height) ** 2)
    return Instances(np.array(boxes, np.float32), labels, np.stack(masks))
