"""Validation of a codec in training, on pictures that it is not trained on."""

from __future__ import annotations

import numpy as np
import torch

from bench.codecs.families.inference import to_pixels, to_tensor
from bench.datasets import Dataset
from bench.images.colour import Pixels
from bench.images.image import read_pixels
from bench.metrics.average_precision import average_precision
from bench.metrics.instance_matching import match
from bench.metrics.matches import Matches
from bench.metrics.psnr import psnr
from bench.training.coding import Coding
from bench.vision.rcnn import RCNN, detect


@torch.no_grad()
def validate(coding: Coding, network: RCNN | None, dataset: Dataset) -> dict[str, float]:
    """Mean rate by the model's estimate, mean PSNR and, with a network that finds masks, wAP."""
    finds_masks = network is not None and network.architecture.masks
    coding.eval()
    rates, qualities, matches = [], [], list[Matches]()
    for entry in dataset.entries:
        original = read_pixels(entry.path)
        decoded, rate = _code(coding, original)
        rates.append(rate)
        qualities.append(psnr(original, decoded))
        if network is not None and finds_masks and entry.instances is not None:
            found = detect(network.eval(), decoded, dataset.classes["instances"])
            network.train()
            matches.append(match(entry.instances.read(), found))
    coding.train()
    figures = {"bpp": float(np.mean(rates)), "psnr": float(np.mean(qualities))}
    return figures | ({"wap": average_precision(matches).wap} if matches else {})


def _code(coding: Coding, pixels: Pixels) -> tuple[Pixels, float]:
    """The decoded picture, and its bits per pixel."""
    height, width, _ = pixels.shape
    x = to_tensor(pixels, next(coding.parameters()).device)
    x_hat, rate = coding(x)
    padding = x[0, 0].numel() / (height * width)
    return to_pixels(x_hat, width, height), float(rate) * padding
