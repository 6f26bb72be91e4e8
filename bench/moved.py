"""Old names of modules, which go on working for one release.

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

# Those that the documentation of 0.1 printed, packages before what is in them.
MOVED = {
    "bench.catalog": "bench.codecs.catalog",
    "bench.codec": "bench.codecs.codec",
    "bench.colour": "bench.images.colour",
    "bench.datasets.labels": "bench.instances.labels",
    "bench.families": "bench.codecs.families",
    "bench.families.learned": "bench.codecs.families.learned",
    "bench.families.neural_stream": "bench.codecs.families.neural_stream",
    "bench.image": "bench.images.image",
    "bench.run_lengths": "bench.instances.run_lengths",
    "bench.vision.detections": "bench.instances.detections",
}


class _Finder(MetaPathFinder, Loader):
    """Finds a module under its old name, and gives what is under the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        new = MOVED[old]
        warnings.warn(f"{old} is now {new}", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(new)


def redirect() -> None:
    """From now on the old names are found, after all that really is there."""
    sys.meta_path.append(_Finder())
