"""Another package that is installed, with a module and entry points in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, entry_points: str
) -> None:
    """As pip would have left it."""
    (folder / f"{name}.py").write_text(code)
    described = folder / f"{name}-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(entry_points)
    monkeypatch.syspath_prepend(folder)
    forget(name)


def forget(name: str) -> None:
    """As in a process that has not imported it."""
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        del sys.modules[module]
