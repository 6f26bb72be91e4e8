"""Old names of modules and constants, which keep working for one release.

A package written for bench 0.1 imports ``bench.codec``; it gets ``bench.codecs.codec`` and a
DeprecationWarning that names it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# The names in the documentation of 0.1; a package includes all its modules.
MOVED = {
    "bench.catalog": "bench.codecs.catalog",
    "bench.codec": "bench.codecs.codec",
    "bench.colour": "bench.images.colour",
    "bench.datasets.labels": "bench.datasets.cityscapes_labels",
    "bench.families": "bench.codecs.families",
    "bench.image": "bench.images.image",
    "bench.run_lengths": "bench.instances.run_lengths",
    "bench.vision.detections": "bench.instances.detections",
}
RENAMED = {"MOST_PIXELS": "MAX_PIXELS"}


class _Finder(MetaPathFinder, Loader):
    """Imports the module of the new name for an old one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return None if new_name(name) is None else ModuleSpec(name, self)

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        new = new_name(old)
        assert new is not None  # by find_spec
        warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(new)


def new_name(old: str) -> str | None:
    """The present name of a module; None if it never had another."""
    for package, new in MOVED.items():
        if old == package or old.startswith(f"{package}."):
            return new + old.removeprefix(package)
    return None


def renamed(module: str, old: str) -> object:
    """The value of a constant by its old name, for a module's ``__getattr__``."""
    if old not in RENAMED:
        raise AttributeError(f"module {module!r} has no attribute {old!r}")
    new = RENAMED[old]
    warnings.warn(f"{old} is now {new} in {module}", DeprecationWarning, stacklevel=2)
    value: object = getattr(sys.modules[module], new)
    return value


def redirect() -> None:
    """Make the old names importable."""
    sys.meta_path.insert(0, _Finder())
