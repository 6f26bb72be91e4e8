"""Commands that say what there is."""

from __future__ import annotations

import click

from bench.cli.group import cli
from bench.cli.options import stdout


@cli.command("list")
def list_() -> None:
    """Codecs, datasets, tasks and metrics, and whether each can run here."""
    from bench import api
    from bench.screens import list_screen

    screen = list_screen(api.codecs(), api.datasets(), api.tasks(), api.metrics())
    stdout().print(screen, crop=False)


@cli.command()
@click.argument("codec")
@click.option("--point", help="Whose commands to show. [default: the middle one of the card's]")
def show(codec: str, point: str | None) -> None:
    """A codec's card, points, fingerprint and the exact commands that it runs."""
    from bench import api
    from bench.screens import show_screen

    stdout().print(show_screen(api.show(codec, point)), crop=False)


@cli.command()
@click.option("-v", "--verbose", is_flag=True, help="All of each finding, and how to get the rest.")
def doctor(verbose: bool) -> int:
    """What this machine has, and what to do about what it lacks."""
    from bench import api
    from bench.doctor_screen import doctor_screen

    checks = api.doctor()
    stdout().print(doctor_screen(checks, whole=verbose), crop=False)
    return 1 if any(check.ok is False for check in checks) else 0
