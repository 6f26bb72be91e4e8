"""The command line as a whole: every module that adds a command is imported here."""

from bench.cli import about, images, stores, sweeps, training
from bench.cli.group import cli

__all__ = ["about", "cli", "images", "stores", "sweeps", "training"]
