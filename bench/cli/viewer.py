"""Pictures and pages, shown by whatever the desktop opens them with."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from bench.cli.options import say


def show(path: Path) -> None:
    """Open a file; where nothing can, a line says so, and the file is still there."""
    try:
        opened = webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        say(f"bench: --open: no browser or viewer here; open {path} yourself", err=True)
