"""The hyperparameters of a network, and their record in a weights file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bench.errors import DataError

METADATA = "architecture"  # its key in a weights file
_LARGEST = 2**20  # of an architecture's numbers, except those that determine time and memory
_LARGEST_OF = {
    "blocks": 2**8,
    "proposals_before": 2**14,
    "proposals": 2**14,
    "shortest_side": 2**12,
    "longest_side": 2**12,
}


@dataclass(frozen=True)
class Architecture:
    """What a checkpoint does not record about its network; defaults: R50-FPN on Cityscapes.

    Pixels are B, G, R from 0 to 255.
    """

    masks: bool = True
    classes: int = 8
    stem: int = 64
    res2: int = 256
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    pyramid: int = 256
    box_hidden: int = 1024
    mask_hidden: int = 256
    anchor_sizes: tuple[int, ...] = (32, 64, 128, 256, 512)
    canonical_side: int = 224
    proposals_before: tuple[int, int] = (2000, 1000)
    proposals: int = 1000
    region_samples: int = 512
    pixel_mean: tuple[float, float, float] = (103.530, 116.280, 123.675)
    pixel_std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shortest_side: int = 1024
    longest_side: int = 2048

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def read_architecture(path: Path, metadata: Mapping[str, str]) -> Architecture | None:
    """The architecture recorded in a file of weights; None if there is none.

    Only safetensors files can say it.
    """
    if METADATA not in metadata:
        return None
    try:
        return _from_json(metadata[METADATA])
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: its architecture cannot be used: {error}") from error


def _from_json(text: Any) -> Architecture:
    values = json.loads(text) if isinstance(text, str) else None
    if not isinstance(values, dict):
        raise ValueError("expected a JSON object")
    known = [field.name for field in fields(Architecture)]
    if wrong := sorted(values.keys() ^ known):
        raise ValueError(f"{wrong[0]} is {'missing' if wrong[0] in known else 'unknown'}")
    default = Architecture()
    return Architecture(
        **{name: _like(getattr(default, name), values[name], name) for name in known}
    )


def _like(default: Any, value: Any, name: str) -> Any:
    """The value, if it has the default's type and, for a list, its length."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or len(value) != len(default):
            raise ValueError(f"{name}: expected a list of {len(default)} numbers, not {value!r}")
        return tuple(_like(inner, each, name) for inner, each in zip(default, value, strict=True))
    if isinstance(default, bool):
        right, kind = isinstance(value, bool), "true or false"
    else:
        whole = isinstance(default, int)
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        largest = _LARGEST_OF.get(name, _LARGEST)
        right = right and (0 < value <= largest or (value == 0 and name == "pixel_mean"))
        kind = f"a {'whole ' if whole else ''}number above 0 and at most {largest}"
    if not right:
        raise ValueError(f"{name} is {value!r}, not {kind}")
    return type(default)(value)
