"""Validation of a codec in training, on pictures that it is not trained on."""

from __future__ import annotations

import numpy as np
import torch

from bench.codecs.families.neural_stream import MULTIPLE
from bench.datasets import Dataset
from bench.images.colour import Pixels
from bench.images.image import pad, read_pixels
from bench.instances.ground_truth import read_ground_truth
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
            found = detect(network.eval(), decoded)
            network.train()
            matches.append(match(read_ground_truth(entry.instances), found))
    coding.train()
    figures = {"bpp": float(np.mean(rates)), "psnr": float(np.mean(qualities))}
    return figures | ({"wap": average_precision(matches).wap} if matches else {})


def _code(coding: Coding, pixels: Pixels) -> tuple[Pixels, float]:
    """The decoded picture, and its bits per pixel."""
    height, width, _ = pixels.shape
    x = torch.tensor(pad(pixels, MULTIPLE)).permute(2, 0, 1)[None]
    x = x.to(next(coding.parameters()).device).float() / 255
    x_hat, rate = coding(x)
    samples = torch.round(x_hat[0, :, :height, :width].clamp(0, 1) * 255).to(torch.uint8)
    padding = x[0, 0].numel() / (height * width)
    return samples.permute(1, 2, 0).cpu().numpy(), float(rate) * padding
