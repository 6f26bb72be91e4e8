"""Digests of the source of other packages' codecs, which are part of their fingerprints."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.machinery import ModuleSpec
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from types import ModuleType

from bench.errors import CardError
from bench.runtime.cache import file_digests

_SUFFIXES = {".py", ".so", ".pyd"}
# Each file as it was loaded: reloading a module gives it another specification.
_loaded: dict[Path, tuple[ModuleSpec | None, str]] = {}


def source_digest(kind: type) -> str | None:
    """The digest of the source files of a class; None of bench's own.

    These are the modules of the class and its bases and, of modules in packages, all Python files
    and compiled modules of the outermost package; of bases that another installed distribution
    brings, as PyTorch does, its name and version. A file that changed after it was loaded is an
    error: the code that runs is not the code in the file.
    """
    files: dict[Path, str] = {}
    versions = set()
    own = _outermost(kind)
    for each in kind.__mro__:
        package = _outermost(each)
        if package in {"bench", *sys.stdlib_module_names}:
            continue
        if package != own and (version := distribution_version(package, own)):
            versions.add(version)
        else:
            files |= _files(each.__module__)
    if not files and not versions:
        return None
    digests = _as_loaded(files)
    lines = sorted([*(f"{name} {digests[file]}" for file, name in files.items()), *versions])
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def module_files(module: str) -> dict[str, str]:
    """The digest of each file of a module's outermost package, or of its own file, by name."""
    files = _files(module)
    digests = _as_loaded(files)
    return {name: digests[file] for file, name in files.items()}


def _as_loaded(files: Iterable[Path]) -> dict[Path, str]:
    """The digests of source files, none of which may have changed after it was loaded."""
    digests = file_digests(list(files))
    modules = {
        module.__file__: module for module in list(sys.modules.values()) if _has_file(module)
    }
    for file, digest in digests.items():
        if module := modules.get(str(file)):
            spec, as_loaded = _loaded.setdefault(file, (module.__spec__, digest))
            if spec is not module.__spec__:
                _loaded[file] = (module.__spec__, digest)
            elif as_loaded != digest:
                raise CardError(f"{file}: changed after it was loaded; restart Python to use it")
    return digests


def _outermost(kind: type) -> str:
    return kind.__module__.partition(".")[0]


@cache
def distribution_version(package: str, own: str = "") -> str | None:
    """The name and version of the distribution of a package, unless its files may change.

    They may in the distribution of ``own``, and in editable installs.
    """
    brought = _brought(tuple(sys.path))
    for name in sorted(set(brought.get(package, ())) - set(brought.get(own, ()))):
        found = distribution(name)
        origin = json.loads(found.read_text("direct_url.json") or "{}")
        if not origin.get("dir_info", {}).get("editable"):
            return f"{name} {found.version}"
    return None


@lru_cache(1)
def _brought(path: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """The distributions of each package on Python's path, which takes a while to find."""
    return packages_distributions()


def _files(module: str) -> dict[Path, str]:
    """The files of a module's outermost package, or its own file, with their names."""
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        package = sys.modules.get(".".join(names[:depth]))
        if package and _has_file(package) and hasattr(package, "__path__"):
            folder = Path(str(package.__file__)).parent
            found = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
            return {path: path.relative_to(folder).as_posix() for path in found}
    alone = sys.modules.get(module)
    if alone is None or not _has_file(alone):
        return {}  # defined in a notebook
    path = Path(str(alone.__file__))
    return {path: path.name}


def _has_file(module: ModuleType) -> bool:
    return getattr(module, "__file__", None) is not None
