"""Validation of a codec in training, on pictures that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from bench.datasets import Dataset
from bench.images.colour import Pixels
from bench.images.image import read_pixels
from bench.metrics.average_precision import average_precision
from bench.metrics.instance_matching import match
from bench.metrics.matches import Matches
from bench.metrics.psnr import psnr
from bench.vision.detector import Detector, detect

VALIDATED = 20  # pictures
Code = Callable[[Pixels], tuple[Pixels, float]]
"""Codes a picture: what is decoded, and the bits per pixel."""


@torch.no_grad()
def validate(code: Code, network: Detector | None, dataset: Dataset) -> dict[str, float]:
    """Mean rate, mean PSNR and, with a network that finds masks, wAP."""
    finds_masks = network is not None and network.architecture.masks
    rates, qualities, matches = [], [], list[Matches]()
    for entry in dataset.entries:
        original = read_pixels(entry.path)
        decoded, rate = code(original)
        rates.append(rate)
        qualities.append(psnr(original, decoded))
        if network is not None and finds_masks and entry.instances is not None:
            trains = network.training
            found = detect(network.eval(), decoded, dataset.classes["instances"])
            network.train(trains)
            matches.append(match(entry.instances.read(), found))
    figures = {"bpp": float(np.mean(rates)), "psnr": float(np.mean(qualities))}
    return figures | ({"wap": average_precision(matches).wap} if matches else {})
