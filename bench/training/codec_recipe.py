"""A card's recipe: how its weights were, or are to be, trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.codecs.catalog import check_keys, read_card
from bench.codecs.codec import Card
from bench.errors import CardError

LOSSES = ("hvs", "feature", "task")
_MS_SSIM_NEEDS = 192  # pixels: its window of 11 at a sixteenth, in steps of 64


@dataclass(frozen=True)
class CodecRecipe:
    """A ``[training.SET]`` of a card.

    The first λ is trained in full; each other one starts from what came of it.
    """

    data: str
    loss: str
    lambdas: tuple[float, ...]
    channels: int
    crop: tuple[int, int]  # width and height
    batch: int
    rate: float
    steps: int
    tune_steps: int  # of all λ but the first
    validate: str = ""
    starts_from: str = ""
    network: str = ""  # that judges
    enlarge: float = 1.0  # how much larger than a codec it sees pictures
    features: str = ""  # what an LSMnet sees: a task network's ResNet, or a VGG
    mask_only: bool = False  # the NCN stays as it is

    def resume_key(self) -> str:
        """What of it may not change between two sittings."""
        return str(replace(self, lambdas=(), steps=0, tune_steps=0, validate=""))


_KEYS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "data": (str, "a data set, a folder of images or, behind a $, the variable that names one"),
    "loss": (str, f"one of {', '.join(LOSSES)}"),
    "lambdas": (list, "numbers, the one to begin with first"),
    "channels": (int, "a number of channels"),
    "crop": (list, "width and height"),
    "batch": (int, "a number of crops"),
    "rate": ((int, float), "a learning rate"),
    "steps": (int, "a number of steps"),
    "tune_steps": (int, "a number of steps"),
    "validate": (str, "a data set"),
    "starts_from": (str, "the card whose weights to start from"),
    "network": (str, "a task network"),
    "enlarge": ((int, float), "a factor"),
    "features": (str, "a task network or a VGG"),
    "mask_only": (bool, "true or false"),
}
_NEEDED = tuple(_KEYS)[:9]


def read_recipe(name: str) -> tuple[Card, CodecRecipe]:
    """A card of a name such as ``ncn-hvs:toyscapes``, and how that weight set is trained."""
    card = read_card(name)
    its_set = card.weights.name if card.weights else ""
    table = card.training.get(its_set)
    if table is None:
        there = ", ".join(f"{card.name.partition(':')[0]}:{known}" for known in card.training)
        if its_set or not there:
            raise CardError(f"{card.name}: no recipe to train it by; there is {there or 'none'}")
        raise CardError(f"{card.name}: which weights? there are recipes for {there}")
    where = f"training.{its_set}"
    if not isinstance(table, dict):
        raise CardError(f"{card.path}: '{where}' must be a table")
    check_keys(card.path, table, _KEYS, required=_NEEDED, prefix=f"{where}.")
    for key in ("channels", "batch", "rate", "steps", "tune_steps", "enlarge"):
        if not _positive(table.get(key, 1)):
            raise CardError(f"{card.path}: '{where}.{key}' must be {_KEYS[key][1]}, above 0")
    if table["loss"] not in LOSSES:
        raise CardError(f"{card.path}: '{where}.loss' must be {_KEYS['loss'][1]}")
    if not table["lambdas"] or not all(_positive(value) for value in table["lambdas"]):
        raise CardError(f"{card.path}: '{where}.lambdas' must be {_KEYS['lambdas'][1]}")
    if table["loss"] != "hvs" and not table.get("network"):
        raise CardError(f"{card.path}: '{where}.network' is missing, which L_F and L_TASK need")
    crop = table["crop"]
    if len(crop) != 2 or not all(
        type(side) is int and side > 0 and side % 64 == 0 for side in crop
    ):
        raise CardError(f"{card.path}: '{where}.crop' must be width and height, multiples of 64")
    if table["loss"] == "hvs" and min(crop) < _MS_SSIM_NEEDS:
        raise CardError(f"{card.path}: '{where}.crop' must be {_MS_SSIM_NEEDS} or more for MS-SSIM")
    if table.get("mask_only") and not table.get("starts_from"):
        raise CardError(f"{card.path}: '{where}.starts_from' is missing, which has the NCN to keep")
    lambdas, (width, height) = tuple(table["lambdas"]), crop
    return card, CodecRecipe(**{**table, "lambdas": lambdas, "crop": (width, height)})


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
