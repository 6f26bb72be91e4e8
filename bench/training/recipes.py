"""How each network that is shipped was made: one command makes it again."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from bench.errors import DataError
from bench.training.schedule import Schedule
from bench.vision.architecture import Architecture


@dataclass(frozen=True)
class Recipe:
    """A task network, the labelled data set that it learns from, and for how long."""

    architecture: Architecture
    data: str
    schedule: Schedule


# Half as large again as they are, Toyscapes' pictures show a person a dozen pixels high in three
# cells of p2 instead of two; twice as large would cost twice as much again.
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

RECIPES = {
    "mask-rcnn-toy": Recipe(_TOY, "toyscapes:train", Schedule(steps=4000, batch=4, rate=7e-4)),
    # Another backbone, too, so that it errs elsewhere.
    "faster-rcnn-toy": Recipe(
        replace(_TOY, masks=False, stem=16, res2=48, blocks=(2, 3, 4, 2)),
        "toyscapes:train",
        Schedule(steps=4000, batch=4, rate=7e-4, seed=1),
    ),
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; a name that nothing has is answered with the nearest."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(RECIPES)}"
    raise DataError(f"no training is called '{name}'; {hint}")
