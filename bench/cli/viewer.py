"""Open pictures and pages with the desktop's own programs."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from bench.cli.options import say


def show(path: Path) -> None:
    """Open a file, or print a line if no program can."""
    try:
        opened = webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        say(f"bench: --open: no browser or viewer here; open {path} yourself", err=True)
