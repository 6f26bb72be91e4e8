"""Digests of Python objects: of their code, their values, and the versions of packages they use.

Two objects of one digest do the same, as far as can be known; what cannot be known is named.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bench.runtime.sources import distribution_version, module_files

_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, type(...), range, slice)
_IGNORED = (
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    type(threading.Lock()),
    type(threading.RLock()),
)
_STATE = 2  # its place in what __reduce_ex__ returns
_HEAP_TYPE = 1 << 9  # of a class that a class statement made
_READS_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
_DESCRIPTORS: dict[type, tuple[str, ...]] = {
    property: ("fget", "fset"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    functools.cached_property: ("func",),
    types.MethodType: ("__func__", "__self__"),
}


class ObjectDigest(NamedTuple):
    digest: str
    unknown: tuple[str, ...]  # values that it does not cover, for people


def object_digest(value: object, name: str = "it") -> ObjectDigest:
    """The digest of a value: a function's covers its closure and the globals that it reads.

    A package that is installed counts as its name and version, a module of the user's as its file.
    """
    walk = _Walk()
    walk.visit(value, name)
    return ObjectDigest(walk.content.hexdigest(), tuple(dict.fromkeys(walk.unknown)))


class _Walk:
    """Goes through a value and all that it refers to, each once."""

    def __init__(self) -> None:
        self.content = hashlib.sha256()
        self.unknown: list[str] = []
        self._seen: dict[int, tuple[int, object]] = {}  # with the object, as ids are used again

    def add(self, *parts: str | bytes) -> None:
        for part in parts:
            content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            self.content.update(b"%d:" % len(content) + content)

    def visit(self, value: Any, name: str) -> None:
        if type(value) in _PLAIN:
            self.add(type(value).__name__, repr(value))
        elif type(value) is tuple:  # equal ones may be one object, or become two
            self._sequence(value, name)
        elif id(value) in self._seen:
            self.add("seen", str(self._seen[id(value)][0]))
        else:
            self._seen[id(value)] = len(self._seen), value
            try:
                self._visitor(value)(value, name)
            except RecursionError:
                self._unknown(value, name)

    def _visitor(self, value: Any) -> Callable[[Any, str], None]:
        kind = type(value)
        if kind is list:
            return self._sequence
        if kind is dict:
            return self._mapping
        if kind in (set, frozenset):
            return self._set
        if isinstance(value, types.ModuleType):
            return self._module
        if isinstance(value, type):
            return self._class
        if isinstance(value, types.FunctionType):
            return self._function
        if isinstance(value, types.BuiltinFunctionType):
            return self._builtin
        if hasattr(value, "__array_interface__") or hasattr(value, "untyped_storage"):
            return self._array
        return self._object

    def _unknown(self, value: object, name: str) -> None:
        self.unknown.append(f"{name} ({type(value).__name__})")

    def _sequence(self, values: Any, name: str) -> None:
        self.add(type(values).__name__, str(len(values)))
        for value in values:
            self.visit(value, name)

    def _mapping(self, values: dict[Any, Any], name: str) -> None:
        self.add("dict", str(len(values)))
        for key, value in values.items():
            self.visit(key, name)
            self.visit(value, key if isinstance(key, str) else name)

    def _set(self, values: Any, name: str) -> None:
        found = [object_digest(value, name) for value in values]
        self.add("set", *sorted(each.digest for each in found))
        self.unknown += [what for each in found for what in each.unknown]

    def _array(self, value: Any, name: str) -> None:
        """Of NumPy or torch."""
        import numpy as np

        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            shape, dtype = tuple(value.shape), str(value.dtype)
            value = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
        else:
            value = np.asarray(value)
            shape, dtype = value.shape, value.dtype.str
        if value.dtype.hasobject:
            self._sequence(value.ravel().tolist(), name)
        else:
            self.add("array", dtype, str(shape), value.tobytes())

    def _module(self, module: types.ModuleType, name: str) -> None:
        if self._is_versioned(module.__name__):
            return
        files = module_files(module.__name__)
        if not files:
            self._unknown(module, name)
        for each, digest in sorted(files.items()):
            self.add(each, digest)
        for value in list(vars(module).values()):  # what it imports of the user's own
            owner = value if isinstance(value, types.ModuleType) else _owner(value)
            if owner is not None and owner is not module:
                self.visit(owner, name)

    def _is_versioned(self, module: str) -> bool:
        """Whether a module is known by a version, which is then added."""
        package = module.partition(".")[0]
        if package in ("bench", *sys.stdlib_module_names):
            version: str | None = "bench" if package == "bench" else _PYTHON
        else:
            version = None if package == "__main__" else distribution_version(package)
        if version is not None:
            self.add(module, version)
        return version is not None

    def _class(self, kind: type, name: str) -> None:
        self.add("class", kind.__qualname__)
        if self._is_versioned(_module_of(kind)):
            return
        for base in kind.__bases__:
            self.visit(base, name)
        for key, value in sorted(vars(kind).items()):
            special = key.startswith("__") and key.endswith("__")
            if key != "_abc_impl" and (not special or callable(value)):
                self.add(key)
                self.visit(value, f"{kind.__name__}.{key}")

    def _function(self, function: types.FunctionType, name: str) -> None:
        self.add("function", function.__qualname__)
        if self._is_versioned(_module_of(function)):
            return
        code = function.__code__
        self._code(code)
        self.visit(function.__defaults__, name)
        self.visit(function.__kwdefaults__, name)
        for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self.add(variable)
            try:
                content = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            self.visit(content, variable)
        for variable in sorted(set(_globals_read(code)) & function.__globals__.keys()):
            self.add(variable)
            self.visit(function.__globals__[variable], variable)

    def _code(self, code: types.CodeType) -> None:
        """What the interpreter runs, without the places of its lines."""
        names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        self.add(_PYTHON, code.co_code, repr(names), repr(counts))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant)
            else:
                self.visit(constant, code.co_name)

    def _builtin(self, function: Any, name: str) -> None:
        self.add("builtin", function.__qualname__)
        if isinstance(function.__self__, types.ModuleType | type(None)):
            self._is_versioned(function.__module__ or "builtins")
        else:
            self.visit(function.__self__, name)

    def _object(self, value: Any, name: str) -> None:
        """What pickle would keep of it."""
        self.visit(type(value), name)
        if isinstance(value, _IGNORED):
            return
        parts: Any = [getattr(value, part) for part in _DESCRIPTORS.get(type(value), ())]
        if wrapped := getattr(value, "__wrapped__", None):  # as lru_cache leaves it
            parts.append(wrapped)
        if not parts:
            try:
                reduced = value.__reduce_ex__(4)
            except Exception:  # a file, a process, a generator, …
                self._unknown(value, name)
                return
            parts = list(reduced) if isinstance(reduced, tuple) else [reduced]
            if len(parts) > _STATE and type(parts[_STATE]) is dict:
                # Attributes, which unpickling may put in another order.
                parts[_STATE] = dict(sorted(parts[_STATE].items(), key=lambda item: str(item[0])))
        for part in parts:
            self.visit(list(part) if isinstance(part, Iterator) else part, name)


_PYTHON = f"python {sys.version_info.major}.{sys.version_info.minor}"


def _owner(value: object) -> types.ModuleType | None:
    """The module of a function or class."""
    if not isinstance(value, types.FunctionType | type):
        return None
    return sys.modules.get(_module_of(value))


def _module_of(value: types.FunctionType | type) -> str:
    """The name of the module that it is defined in; ``__module__`` may be that of what it wraps."""
    if isinstance(value, types.FunctionType):
        return str(value.__globals__.get("__name__") or "__main__")
    in_python = value.__flags__ & _HEAP_TYPE
    return "__main__" if in_python and value.__module__ == "builtins" else value.__module__


def _globals_read(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in _READS_GLOBAL:
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals_read(constant)
