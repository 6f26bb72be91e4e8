"""The hyperparameters of networks, and their record in weights files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from pydantic import Field, TypeAdapter

from bench.errors import DataError
from bench.runtime.file_model import reporting_faults

# The published VoVNet-39: the widths within and behind its stages' blocks, and how many there are.
V39 = (128, 256), (160, 512), (192, 768), (224, 1024)
V39_BLOCKS = 1, 1, 2, 2
METADATA = "architecture"  # its key in a weights file
_Width = Annotated[int, Field(gt=0, le=2**20)]
_Stage = tuple[_Width, _Width]
# What determines a network's time and memory.
_Blocks = Annotated[int, Field(gt=0, le=2**6)]
_Proposals = Annotated[int, Field(gt=0, le=2**14)]
_Side = Annotated[int, Field(gt=0, le=2**12)]
_Mean = Annotated[float, Field(ge=0, le=2**20)]
_Deviation = Annotated[float, Field(gt=0, le=2**20)]


@dataclass(frozen=True)
class Recorded:
    """Hyperparameters that are recorded in a file of weights.

    Those named in ``later`` came after the first files: they are recorded where they are set.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
    later: ClassVar[tuple[str, ...]] = ()

    def to_json(self) -> str:
        values = asdict(self)
        return json.dumps({k: each for k, each in values.items() if each or k not in self.later})


@dataclass(frozen=True)
class Architecture(Recorded):
    """What a checkpoint does not record about its network; defaults: R50-FPN on Cityscapes.

    The backbone is a ResNet or, where ``vovnet`` has the widths of its stages, a VoVNet. Pixels are
    B, G, R from 0 to 255.
    """

    later = ("vovnet", "one_stage")

    masks: bool = True
    classes: _Width = 8
    stem: _Width = 64
    res2: _Width = 256
    blocks: tuple[_Blocks, _Blocks, _Blocks, _Blocks] = (3, 4, 6, 3)
    pyramid: _Width = 256
    box_hidden: _Width = 1024
    mask_hidden: _Width = 256
    anchor_sizes: tuple[_Width, _Width, _Width, _Width, _Width] = (32, 64, 128, 256, 512)
    canonical_side: _Width = 224
    proposals_before: tuple[_Proposals, _Proposals] = (2000, 1000)
    proposals: _Proposals = 1000
    region_samples: _Width = 512
    pixel_mean: tuple[_Mean, _Mean, _Mean] = (103.530, 116.280, 123.675)
    pixel_std: tuple[_Deviation, _Deviation, _Deviation] = (1.0, 1.0, 1.0)
    shortest_side: _Side = 1024
    longest_side: _Side = 2048
    one_stage: bool = False  # CenterMask instead of Mask R-CNN
    # Channels within the blocks of each stage, and those that come out of it.
    vovnet: tuple[()] | tuple[_Stage, _Stage, _Stage, _Stage] = ()


@dataclass(frozen=True)
class SemanticArchitecture(Recorded):
    """What determines a semantic network; pixels are B, G, R from 0 to 255."""

    classes: Annotated[int, Field(gt=0, lt=255)] = 19
    stem: _Width = 24
    res2: _Width = 64
    blocks: tuple[_Blocks, _Blocks, _Blocks, _Blocks] = (2, 2, 3, 2)
    pyramid: _Width = 48
    head: _Width = 48
    pixel_mean: tuple[_Mean, _Mean, _Mean] = (103.530, 116.280, 123.675)
    pixel_std: tuple[_Deviation, _Deviation, _Deviation] = (58.0, 57.0, 57.0)


_KINDS: tuple[type[Recorded], ...] = (Architecture, SemanticArchitecture)
Kind = TypeVar("Kind", bound=Recorded)


def read_architecture(path: Path, metadata: Mapping[str, str], kind: type[Kind]) -> Kind | None:
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
    if any(_keys(values) == _first_names(other) for other in _KINDS if other is not kind):
        raise DataError(f"{path}: weights of a network of another kind")
    model = TypeAdapter(kind)
    with reporting_faults(wrong, DataError, model.json_schema):
        architecture = model.validate_json(text)
    if missing := [name for name in _first_names(kind) if name not in values]:
        raise DataError(f"{wrong}: '{missing[0]}' is missing")
    return architecture


def _first_names(kind: type[Recorded]) -> list[str]:
    return [field.name for field in fields(kind) if field.name not in kind.later]


def _keys(values: object) -> list[str]:
    return list(values) if isinstance(values, dict) else []
