"""A training of a detector on one picture of one bright object, of class 1."""

from __future__ import annotations

import torch

from bench.vision.detector import Detector, TrainingTargets

LEFT, TOP, RIGHT, BOTTOM = 24, 16, 64, 48
ONE_OBJECT = torch.full((1, 3, 64, 96), 25.0)
ONE_OBJECT[..., TOP:BOTTOM, LEFT:RIGHT] = 250


def losses_of_a_short_training(network: Detector, steps: int) -> list[dict[str, float]]:
    """The losses of each step."""
    mask = torch.zeros(1, 64, 96, dtype=torch.bool)
    mask[0, TOP:BOTTOM, LEFT:RIGHT] = True
    box = torch.tensor([[float(LEFT), TOP, RIGHT, BOTTOM]])
    truth = [TrainingTargets(box, torch.tensor([1]), mask)]
    optimiser = torch.optim.Adam(network.train().parameters(), 2e-3)
    every = []
    for _ in range(steps):
        losses = network.losses(ONE_OBJECT, truth)
        optimiser.zero_grad()
        torch.stack([*losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        every.append({name: float(loss.detach()) for name, loss in losses.items()})
    return every
