"""JSON schemas of the settings files: they know the keys, the values and what is needed."""

from __future__ import annotations

import json
from typing import Any

from support.command import Bench

from bench.codecs.catalog import FAMILIES, card_paths
from bench.errors import CardError
from bench.runtime.files import read_toml


def schema(bench: Bench, kind: str) -> dict[str, Any]:
    result = bench("schema", kind)
    assert result.status == 0, result.err
    return json.loads(result.out)  # type: ignore[no-any-return]


def test_a_card_s_schema_knows_every_family(bench: Bench) -> None:
    card = schema(bench, "card")
    assert set(card["properties"]["family"]["enum"]) == set(FAMILIES)
    assert card["additionalProperties"] is False
    external = card["$defs"]["ExternalOptions"]
    assert external["properties"]["multiple"]["maximum"] == 8
    assert set(external["properties"]["input"]["enum"]) == {"yuv420p", "png"}
    assert "encode" in external["required"]
    assert external["properties"]["encode"]["type"] == "string"
    recipe = card["$defs"]["CodecRecipe"]["properties"]
    assert "validate" in recipe
    assert all(each["description"] for each in recipe.values())


def test_every_key_of_a_shipped_card_is_in_the_schema(bench: Bench) -> None:
    card = schema(bench, "card")
    for path in card_paths().values():
        _check(read_toml(path, "card", CardError), card, card["$defs"])


def _check(content: Any, node: dict[str, Any], known: dict[str, Any]) -> None:
    if "$ref" in node:
        node = known[node["$ref"].rpartition("/")[2]]
    if isinstance(content, dict) and (keys := node.get("properties", {})):
        assert set(node.get("required", ())) <= set(content)
        for key, value in content.items():
            _check(value, keys.get(key) or node["additionalProperties"], known)


def test_a_baseline_s_schema_knows_its_choices(bench: Bench) -> None:
    keys = schema(bench, "baseline")["properties"]
    assert keys["truth"]["enum"] == ["labels", "pseudo"]
    assert keys["limit"] == {**keys["limit"], "type": "integer", "minimum": 1}
