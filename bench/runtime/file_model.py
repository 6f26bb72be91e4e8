"""Settings files as typed models: the content is declared, and all faults are reported."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Strict, ValidationError, WithJsonSchema, WrapValidator
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from bench.errors import BenchError
from bench.runtime.text import counted, did_you_mean

_MAX_FAULTS = 20  # reported of one file
_MAX_LENGTH = 500  # characters of one
_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a table",
    "string": "a text",
}
_EXPECTED = {
    "bool_type": _KINDS["boolean"],
    "dataclass_type": _KINDS["object"],
    "dict_type": _KINDS["object"],
    "finite_number": "a finite number",
    "float_type": _KINDS["number"],
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "int_type": _KINDS["integer"],
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "model_type": _KINDS["object"],
    "string_type": _KINDS["string"],
    "tuple_type": _KINDS["array"],
}
_SHOULD = "Input should be "  # as pydantic begins
_QUOTE = reprlib.Repr()
_QUOTE.maxstring = _QUOTE.maxother = 80

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


class FileModel(BaseModel):
    """A table of a file: only the declared keys, each value of the declared type.

    A field's description says what is expected, for errors and for editors.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True
    )


Listed = Annotated[tuple[T, ...], Strict(False)]  # any array, whose values stay strict


def one_of_types(expected: str) -> WrapValidator:
    """Report one fault of a union instead of one for each of its types."""

    def check(value: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(value)
        except ValidationError:
            of = {"expected": expected}
            raise PydanticCustomError("union", "Input should be {expected}", of) from None

    return WrapValidator(check)


# 1 stays a whole number
Number = Annotated[int | float, one_of_types("a finite number"), WithJsonSchema({"type": "number"})]


class _TomlSchema(GenerateJsonSchema):
    """Without titles that repeat the keys, and without null, which TOML does not have."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> dict[str, Any]:
        node = super().default_schema(schema)
        return {key: each for key, each in node.items() if (key, each) != ("default", None)}


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a file, for errors and for editors."""
    return model.model_json_schema(schema_generator=_TomlSchema)


def missing() -> PydanticCustomError:
    """An error to raise for a key that another key requires."""
    return PydanticCustomError("missing", "Field required")


def as_text(value: Any) -> str:
    """A value that is parsed from a string."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return value


def check_model(
    model: type[Model],
    content: Mapping[str, Any],
    path: Path | str,
    error: type[BenchError],
    at: tuple[str, ...] = (),
    **context: Any,
) -> Model:
    """A table of a file as a model.

    ``at`` is where in the file it stands; validators know the ``context``, and the path.
    """
    with reporting_faults(path, error, partial(json_schema, model), at):
        return model.model_validate(content, context={"path": path, **context})


@contextmanager
def reporting_faults(
    path: Path | str,
    error: type[BenchError],
    schema: Callable[[], dict[str, Any]],
    at: tuple[str, ...] = (),
) -> Iterator[None]:
    """Turn a failed validation into an error with a line for each fault."""
    try:
        yield
    except ValidationError as invalid:
        found = [each for each in invalid.errors(include_url=False) if not _follows(each)]
        shown, known = found[:_MAX_FAULTS], schema()
        faults = {each["loc"]: _fault(each, known, at) for each in shown}
        for each in shown:  # a misspelt key is not also a missing one
            meant = each["type"] == "missing" and f"did you mean '{each['loc'][-1]}'?"
            if meant and any(meant in fault for fault in faults.values()):
                del faults[each["loc"]]
        more = len(found) - len(shown)
        lines = [*faults.values(), *([f"and {more} more"] if more else [])]
        if len(lines) > 1:
            lines = [f"{len(faults) + more} faults", *lines]
        raise error(f"{path}: " + "\n  ".join(lines)) from None


def _follows(error: ErrorDetails) -> bool:
    """Whether a list is too short only because its invalid values do not count."""
    return error["type"] == "too_short" and error["ctx"]["actual_length"] < len(error["input"])


def _fault(error: ErrorDetails, schema: dict[str, Any], at: tuple[str, ...]) -> str:
    kind, where, value = error["type"], error["loc"], error["input"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _node(schema, where[:-1]).get("properties", {})
        hint = did_you_mean(str(where[-1]), known)
        return f"unknown key {quoted(_key(at + where))}; {hint}"
    node = _node(schema, where)
    if kind == "missing":
        return f"{quoted(_key(at + where))} is missing; expected {_expected(node)}"
    while where and isinstance(where[-1], int):  # the value shows which
        where = where[:-1]
    key = quoted(_key(at + where)) if at + where else "it"
    if kind == "value_error":
        reason = str(error["ctx"]["error"])
        reason = reason if len(reason) <= _MAX_LENGTH else f"{reason[:_MAX_LENGTH]}…"
        return f"{key}: {reason}" if where else reason
    if kind in ("too_short", "too_long"):
        of = error["ctx"]
        bound, length = ("least", "min_length") if "min_length" in of else ("most", "max_length")
        return f"{key} must have at {bound} {counted(of[length], 'value')}, not {len(value)}"
    message, expected = error["msg"], _EXPECTED.get(kind, "").format(**error.get("ctx", {}))
    if not expected and not message.startswith(_SHOULD):  # in no model of bench
        return f"{key}: {message}, not {quoted(value)}"
    return f"{key} must be {expected or message.removeprefix(_SHOULD)}, not {quoted(value)}"


def _key(where: tuple[int | str, ...]) -> str:
    """A place as a reader would find it: ``part 2.columns 1.metric``."""
    parts = (f" {part + 1}" if isinstance(part, int) else f".{part}" for part in where)
    return "".join(parts).removeprefix(".")


def _node(schema: dict[str, Any], where: tuple[int | str, ...]) -> dict[str, Any]:
    """The schema of a place in the file."""
    node = schema
    for part in (None, *where):
        if part is not None:
            there = node.get("items", {}) if isinstance(part, int) else node.get("properties", {})
            inner = there if isinstance(part, int) else there.get(part)
            node = inner or node.get("additionalProperties") or {}
        if "$ref" in node:
            node = {**schema["$defs"][node["$ref"].rpartition("/")[2]], **node}
    return node


def _expected(node: dict[str, Any]) -> str:
    if choices := node.get("enum"):
        return f"one of {', '.join(map(repr, choices))}"
    if keys := node.get("properties"):
        return f"a table of {', '.join(keys)}"
    return str(node.get("description") or _KINDS.get(node.get("type", ""), "a value"))


def quoted(value: Any) -> str:
    """A value as Python writes it, shortened if it is long."""
    return _QUOTE.repr(value)
