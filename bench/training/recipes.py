"""The recipe of each shipped network; one command trains it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.codecs.catalog import card_paths
from bench.errors import DataError
from bench.runtime.text import did_you_mean
from bench.training.schedule import Schedule
from bench.vision.architecture import Architecture, SemanticArchitecture
from bench.vision.vgg import VGG_TOY


@dataclass(frozen=True)
class Recipe:
    """A task network, its labelled training data, and its schedule."""

    architecture: Architecture
    data: str
    schedule: Schedule
    starts_from: str | None = None  # a network of the same layers


# Enlarged by 1.5, Toyscapes' pictures show a person a dozen pixels high in three cells of p2
# instead of two; enlarging by 2 would cost about twice as much.
_TOY = Architecture(
    stem=24,
    res2=64,
    blocks=(2, 2, 3, 2),
    pyramid=48,
    box_hidden=256,
    mask_hidden=48,
    anchor_sizes=(16, 32, 64, 128, 256),
    canonical_side=112,
    proposals_before=(250, 200),
    proposals=200,
    region_samples=128,
    pixel_std=(58.0, 57.0, 57.0),
    shortest_side=384,
)


@dataclass(frozen=True)
class ClassifierRecipe:
    """A VGG, the labelled data set whose instances it classifies, and its schedule."""

    widths: Sequence[int | None]
    data: str
    validate: str
    schedule: Schedule


CLASSIFIERS = {
    "vgg-toy": ClassifierRecipe(
        VGG_TOY, "toyscapes:train", "toyscapes:dev", Schedule(steps=6000, batch=32, rate=5e-4)
    )
}


@dataclass(frozen=True)
class SegmenterRecipe:
    """A network of a value for each class and pixel, and the data set whose crops it learns."""

    architecture: SemanticArchitecture
    data: str
    crop: tuple[int, int]  # width and height
    schedule: Schedule
    starts_from: str | None = None  # a task network of the same backbone
    learns: Literal["semantic", "depth"] = "semantic"


SEGMENTERS = {
    "semantic-toy": SegmenterRecipe(
        SemanticArchitecture(),
        "toyscapes-2:train",
        (256, 256),
        Schedule(steps=1000, batch=8, rate=1e-3, warm_up=100, fall=0.5),
        starts_from="mask-rcnn-toy",
    ),
    # Crops are as high as the pictures: how low something stands in one says much of its distance.
    "depth-toy": SegmenterRecipe(
        SemanticArchitecture(classes=1, stem=16, res2=32, blocks=(1, 2, 2, 1), pyramid=32, head=32),
        "toyscapes-2:train",
        (256, 256),
        Schedule(steps=500, batch=8, rate=2e-3, warm_up=100, fall=0.5),
        learns="depth",
    ),
}

# Objects are large enough there without enlarging pictures.
_TOY_2 = replace(_TOY, shortest_side=256)
RECIPES = {
    "mask-rcnn-toy": Recipe(_TOY, "toyscapes:train", Schedule(steps=4000, batch=4, rate=7e-4)),
    # Another backbone, so that it makes other errors.
    "faster-rcnn-toy": Recipe(
        replace(_TOY, masks=False, stem=16, res2=48, blocks=(2, 3, 4, 2)),
        "toyscapes:train",
        Schedule(steps=4000, batch=4, rate=7e-4, seed=1),
    ),
    "mask-rcnn-toy-2": Recipe(
        _TOY_2,
        "toyscapes-2:train",
        Schedule(steps=6000, batch=4, rate=7e-4),
        starts_from="mask-rcnn-toy",
    ),
    "faster-rcnn-toy-2": Recipe(
        replace(_TOY_2, masks=False, stem=16, res2=48, blocks=(2, 3, 4, 2)),
        "toyscapes-2:train",
        Schedule(steps=6000, batch=4, rate=7e-4, seed=1),
        starts_from="faster-rcnn-toy",
    ),
}


def not_through_a_task(name: str, task: str) -> DataError:
    """The error if a task network is named for what is trained without one."""
    return DataError(f"--task {task}: {name} is not trained through a task network")


def check_name(name: str) -> None:
    """Refuse a name that is neither a network nor a codec, with the nearest one."""
    known = [*RECIPES, *CLASSIFIERS, *SEGMENTERS, *card_paths()]
    card = name.partition(":")[0]
    if card in known or ".toml" in name:
        return
    there = f"there are {', '.join([*RECIPES, *CLASSIFIERS, *SEGMENTERS])} and the codecs"
    raise DataError(f"unknown training '{name}'; {did_you_mean(card, known, there)}")
