"""The command that all others belong to."""

from __future__ import annotations

import click


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="bench run --codec vvenc-medium --codec x265 --limit 20  is a first thing to try.",
)
@click.version_option(package_name="bench", message="bench %(version)s")
def cli() -> None:
    """How many bits does one image codec save over another, at equal quality?"""
