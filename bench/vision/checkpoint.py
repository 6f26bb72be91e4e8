"""Detection networks from files of weights, and back."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.random import fork_rng

from bench.errors import DataError
from bench.runtime.checkpoint import (
    Checkpoint,
    check_tensors,
    outline,
    read_checkpoint,
    save_tensors,
)
from bench.vision.architecture import METADATA, Architecture, read_architecture
from bench.vision.centermask import CenterMask
from bench.vision.detector import Detector
from bench.vision.rcnn import RCNN

# Computed from the configuration, or counted by norms in training: not weights.
_NO_WEIGHTS = re.compile(
    r"pixel_(mean|std)|proposal_generator\.anchor_generator\.cell_anchors\..*"
    r"|.*\.num_batches_tracked"
)


def new_detector(architecture: Architecture) -> Detector:
    """A detector with weights to begin a training with."""
    return CenterMask(architecture) if architecture.one_stage else RCNN(architecture)


@fork_rng([])  # layers that are made draw their first weights
def load_network(
    path: Path, usual: Architecture, device: torch.device, digest: str | None = None
) -> Detector:
    """The network that a file describes, or else the ``usual`` one; ready to detect.

    If a digest is given, the file must have it.
    """
    found = read_checkpoint(path, digest)
    architecture = read_architecture(path, found.metadata, Architecture) or usual
    if architecture.one_stage != usual.one_stage:
        of, wanted = ("CenterMask", "an R-CNN")[:: 1 if architecture.one_stage else -1]
        raise DataError(f"{path}: weights of {of}, expected those of {wanted}")
    if architecture.masks != usual.masks:
        finds, wanted = ("masks", "boxes") if architecture.masks else ("boxes", "masks")
        raise DataError(f"{path}: weights of a network for {finds}, expected one for {wanted}")
    if architecture is not usual:  # the file's own claim is checked before it costs memory
        _checked(outline(path, partial(new_detector, architecture)), found, path)
    network = new_detector(architecture)
    load_weights(network, found, path)
    network.to(device).eval().requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
    return network


def load_weights(network: nn.Module, found: Checkpoint, path: Path) -> None:
    """Fill the network with a file's weights, which must be those of exactly such a network."""
    network.load_state_dict(_checked(network, found, path))


def _checked(network: nn.Module, found: Checkpoint, path: Path) -> dict[str, Tensor]:
    tensors = {n: tensor for n, tensor in found.tensors.items() if not _NO_WEIGHTS.fullmatch(n)}
    check_tensors(path, network.state_dict(), tensors)
    return tensors


def save_weights(network: Detector, path: Path) -> None:
    """Write the weights in half precision, with the network's architecture."""
    save_tensors(network.state_dict(), path, {METADATA: network.architecture.to_json()})
