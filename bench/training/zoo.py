"""Everything shipped for a data set, in an order to train it, and the weights of a training."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from bench.codecs.catalog import card_paths, read_card
from bench.errors import CardError
from bench.training.codec_recipe import read_recipe
from bench.training.codecs import training_data
from bench.training.recipes import CLASSIFIERS, RECIPES
from bench.training.scalars import LOSSES


@dataclass(frozen=True)
class TrainedWeights:
    """One file of weights, with its steps, time and size."""

    weights: Path
    steps: int
    seconds: float
    size: int  # bytes


@dataclass(frozen=True)
class Trained:
    """The weights of a training so far, and whether it is finished."""

    name: str
    folder: Path
    files: tuple[TrainedWeights, ...]
    whole: bool


def zoo(its_set: str) -> list[str]:
    """The networks and codecs with a recipe for a set, each after what it starts from."""
    networks = [
        name
        for name, recipe in (RECIPES | CLASSIFIERS).items()
        if recipe.data.startswith(f"{its_set}:")
    ]
    cards = [card for card in map(read_card, card_paths()) if its_set in card.training]
    if not cards:
        raise CardError(f"--zoo {its_set}: no card has a recipe for it")
    before: dict[str, list[str]] = {}
    for card in cards:
        name = f"{card.name}:{its_set}"
        _, recipe = read_recipe(name)
        training_data(name, recipe)  # complain now, not hours later
        before[name] = [f"{recipe.starts_from}:{its_set}"] if recipe.starts_from else []
    return [*networks, *TopologicalSorter(before).static_order()]


def trained_weights(folder: Path) -> tuple[TrainedWeights, ...]:
    """The weights in a training's folder."""
    found = []
    for weights in sorted(folder.glob("*.safetensors")):
        of_point = weights.with_suffix("")
        losses = (of_point if of_point.is_dir() else folder) / LOSSES
        if not losses.is_file():  # from elsewhere
            continue
        with losses.open(newline="") as file:
            rows = list(csv.DictReader(file))
        if rows:
            last, size = rows[-1], weights.stat().st_size
            found.append(TrainedWeights(weights, int(last["step"]), float(last["seconds"]), size))
    return tuple(found)
