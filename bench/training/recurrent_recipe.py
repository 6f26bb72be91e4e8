"""The recipe of a recurrent codec's weights."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bench.codecs.families.neural_stream import MAX_PARTS
from bench.runtime.file_model import FileModel, Listed, Number

_Count = Annotated[int, Field(gt=0)]
_Positive = Annotated[Number, Field(gt=0)]
_Side = Annotated[int, Field(gt=0, multiple_of=16)]


class RecurrentRecipe(FileModel):
    """A ``[training.SET]`` of a card of the family ``rnn``."""

    data: str = Field(
        description="a data set, a folder of images or, after a $, the variable that names one"
    )
    pictures: _Count | None = Field(
        None, description="a number of pictures, the first of the data set"
    )
    width: Annotated[int, Field(gt=0, multiple_of=16)] = Field(
        description="a number of channels, a multiple of 16"
    )
    bits: _Count = Field(description="a number of bits for 16x16 pixels and iteration")
    iterations: Annotated[int, Field(gt=0, le=MAX_PARTS)] = Field(
        description="a number of iterations"
    )
    crop: Annotated[Listed[_Side], Field(min_length=2, max_length=2)] = Field(
        description="width and height, multiples of 16"
    )
    batch: _Count = Field(description="a number of crops")
    rate: _Positive = Field(description="a learning rate")
    steps: _Count = Field(description="a number of steps")
    validated: str = Field("", alias="validate", description="a data set")
    starts_from: str = Field("", description="the card whose weights to start from")
    network: str = Field("", description="a task network, through which the codec is trained")
    enlarge: _Positive = Field(1.0, description="how much larger the network sees pictures")
    distortion: Annotated[Number, Field(ge=0)] = Field(
        1.0, description="what L1 counts beside the network's losses"
    )

    def resume_key(self) -> str:
        """What of it may not change between two sessions."""
        kept = self.model_dump(by_alias=True, exclude={"steps", "validated"})
        return f"RecurrentRecipe({', '.join(f'{key}={value!r}' for key, value in kept.items())})"
