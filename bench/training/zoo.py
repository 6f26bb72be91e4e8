"""Everything shipped for a data set, in an order to train it, and the weights of a training."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from bench.codecs.catalog import card_paths, read_card
from bench.errors import CardError
from bench.training.codec_recipe import JpdSeRecipe, read_recipe, training_data
from bench.training.recipes import CLASSIFIERS, RECIPES, SEGMENTERS
from bench.training.scalars import LOSSES, read_table

# Trained before all others, in this order: what a comparison of codecs for machines misses most.
_FIRST = ("mask-rcnn-toy", "ncn-hvs", "ncn-task", "ncn-lsm", "ncn-lsm-frozen", "ncn-f")


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


def zoo(weight_set: str) -> list[str]:
    """The networks and codecs with a recipe for a set, each after what it starts from.

    Those that are missed most come first.
    """
    networks = [
        name
        for name, recipe in (RECIPES | CLASSIFIERS | SEGMENTERS).items()
        if recipe.data.startswith(f"{weight_set}:")
    ]
    cards = [card for card in map(read_card, card_paths()) if weight_set in card.training]
    if not cards:
        raise CardError(f"--zoo {weight_set}: no card has a recipe for it")
    before: dict[str, list[str]] = {}
    for card in cards:
        name = f"{card.name}:{weight_set}"
        _, recipe = read_recipe(name)
        training_data(name, recipe)  # complain now, not hours later
        start = "" if isinstance(recipe, JpdSeRecipe) else recipe.starts_from
        before[name] = [f"{start}:{weight_set}"] if start else []
    names = [*networks, *TopologicalSorter(before).static_order()]
    return sorted(names, key=lambda name: _rank(name.partition(":")[0]))


def _rank(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def trained_weights(folder: Path) -> tuple[TrainedWeights, ...]:
    """The weights in a training's folder."""
    found = []
    for weights in sorted(folder.glob("*.safetensors")):
        of_point = weights.with_suffix("")
        rows = read_table((of_point if of_point.is_dir() else folder) / LOSSES)
        if rows:  # else they are from elsewhere
            last, size = rows[-1], weights.stat().st_size
            found.append(TrainedWeights(weights, int(last["step"]), last["seconds"], size))
    return tuple(found)
