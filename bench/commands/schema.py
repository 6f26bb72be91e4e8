"""JSON schemas of the settings files, for editors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, create_model

from bench.codecs.card_file import CardFile
from bench.codecs.catalog import FAMILIES
from bench.gate.baseline import Baseline
from bench.report.paper.spec import Spec
from bench.runtime.file_model import json_schema
from bench.training.codec_recipe import AnyRecipe


def schema(kind: str) -> dict[str, Any]:
    """The schema of a ``card``, a ``report`` or a ``baseline``."""
    models: dict[str, type[BaseModel]] = {"card": _any_card(), "report": Spec, "baseline": Baseline}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **json_schema(models[kind])}


def _any_card() -> type[BaseModel]:
    """A card of any family, with the family's table."""
    tables: dict[str, Any] = {
        f"family_{place}": (FAMILIES[family].Options or dict[str, Any], Field(None, alias=family))
        for place, family in enumerate(FAMILIES)
    }
    family = (str, Field(description="its family", json_schema_extra={"enum": [*FAMILIES]}))
    recipes: Any = (dict[str, AnyRecipe], Field({}, description="recipes of the sets of weights"))
    return create_model("Card", __base__=CardFile, family=family, training=recipes, **tables)
