"""The command line: parses, calls ``bench.api`` and prints.

What a command needs is imported inside it, so that ``bench --help`` answers at once.
"""

from bench.cli import about, images, sweeps, training
from bench.cli.group import cli

__all__ = ["about", "cli", "images", "sweeps", "training"]
