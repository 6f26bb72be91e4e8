"""The hyperparameters of a network, and their record in a weights file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, TypeAdapter

from bench.errors import DataError
from bench.runtime.file_model import reporting_faults

METADATA = "architecture"  # its key in a weights file
_Number = Annotated[int, Field(gt=0, le=2**20)]
# What determines a network's time and memory.
_Blocks = Annotated[int, Field(gt=0, le=2**6)]
_Proposals = Annotated[int, Field(gt=0, le=2**14)]
_Side = Annotated[int, Field(gt=0, le=2**12)]
_Mean = Annotated[float, Field(ge=0, le=2**20)]
_Deviation = Annotated[float, Field(gt=0, le=2**20)]


@dataclass(frozen=True)
class Architecture:
    """What a checkpoint does not record about its network; defaults: R50-FPN on Cityscapes.

    Pixels are B, G, R from 0 to 255.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True, "allow_inf_nan": False}

    masks: bool = True
    classes: _Number = 8
    stem: _Number = 64
    res2: _Number = 256
    blocks: tuple[_Blocks, _Blocks, _Blocks, _Blocks] = (3, 4, 6, 3)
    pyramid: _Number = 256
    box_hidden: _Number = 1024
    mask_hidden: _Number = 256
    anchor_sizes: tuple[_Number, _Number, _Number, _Number, _Number] = (32, 64, 128, 256, 512)
    canonical_side: _Number = 224
    proposals_before: tuple[_Proposals, _Proposals] = (2000, 1000)
    proposals: _Proposals = 1000
    region_samples: _Number = 512
    pixel_mean: tuple[_Mean, _Mean, _Mean] = (103.530, 116.280, 123.675)
    pixel_std: tuple[_Deviation, _Deviation, _Deviation] = (1.0, 1.0, 1.0)
    shortest_side: _Side = 1024
    longest_side: _Side = 2048

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def read_architecture(path: Path, metadata: Mapping[str, str]) -> Architecture | None:
    """The architecture recorded in a file of weights; None if there is none.

    Only safetensors files can say it.
    """
    if METADATA not in metadata:
        return None
    wrong, text = f"{path}: its architecture cannot be used", metadata[METADATA]
    try:
        values = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{wrong}: {error}") from error
    model = TypeAdapter(Architecture)
    with reporting_faults(wrong, DataError, model.json_schema):
        architecture = model.validate_json(text)
    if missing := [field.name for field in fields(Architecture) if field.name not in values]:
        raise DataError(f"{wrong}: '{missing[0]}' is missing")
    return architecture
