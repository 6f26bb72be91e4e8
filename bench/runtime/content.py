"""Finds the shipped files (cards, recorded results, report specs), in a checkout or a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def content_folder(name: str) -> Path:
    """One of ``anchors``, ``codecs``, ``examples``, ``results``, ``reports``."""
    shipped = _PACKAGE / "_content" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name
