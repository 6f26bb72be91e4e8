"""Arguments of commands that are called from Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar, overload

P = ParamSpec("P")
Q = TypeVar("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class AcceptsText(Protocol[P, R_co]):
    """Called as the signature shows, or with arguments that are converted."""

    @overload
    def __call__(self, *arguments: P.args, **options: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *arguments: Any, **options: Any) -> R_co: ...


def accepts_text(call: Callable[P, R]) -> AcceptsText[P, R]:
    """Accept text for a path, a path for text, and one of either for a sequence."""
    expected = {
        name: str(parameter.annotation) for name, parameter in signature(call).parameters.items()
    }

    @wraps(call)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        given = signature(call).bind(*arguments, **options)
        for name, value in given.arguments.items():
            if expected[name].startswith("Sequence") and isinstance(value, str | Path):
                value = [value]
            if expected[name].startswith("Sequence[Path]"):
                value = [Path(each) for each in value]
            elif expected[name].startswith("Path") and isinstance(value, str):
                value = Path(value)
            elif expected[name].startswith("str") and isinstance(value, Path):
                value = str(value)
            given.arguments[name] = value
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
        return called

    return decorate
