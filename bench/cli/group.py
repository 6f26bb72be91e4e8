"""The ``bench`` command group."""

from __future__ import annotations

import click

from bench import __version__


class _Commands(click.Group):
    """Lists commands with the whole first sentence of their help."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _summary(self.commands[name])) for name in sorted(self.commands)]
            )


def _summary(command: click.Command) -> str:
    paragraph = " ".join((command.help or "").partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".")


@click.group(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
    epilog="Try first: bench run --codec vvenc-medium --codec x265 --limit 20",
)
@click.version_option(__version__, message="bench %(version)s")
def cli() -> None:
    """How many bits does one image codec save over another, at equal quality?"""
