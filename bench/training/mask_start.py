"""Begins an LSMnet's α as a prediction of where there is nothing to find.

A logistic regression predicts from features of labelled pictures which latents are neither on an
object nor next to one. Training then has to decide how much of that background may go, and does not
have to discover it from the small part of the loss that is the rate.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from bench.codecs.families.inference import to_tensor
from bench.codecs.families.ncn.masking import LSMnet
from bench.codecs.families.ncn.network import Y_STEP
from bench.datasets import Dataset
from bench.datasets.cityscapes_truth import from_instance_ids
from bench.images.image import read_pixels
from bench.training.labels import Ids, read_instances

_PICTURES, _LATENTS = 100, 512  # latents of each picture
_SHRINKAGE = 1e-4  # of the squared weights, in the loss
_ROUNDS = 100


def begin_mask(lsm: LSMnet, dataset: Dataset) -> None:
    """Set the convolution's first weights, alike for all channels."""
    features, background = _samples(lsm, dataset)
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    weights, bias = _regression((features - mean) / deviation, background)
    weights = weights / deviation
    with torch.no_grad():
        assert lsm.to_alpha.bias is not None
        lsm.to_alpha.weight.copy_(weights[:, None, None].expand_as(lsm.to_alpha.weight))
        lsm.to_alpha.bias.fill_(float(bias - weights @ mean))


def near_objects(ids: Ids, reach: int = 1) -> Tensor:
    """Whether each latent is on an instance or a group of them, or at most so many away."""
    truth = from_instance_ids(ids)
    on = torch.from_numpy(np.isin(ids, truth.ids[truth.classes >= 0])).float()[None]
    latents = functional.max_pool2d(on, Y_STEP, ceil_mode=True)
    return functional.max_pool2d(latents, 2 * reach + 1, stride=1, padding=reach)[0] > 0


@torch.no_grad()
def _samples(lsm: LSMnet, dataset: Dataset) -> tuple[Tensor, Tensor]:
    """Features of some latents, and whether each is background."""
    random = np.random.default_rng(0)
    features, background = list[Tensor](), list[Tensor]()
    for entry in dataset.entries[:: max(1, len(dataset.entries) // _PICTURES)]:
        near = near_objects(read_instances(entry))
        found = lsm.seen(to_tensor(read_pixels(entry.path), torch.device("cpu")))[0]
        found = found[:, : near.shape[0], : near.shape[1]].flatten(1).T  # without padding
        chosen = random.permutation(len(found))[:_LATENTS]
        features.append(found[chosen])
        background.append(~near.flatten()[chosen])
    return torch.cat(features), torch.cat(background).float()


def _regression(features: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The weights and the bias whose sigmoid predicts what is wanted."""
    weights = torch.zeros(features.shape[1], requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        wrong = functional.binary_cross_entropy_with_logits(features @ weights + bias, wanted)
        total = wrong + _SHRINKAGE * weights.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach(), bias.detach()
