"""The user's cache folder: digests of files, computed once per change, and costly figures.

Each is a small file, named by the digest of its key, so processes that share the cache never wait
for each other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from bench.errors import CacheError, DataError
from bench.runtime.cores import on_all_cores
from bench.runtime.files import check_regular, replacing


def cache_folder() -> Path:
    """The folder of rendered scenes and digests; BENCH_CACHE overrides the system's default."""
    folder = os.environ.get("BENCH_CACHE")
    return Path(folder) if folder else Path(platformdirs.user_cache_dir("bench"))


def remembered_digests(
    kind: str,
    paths: list[Path],
    compute: Callable[[Path], str],
    progress: Callable[[int, int], None] | None = None,
) -> dict[Path, str]:
    """A digest for each file, computed only for files that changed since the last call."""
    keys = {path: f"{kind} {_state(path)!a}" for path in paths}
    known = {path: _recall(key) for path, key in keys.items()}
    digests = {path: found.decode() for path, found in known.items() if found is not None}
    changed = [path for path in keys if path not in digests]
    for path, digest in zip(changed, on_all_cores(compute, changed, progress), strict=True):
        _remember(keys[path], digest.encode())
        digests[path] = digest
    return digests


def remembered_figures(key: str, compute: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Numbers that are computed once; the key contains all that they depend on."""
    known = remembered_bytes(key, lambda: compute().astype("<f8").tobytes())
    return np.frombuffer(known, "<f8")


def remembered_bytes(key: str, compute: Callable[[], bytes]) -> bytes:
    """Bytes that are computed once; the key contains all that they depend on."""
    if (known := _recall(key)) is not None:
        return known
    content = compute()
    _remember(key, content)
    return content


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"{cache_folder()}: the cache cannot be used ({error}); set BENCH_CACHE to another "
            "folder"
        ) from error


@_usable()
def _recall(key: str) -> bytes | None:
    """The content stored under a key; None if it is unknown, or its file is damaged."""
    try:
        digest, content = _file(key).read_bytes().split(b"\n", 1)
    except (FileNotFoundError, ValueError):
        return None
    return content if digest == _digest(content).encode() else None


@_usable()
def _remember(key: str, content: bytes) -> None:
    file = _file(key)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as temporary:
        temporary.write_bytes(_digest(content).encode() + b"\n" + content)


def _file(key: str) -> Path:
    return cache_folder() / "remembered" / _digest(key.encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _state(path: Path) -> tuple[str, int, int, int]:
    """A file's state, which changes with the file; its modification time alone can be set."""
    try:
        check_regular(path)
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return str(path.resolve()), found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, remembered until the file changes."""
    return file_digests([path])[path]


def file_digests(paths: list[Path]) -> dict[Path, str]:
    """The same for several files at once."""
    return remembered_digests("file", paths, _sha256)
