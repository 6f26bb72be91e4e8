"""A task network of untrained weights, so small that it costs nothing; it finds things all over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from bench.vision.architecture import Architecture
from bench.vision.checkpoint import save_weights
from bench.vision.rcnn import RCNN

TINY = Architecture(
    stem=8,
    res2=16,
    blocks=(1, 1, 1, 1),
    pyramid=16,
    box_hidden=16,
    mask_hidden=8,
    anchor_sizes=(8, 16, 32, 64, 128),
    canonical_side=32,
    proposals_before=(40, 40),
    proposals=20,
    region_samples=16,
    shortest_side=64,
    longest_side=128,
)


def write_network(
    path: Path,
    masks: bool = True,
    classes: int = 8,
    seed: int = 0,
    architecture: Architecture = TINY,
) -> Path:
    """Its weights as a file."""
    torch.manual_seed(seed)
    network = RCNN(replace(architecture, masks=masks, classes=classes))
    heads = network.roi_heads
    with torch.no_grad():
        heads.box_predictor.cls_score.weight *= 20  # so that it is sure of something
        if heads.mask_head is not None:
            heads.mask_head.get_submodule("predictor").get_parameter("weight").mul_(100)
    save_weights(network, path)
    return path
