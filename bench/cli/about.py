"""Commands that list and describe what is available."""

from __future__ import annotations

import json

import click

from bench.cli import completion
from bench.cli.group import cli
from bench.cli.options import print_screen
from bench.runtime.text import did_you_mean


@cli.command("list")
def list_() -> None:
    """List codecs, datasets, tasks, their measures and metrics, and whether each can run here."""
    from bench import api
    from bench.cli.screens import list_screen

    named = api.codecs(), api.datasets(), api.tasks(), api.measures()
    print_screen(list_screen(*named, api.metrics()))


@cli.command()
@click.argument("name", shell_complete=completion.described)
@click.option("--point", help="The point of the commands. [default: the card's middle point]")
def show(name: str, point: str | None) -> None:
    """Describe a codec, with its exact commands, or a metric, measure, task or data set.

    NAME is one of 'bench list', the path of a card, or a folder of images.
    """
    from bench import api
    from bench.cli.screens import show_screen

    print_screen(show_screen(api.show(name, point)))


@cli.command()
@click.option(
    "-v", "--verbose", is_flag=True, help="Show every finding, and how to get what is missing."
)
def doctor(verbose: bool) -> int:
    """Check this machine, and show how to get what is missing."""
    from bench import api
    from bench.cli.doctor_screen import doctor_screen

    checks = api.doctor()
    print_screen(doctor_screen(checks, whole=verbose))
    return 1 if any(check.ok is False for check in checks) else 0


@cli.command("help")
@click.argument("command", required=False, shell_complete=completion.completing("command"))
@click.pass_context
def help_(context: click.Context, command: str | None) -> None:
    """Show the help of bench or of one of its commands."""
    above = context.parent
    assert above is not None
    if command is None:
        click.echo(cli.get_help(above))
        return
    asked = cli.get_command(above, command)
    if asked is None:
        hint = did_you_mean(command, cli.commands, "'bench help' lists them all")
        raise click.UsageError(f"No such command '{command}'; {hint}")
    click.echo(asked.get_help(click.Context(asked, above, info_name=command)))


@cli.command("new")
@click.argument(
    "kind",
    type=click.Choice(["codec", "family", "task", "dataset", "metric", "report", "gate"]),
)
@click.argument("name")
def new_(kind: str, name: str) -> None:
    """Write a working, commented file or package to start from, and the commands that try it.

    A codec is a card and a script, a family a package with a codec in Python; a report is a spec
    for 'bench report', a gate a baseline for 'bench check'.
    """
    from bench import api

    made = api.new(kind, name)
    print_screen("\n".join(f"Written: {path}" for path in made.files))
    print_screen("\nTry it:\n")
    for command in made.commands:
        print_screen(f"    {command}")


@cli.command("schema")
@click.argument("kind", type=click.Choice(["card", "report", "baseline"]))
def schema_(kind: str) -> None:
    """Print the JSON schema of a settings file, for editors."""
    from bench.commands.schema import schema

    click.echo(json.dumps(schema(kind), indent=2, ensure_ascii=False))
