"""What is remembered in the cache folder is computed once, and never believed when damaged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bench.runtime.cache import cache_folder, remembered_digests, remembered_figures


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    files = [tmp_path / name for name in ("a", "b", "n\udcffme")]
    for number, file in enumerate(files):
        file.write_text(f"content {number}")
    return files


def read(files: list[Path], kind: str = "text") -> list[str]:
    """The names of the files that had to be read."""
    computed = []

    def compute(path: Path) -> str:
        computed.append(path.name)
        return path.read_text()

    assert remembered_digests(kind, files, compute) == {path: path.read_text() for path in files}
    return sorted(computed)


def test_a_file_is_read_again_only_when_it_changed(files: list[Path]) -> None:
    assert read(files) == ["a", "b", "n\udcffme"]
    assert read(files) == []
    before = files[1].stat()
    files[1].write_text("content 7")  # of the same size
    os.utime(files[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read(files) == ["b"]
    assert read(files[:1], "other") == ["a"]


def test_what_was_found_before_an_error_is_kept(files: list[Path]) -> None:
    def fail(path: Path) -> str:
        if path == files[1]:
            raise KeyboardInterrupt
        return path.read_text()

    with pytest.raises(KeyboardInterrupt):
        remembered_digests("text", files[:2], fail)
    assert read(files[:2]) == ["b"]


@pytest.mark.parametrize("damage", [b"", b"\0" * 80, b"0" * 64 + b"\nforged"])
def test_a_damaged_file_is_not_believed(files: list[Path], damage: bytes) -> None:
    figures = np.array([1.5, -2])
    read(files)
    remembered_figures("key", lambda: figures)
    for file in cache_folder().rglob("*"):
        if file.is_file():
            file.write_bytes(damage)
    assert read(files) == ["a", "b", "n\udcffme"]
    assert remembered_figures("key", lambda: 2 * figures).tolist() == [3, -4]
    assert remembered_figures("key", lambda: 3 * figures).tolist() == [3, -4]
