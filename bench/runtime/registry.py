"""A registry of named objects, bench's own and those of other packages, imported on use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from bench.errors import BenchError, DataError, UnavailableError
from bench.runtime.text import did_you_mean, listed

T = TypeVar("T")


class Registry(Generic[T]):
    """The objects of one kind, by name.

    ``own`` holds bench's objects, or their import paths, ``"module:object"``. Other packages
    register theirs by entry points of the group; ``keeps`` checks, by name and object, that these
    fulfil the ``contract``, a description for errors.
    """

    def __init__(
        self,
        kind: str,
        own: Mapping[str, T | str],
        group: str | None = None,
        contract: str = "",
        keeps: Callable[[str, object], bool] = lambda name, found: True,
    ) -> None:
        self.kind, self._group, self._contract, self._keeps = kind, group, contract, keeps
        self.own: dict[str, T | str] = dict(own)

    def __iter__(self) -> Iterator[str]:
        """The names, without importing anything."""
        return iter(dict.fromkeys([*self.own, *sorted(self._brought())]))

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self._brought()

    def __getitem__(self, name: str) -> T:
        """The object of that name, imported and checked."""
        self.check(name)
        if name in self.own:
            own = self.own[name]
            return cast(T, EntryPoint(name, own, "").load()) if isinstance(own, str) else own
        with self.called(name):
            found = self._brought()[name][0].load()
        if not self._keeps(name, found):
            must = f"{self.package(name)} must bring {self._contract}, not {found!r}"
            raise UnavailableError(f"{self.kind} '{name}': {must}")
        return cast(T, found)

    def check(self, name: str) -> None:
        """Raise an error of one line if the name is unknown, or registered by two packages."""
        brought = [*["bench"] * (name in self.own), *map(_package, self._brought().get(name, ()))]
        if not brought:
            raise DataError(self.unknown(name))
        if len(brought) > 1:
            both = listed(brought)
            raise UnavailableError(f"{self.kind} '{name}' is in {both}; uninstall all but one")

    def package(self, name: str) -> str | None:
        """The other package that registers it, with its version; None if it is bench's."""
        brought = () if name in self.own else self._brought().get(name, ())
        return _package(brought[0]) if brought else None

    @contextmanager
    def called(self, name: str) -> Iterator[None]:
        """Turn errors of another package's object into one line; around calls of the object."""
        try:
            yield
        except BenchError:
            raise
        except Exception as error:
            if (package := self.package(name)) is None:
                raise
            raise UnavailableError(f"{self.kind} '{name}': {package} fails: {error!r}") from error

    def unknown(self, name: str) -> str:
        """The error for an unknown name, with the nearest known one."""
        return f"unknown {self.kind} '{name}'; {did_you_mean(name, self)}"

    def _brought(self) -> Mapping[str, tuple[EntryPoint, ...]]:
        return _entry_points(self._group, tuple(sys.path)) if self._group else {}


@lru_cache
def _entry_points(group: str, path: tuple[str, ...]) -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of the packages on Python's path, by name."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=group):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
