"""Training a task network on varied pictures of a labelled data set."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from bench.datasets import Dataset, Entry
from bench.images.image import read_pixels
from bench.tasks.task import task_network
from bench.training.labels import LabelledBatch, read_instances, truth_of
from bench.training.loop import Training
from bench.training.processes import Processes, processes
from bench.training.recipes import RECIPES
from bench.training.schedule import Schedule
from bench.training.session import TrainingSession
from bench.vision.architecture import Architecture
from bench.vision.backbone import Norm
from bench.vision.checkpoint import new_detector, save_weights
from bench.vision.detector import Detector, TrainingTargets, to_network


def train_detector(name: str, session: TrainingSession) -> bool:
    """Train a shipped task network again; False if the time ran out."""
    recipe = RECIPES[name]
    schedule = session.schedule(recipe.schedule)
    with processes() as ours:
        with ours.in_turn():
            dataset = session.dataset(session.data or recipe.data)
        torch.manual_seed(schedule.seed)
        network = new_detector(recipe.architecture)
        resume_key = f"{recipe.architecture.to_json()} {dataset.digest}"
        if recipe.starts_from is not None:
            network.load_state_dict(task_network(recipe.starts_from).state_dict())
            resume_key += f" from {recipe.starts_from}"
        network = network.to(ours.device).train()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
        for module in network.modules():
            if isinstance(module, Norm):
                module.learning = True
        training = Training(
            network,
            schedule,
            partial(labelled_batch, dataset, recipe.architecture, schedule, ours),
            partial(_losses, network, ours.device),
            session.folder,
            ours,
            resume_key,
        )
        finished = session.run(training)
        if finished and ours.first:
            save_weights(network, session.folder / f"{name}.safetensors")
    return finished


def _losses(
    network: Detector, device: torch.device, batch: LabelledBatch
) -> dict[str, torch.Tensor]:
    there = batch.to(device)
    pictures = there.pictures.contiguous(memory_format=torch.channels_last)
    found: dict[str, torch.Tensor] = network.losses(pictures, there.truth)
    return found


def labelled_batch(
    dataset: Dataset, architecture: Architecture, schedule: Schedule, ours: Processes, step: int
) -> LabelledBatch:
    """This process's share of a step; each epoch has its own order, half of it is mirrored."""
    pictures, truth, seed = [], [], schedule.seed
    for place in (step * schedule.batch + at for at in ours.share(schedule.batch)):
        epoch, index = divmod(place, len(dataset.entries))
        order = np.random.default_rng((seed, epoch)).permutation(len(dataset.entries))
        entry = dataset.entries[order[index]]
        mirrored = bool(np.random.default_rng((seed, epoch, index, 1)).integers(2))
        picture, targets = _labelled(entry, architecture, mirrored)
        pictures.append(picture)
        truth.append(targets)
    return LabelledBatch(torch.cat(pictures), tuple(truth))


def _labelled(
    entry: Entry, architecture: Architecture, mirrored: bool
) -> tuple[torch.Tensor, TrainingTargets]:
    pixels, ids = read_pixels(entry.path), read_instances(entry)
    if mirrored:
        pixels, ids = np.ascontiguousarray(pixels[:, ::-1]), np.ascontiguousarray(ids[:, ::-1])
    picture = to_network(pixels, architecture)
    scale = (picture.shape[3] / pixels.shape[1], picture.shape[2] / pixels.shape[0])
    return picture, truth_of(ids, scale)
