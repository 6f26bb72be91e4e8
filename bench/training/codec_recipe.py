"""A card's recipe: how its weights are trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bench.codecs.catalog import read_card
from bench.codecs.codec import Card
from bench.errors import CardError, DataError
from bench.runtime.file_model import FileModel, Listed, Number, check_model, missing
from bench.runtime.settings import user_path
from bench.training.recurrent_recipe import RecurrentRecipe

_MS_SSIM_NEEDS = 192  # pixels: its window of 11 at a sixteenth, in steps of 64
_Count = Annotated[int, Field(gt=0)]
_Steps = Annotated[int, Field(ge=0)]
_Positive = Annotated[Number, Field(gt=0)]
_Side = Annotated[int, Field(gt=0, multiple_of=64)]


class CodecRecipe(FileModel):
    """A ``[training.SET]`` of a card of the family ``ncn``.

    The first λ is trained in full; each other one starts from its weights.
    """

    data: str = Field(
        description="a data set, a folder of images or, after a $, the variable that names one"
    )
    loss: Literal["hvs", "feature", "task"] = Field(description="what is minimised")
    lambdas: Annotated[Listed[_Positive], Field(min_length=1)] = Field(
        description="numbers, the one to begin with first"
    )
    channels: _Count = Field(description="a number of channels")
    widths: Listed[_Count] = Field(
        (), description="three numbers of channels, from the picture to the latent's"
    )
    hyper: _Count | None = Field(None, description="a number of channels of the entropy model")
    linear: bool = Field(False, description="whether a linear transform, begun as KLT, is added")
    crop: Annotated[Listed[_Side], Field(min_length=2, max_length=2)] = Field(
        description="width and height, multiples of 64"
    )
    batch: _Count = Field(description="a number of crops")
    rate: _Positive = Field(description="a learning rate")
    steps: _Count = Field(description="a number of steps")
    tune_steps: _Steps = Field(
        0, description="a number of steps, for all λ but the first; not with gains"
    )
    validated: str = Field("", alias="validate", description="a data set")
    starts_from: str = Field("", description="the card whose weights to start from")
    network: str = Field("", validate_default=True, description="a task network, which judges")
    enlarge: _Positive = Field(1.0, description="how much larger the network sees pictures")
    features: str = Field("", description="what an LSMnet sees: a task network's ResNet, or a VGG")
    warm_mask: bool = Field(
        False, description="whether α begins as a prediction of where there is no object"
    )
    rounds: bool = Field(
        False, description="whether decoders in training see rounded latents instead of noisy ones"
    )
    gains: bool = Field(False, description="whether one network, with gains, serves all λ")
    mask_only: bool = Field(False, description="whether the NCN stays as it is")

    @field_validator("crop")
    @classmethod
    def _large_enough(cls, crop: tuple[int, int], info: ValidationInfo) -> tuple[int, int]:
        if info.data.get("loss") == "hvs" and min(crop) < _MS_SSIM_NEEDS:
            raise ValueError(f"MS-SSIM needs {_MS_SSIM_NEEDS} or more, not {min(crop)}")
        return crop

    @field_validator("widths")
    @classmethod
    def _three(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if len(widths) not in (0, 3):
            raise ValueError(f"expected 3 numbers, not {len(widths)}")
        return widths

    @field_validator("network")
    @classmethod
    def _judges(cls, network: str, info: ValidationInfo) -> str:
        if not network and info.data.get("loss") in ("feature", "task"):
            raise missing()
        return network

    @field_validator("mask_only")
    @classmethod
    def _keeps(cls, mask_only: bool, info: ValidationInfo) -> bool:
        if mask_only and not info.data.get("starts_from"):
            raise ValueError("'starts_from' is missing, the card whose NCN to keep")
        return mask_only

    @model_validator(mode="after")
    def _tunes(self) -> Self:
        if len(self.lambdas) > 1 and bool(self.tune_steps) == self.gains:
            raise ValueError("expected either 'tune_steps' or 'gains'")
        return self

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.gains and self.batch % len(self.lambdas):
            raise ValueError("with gains, 'batch' must be a multiple of the number of lambdas")
        return self

    def resume_key(self) -> str:
        """What of it may not change between two sessions, in the words of bench 0.1."""
        later = "widths", "hyper", "linear", "gains", "warm_mask", "rounds"  # than bench 0.1
        free = {"lambdas": (), "steps": 0, "tune_steps": 0, "validate": ""}
        kept = self.model_dump(by_alias=True) | free
        kept = {key: value for key, value in kept.items() if key not in later or value}
        return f"CodecRecipe({', '.join(f'{key}={value!r}' for key, value in kept.items())})"


class JpdSeRecipe(FileModel):
    """A ``[training.SET]`` of a card of JPD-SE: one generator for all points, in three phases."""

    data: str = Field(description="a data set with instance labels, or a folder of images")
    pictures: _Count = Field(description="how many of them are coded, each at one of the points")
    crop: Annotated[Listed[_Count], Field(min_length=2, max_length=2)] = Field(
        description="width and height"
    )
    batch: _Count = Field(description="a number of crops")
    rate: _Positive = Field(description="a learning rate")
    width: _Count = Field(description="a number of channels, of the generator's first layer")
    halvings: _Count = Field(description="how often the generator halves the picture")
    blocks: _Count = Field(description="a number of residual blocks")
    adds: bool = Field(False, description="whether the generator adds to the decoded picture")
    judges: _Count = Field(description="a number of channels, of the discriminators' first layer")
    network: str = Field(description="a task network, whose features are compared")
    steps: Annotated[Listed[_Steps], Field(min_length=3, max_length=3)] = Field(
        description="three numbers of steps: from the map alone, by all losses, by distance alone"
    )


AnyRecipe = CodecRecipe | JpdSeRecipe | RecurrentRecipe
# What a recipe of each family holds.
CODEC_RECIPES: dict[str, type[AnyRecipe]] = {
    "jpd-se": JpdSeRecipe,
    "ncn": CodecRecipe,
    "rnn": RecurrentRecipe,
}


def read_recipe(name: str) -> tuple[Card, AnyRecipe]:
    """The card of a name such as ``ncn-hvs:toyscapes``, and the recipe of that weight set."""
    card = read_card(name)
    return card, recipe_of(card)


def recipe_of(card: Card) -> AnyRecipe:
    """The recipe of a card's weight set."""
    weight_set = card.weights.name if card.weights else ""
    table = card.training.get(weight_set)
    if table is None:
        there = ", ".join(f"{card.name.partition(':')[0]}:{known}" for known in card.training)
        if weight_set or not there:
            raise CardError(f"{card.name}: no recipe to train it by; there is {there or 'none'}")
        raise CardError(f"{card.name}: which weights? there are recipes for {there}")
    model = CODEC_RECIPES.get(card.family)
    if model is None:
        raise CardError(f"{card.path}: codecs of the family '{card.family}' cannot be trained")
    return check_model(model, table, card.path, CardError, ("training", weight_set))


def training_data(name: str, recipe: AnyRecipe) -> str:
    """The training data, which a variable may name."""
    if not recipe.data.startswith("$"):
        return recipe.data
    named = user_path(recipe.data[1:])
    if named is None:
        raise DataError(
            f"{name} is trained on photographs; name their folder with --data, or in "
            f"{recipe.data[1:]}"
        )
    return str(named)
