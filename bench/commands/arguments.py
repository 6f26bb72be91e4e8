"""Arguments of commands that are called from Python: converted where that is clear, or refused."""

from __future__ import annotations

import operator
import reprlib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, wraps
from inspect import signature
from pathlib import Path
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, Union, get_args, get_origin, overload
from typing import get_type_hints as type_hints

from bench.errors import BenchError
from bench.runtime.text import listed

P = ParamSpec("P")
Q = TypeVar("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
_NAMES = {
    bool: "True or False",
    bytes: "bytes",
    float: "a number",
    int: "a whole number",
    str: "a text",
    Path: "a path",
    types.NoneType: "None",
}


class AcceptsText(Protocol[P, R_co]):
    """Called as the signature shows, or with arguments that are converted."""

    @overload
    def __call__(self, *arguments: P.args, **options: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *arguments: Any, **options: Any) -> R_co: ...


def accepts_text(call: Callable[P, R]) -> AcceptsText[P, R]:
    """Accept text for a path, a path for text, and one of either for a sequence.

    An argument of a wrong type is an error of one line.
    """

    @wraps(call)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        given = signature(call).bind(*arguments, **options)
        expected = _hints(call)
        for name, value in given.arguments.items():
            try:
                given.arguments[name] = _converted(value, expected.get(name, Any))
            except _WrongTypeError as error:
                shown = f"{call.__name__}: {name}={reprlib.repr(value)}"
                raise BenchError(f"{shown}: expected {error}") from None
        return call(*given.args, **given.kwargs)

    return called


def takes(request: Callable[P, Q]) -> Callable[[Callable[[Q], R]], Callable[P, R]]:
    """Call a function of a request with the request's fields, shown in its signature."""

    def decorate(function: Callable[[Q], R]) -> Callable[P, R]:
        @wraps(function)
        def called(*arguments: P.args, **options: P.kwargs) -> R:
            return function(request(*arguments, **options))

        shown = signature(request).replace(return_annotation=signature(function).return_annotation)
        called.__signature__ = shown  # type: ignore[attr-defined]
        called.__request__ = request  # type: ignore[attr-defined]
        return called

    return decorate


@cache
def _hints(call: Any) -> Mapping[str, Any]:
    """The types of a call's parameters."""
    if request := getattr(call, "__request__", None):
        return type_hints(request)
    hints: dict[str, Any] = {}
    for name, each in call.__annotations__.items():
        parameter = type("Parameter", (), {"__annotations__": {name: each}})
        with suppress(NameError):  # of a type that is imported only for type checkers
            hints |= type_hints(parameter, globalns=call.__globals__)
    hints.pop("return", None)
    return hints


class _WrongTypeError(Exception):
    """Says what was expected."""


def _converted(value: Any, hint: Any) -> Any:
    """The value as the hint says; of a union, as the first of its types that fits."""
    if get_origin(hint) not in (Union, types.UnionType):
        return _of_type(value, hint)
    members = get_args(hint)
    plain = [each for each in members if isinstance(each, type) and not _is_protocol(each)]
    if isinstance(value, tuple(plain)) and not isinstance(value, bool):
        return value
    for member in members:
        with suppress(_WrongTypeError):
            return _of_type(value, member)
    raise _WrongTypeError(_expected(hint))


def _of_type(value: Any, hint: Any) -> Any:
    origin = get_origin(hint) or hint
    if origin is Literal:
        fits = value in get_args(hint)
    elif hint is Any or isinstance(hint, TypeVar) or _is_protocol(hint):
        return value
    elif origin is Sequence:
        return _sequence(value, *get_args(hint))
    elif origin is Mapping:
        fits = isinstance(value, Mapping)
        if fits:
            key, each = get_args(hint)
            return {_converted(k, key): _converted(v, each) for k, v in value.items()}
    elif origin in (str, Path) and isinstance(value, str | Path):
        return origin(value)
    elif origin is int:
        fits = hasattr(value, "__index__") and not isinstance(value, bool)
        value = operator.index(value) if fits else value
    elif origin is float:
        fits = hasattr(value, "__float__") and not isinstance(value, bool)
    elif origin is type:
        fits = isinstance(value, type)
    else:
        fits = isinstance(value, origin) if isinstance(origin, type) else callable(value)
    if not fits:
        raise _WrongTypeError(_expected(hint))
    return value


def _is_protocol(hint: Any) -> bool:
    """Whether it is checked where it is used."""
    return bool(getattr(hint, "_is_protocol", False))


def _sequence(value: Any, each: Any) -> list[Any]:
    """Of one thing, a list of it."""
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Path | Mapping)
    return [_converted(one, each) for one in (value if several else [value])]


def _expected(hint: Any) -> str:
    origin = get_origin(hint) or hint
    if origin in (Union, types.UnionType):
        members = [each for each in get_args(hint) if each is not types.NoneType]
        return listed([_expected(each) for each in members], "or")
    if origin is Literal:
        return listed([repr(each) for each in get_args(hint)], "or")
    if origin is Sequence:
        return f"a list of {_expected(get_args(hint)[0]).removeprefix('a ')}"
    if origin is Mapping:
        return "a dictionary"
    if origin in _NAMES:
        return _NAMES[origin]
    return f"a {origin.__name__}" if isinstance(origin, type) else "a function"
