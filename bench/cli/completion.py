"""What a shell completes: names of codecs, metrics, tasks, data sets and commands."""

from __future__ import annotations

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

Completed = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_PATHS = {"codec": "file", "data set": "dir"}  # kinds that may also be named by a path


def completing(*kinds: str) -> Completed:
    """Completes names of these kinds, or paths if no name begins with what was typed."""

    def complete(
        context: click.Context, parameter: click.Parameter, typed: str
    ) -> list[CompletionItem]:
        known = [name for kind in kinds for name in _names(kind)]
        found = [CompletionItem(name) for name in known if name.startswith(typed)]
        as_path = next((_PATHS[kind] for kind in kinds if kind in _PATHS), None)
        return found if found or as_path is None else [CompletionItem(typed, type=as_path)]

    return complete


def _names(kind: str) -> list[str]:
    if kind == "command":
        from bench.cli.group import cli

        return list(cli.commands)
    from bench.commands.show import names

    return names()[kind]


described = completing("codec", "metric", "measure", "task", "data set")
codecs, metrics, tasks, datasets = map(completing, ("codec", "metric", "task", "data set"))
