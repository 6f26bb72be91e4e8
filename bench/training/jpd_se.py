"""Training a generator of JPD-SE in three phases, one generator for all points of its base codec.

In the first it draws pictures from the map alone; in the second it sees decoded pictures, too, and
all losses count; in the third only the distance does. The decoded pictures are made once and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bench.codecs.catalog import load_codec
from bench.codecs.families.jpd_se.codec import JpdSeCodec
from bench.codecs.families.jpd_se.generator import Generator, map_planes, save_generator
from bench.codecs.families.jpd_se.maps import Ids
from bench.datasets import Dataset, Entry
from bench.errors import CardError, UnavailableError
from bench.images.colour import Pixels
from bench.runtime.cache import file_digest, remembered_bytes
from bench.runtime.checkpoint import check_tensors, read_checkpoint, save_tensors
from bench.tasks.task import open_task, task_network
from bench.training.adversary import MAP_PLANES, Adversaries, distance
from bench.training.codec_recipe import JpdSeRecipe
from bench.training.crops import ReadCache, pixel_cache, random_cut
from bench.training.loop import Training, check_finished
from bench.training.processes import Processes, processes
from bench.training.schedule import Schedule
from bench.training.session import TrainingSession
from bench.vision.detector import Detector

_SEED = 0
_WARM_UP = 50  # steps
_Batch = tuple[Tensor, Tensor]  # the generator's inputs, and the pictures that it should make


class _Phase(NamedTuple):
    """A part of the training: the name of its weights, and what counts in it."""

    name: str
    sees_picture: bool
    judged: bool
    distance: bool


_PHASES = (
    _Phase("map", sees_picture=False, judged=True, distance=False),
    _Phase("all", sees_picture=True, judged=True, distance=True),
    _Phase("generator", sees_picture=True, judged=False, distance=True),
)


def train_jpd_se(name: str, recipe: JpdSeRecipe, data: str, session: TrainingSession) -> bool:
    """Train a card's generator; False if the time ran out."""
    codec = _codec(name)
    with processes() as ours:
        with ours.in_turn():
            dataset = session.dataset(data, limit=recipe.pictures)
        network = task_network(recipe.network).to(ours.device)
        networks = _networks(recipe).to(ours.device)
        batch = partial(_crops, Coded(dataset, codec), recipe.crop, ours.share(recipe.batch))
        settings = recipe.model_dump(exclude={"data", "steps"})
        inputs = {**codec.depends_on(), "weights": open_task(recipe.network).fingerprint}
        before = f"{settings} {codec.card.options} {inputs} {dataset.digest}"
        for phase, usual in zip(_PHASES, recipe.steps, strict=True):
            steps = usual if session.steps is None or not usual else session.steps
            if not steps:
                continue
            weights = session.folder / f"{phase.name}.safetensors"
            if ours.agreed(weights.is_file()):
                check_finished(weights.with_suffix(""), before)
            else:
                training = Training(
                    networks if phase.judged else networks.generator,
                    Schedule(steps, recipe.batch, recipe.rate, warm_up=_WARM_UP, decay=0.0),
                    batch,
                    partial(_losses, networks, network, phase, ours.device),
                    weights.with_suffix(""),
                    ours,
                    before,
                )
                if not session.run(training):
                    return False
                _save(networks, phase, weights, ours)
            _load(networks, phase, weights)
            before = file_digest(weights)
    return True


def _codec(name: str) -> JpdSeCodec:
    """The codec to train, whose base must run here."""
    codec = load_codec(name)
    assert isinstance(codec, JpdSeCodec)
    if missing := codec.base.missing():
        raise UnavailableError(f"{codec.base.name}: {missing}")
    if not codec.points:
        raise CardError(f"{name}: one generator is trained for all points; 'points' is missing")
    return codec


def _networks(recipe: JpdSeRecipe) -> Adversaries:
    torch.manual_seed(0)
    generator = Generator(recipe.width, recipe.halvings, recipe.blocks, adds=recipe.adds)
    networks = Adversaries(generator, recipe.judges)
    networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
    return networks


def _losses(
    networks: Adversaries, network: Detector, phase: _Phase, device: torch.device, batch: _Batch
) -> dict[str, Tensor]:
    planes, wanted = (part.to(device) for part in batch)
    if not phase.sees_picture:
        planes = torch.cat([planes[:, :MAP_PLANES], torch.zeros_like(wanted)], dim=1)
    made = networks.generator(planes)
    losses = networks.losses(planes, made, wanted, network) if phase.judged else {}
    return losses | ({"distance": distance(made, wanted)} if phase.distance else {})


def _save(networks: Adversaries, phase: _Phase, path: Path, ours: Processes) -> None:
    if ours.first and phase.judged:
        save_tensors(networks.state_dict(), path, {})
    elif ours.first:
        save_generator(networks.generator, path)
    ours.wait()


def _load(networks: Adversaries, phase: _Phase, path: Path) -> None:
    """Go on with what a phase has written, in half precision."""
    into: nn.Module = networks if phase.judged else networks.generator
    found = read_checkpoint(path).tensors
    check_tensors(path, into.state_dict(), found)
    into.load_state_dict(found)


class Coded:
    """A data set's pictures, each decoded at one of the points, and what maps there are of them."""

    def __init__(self, dataset: Dataset, codec: JpdSeCodec) -> None:
        self.entries = dataset.entries
        self._digests, self._codec = dataset.digests, codec
        pairs = zip(self.entries, cycle(codec.points), strict=False)
        self._points = {entry.path: point for entry, point in pairs}
        self.originals, self.decoded = pixel_cache(), ReadCache(self._decoded)
        self.maps = ReadCache(self._map) if codec.shows_map else None

    def _decoded(self, entry: Entry) -> Pixels:
        base, point = self._codec.base, self._points[entry.path]
        key = f"coded {base.fingerprint} {self._digests[entry.name]} {point}"
        stream = remembered_bytes(key, lambda: base.encode(entry.load(), point))
        return base.decode(stream)

    def _map(self, entry: Entry) -> Ids:
        ids = self._codec.map_of(entry.load(), self.decoded(entry))
        assert ids is not None
        return ids


def _crops(source: Coded, size: Sequence[int], places: range, step: int) -> _Batch:
    """Some of a step's crops: random crops of random pictures, half of them mirrored."""
    made = [_crop(source, size, np.random.default_rng((_SEED, step, at))) for at in places]
    planes = torch.stack([planes for planes, _ in made])
    wanted = torch.stack([wanted for _, wanted in made])
    return planes.contiguous(memory_format=torch.channels_last), wanted


def _crop(source: Coded, size: Sequence[int], random: np.random.Generator) -> tuple[Tensor, Tensor]:
    entry = source.entries[random.integers(len(source.entries))]
    original = source.originals(entry)
    cut = random_cut(entry, original.shape, (size[0], size[1]), random)
    decoded = _to_tensor(cut(source.decoded(entry)))
    ids = None if source.maps is None else np.ascontiguousarray(cut(source.maps(entry)))
    planes = torch.cat([map_planes(ids, *decoded.shape[1:]), decoded - 0.5])
    return planes, _to_tensor(cut(original))


def _to_tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))).float() / 255
