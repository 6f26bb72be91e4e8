"""Commands for stores as such: merge and gc."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import options
from bench.cli.group import cli
from bench.cli.options import FOLDER, say, stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.store.garbage import Garbage
    from bench.store.merging import Merged

_SHOWN = 10  # conflicts and lost bitstreams of a store


@cli.command()
@click.argument("stores", nargs=-1, required=True, type=FOLDER, metavar="STORE...")
@options.results
def merge(stores: tuple[Path, ...], results: Path) -> int:
    """Add the results and bitstreams of other stores to a store.

    Nothing in it is changed, and nothing is added twice. The exit status is 1 if a store
    contradicts it, with another bitstream or value of the same image, codec and point, or has
    lost bitstreams.
    """
    from bench import api
    from bench.cli.progress import progress_watcher

    with progress_watcher(stderr()) as watcher:
        found = api.merge(stores, results, progress=watcher.preparing)
    for merged in found:
        _say_merged(merged)
    return 1 if any(merged.conflicts or merged.lost for merged in found) else 0


def _say_merged(merged: Merged) -> None:
    from bench.runtime.text import counted

    added = f"{counted(merged.streams, 'bitstream')} and {counted(merged.figures, 'figure')} added"
    say(f"{merged.source}: {added}, {counted(merged.known, 'bitstream')} known")
    problems = [f"not merged: {each}" for each in merged.conflicts]
    problems += [f"lost: {each}" for each in merged.lost]
    for problem in problems[:_SHOWN]:
        say(f"  {problem}", err=True)
    if len(problems) > _SHOWN:
        say(f"  and {len(problems) - _SHOWN} more", err=True)


@cli.command()
@click.option("--yes", "delete", is_flag=True, help="Delete it. [default: only say what]")
@options.results
def gc(delete: bool, results: Path) -> None:
    """Delete what reports no longer show: results of changed codecs, and files without a record."""
    from bench import api

    found = api.gc(results, delete=delete)
    lines = [*_garbage_lines(found)]
    for line in lines:
        say(line)
    if not lines:
        say(f"{results}: nothing to delete")
    elif delete:
        say("Deleted.")
    else:
        say("Nothing is deleted yet; --yes deletes it.")


def _garbage_lines(found: Garbage) -> Iterator[str]:
    from bench.runtime.text import counted

    for (codec, fingerprint), count in found.streams_by_codec.items():
        yield f"{codec}: {counted(count, 'bitstream')} of an earlier version, {fingerprint[:12]}"
    for name, count in found.figures_by_name.items():
        yield f"{name}: {counted(count, 'figure')} of an earlier version"
    if found.files:
        yield f"{counted(len(found.files), 'bitstream file')}, {found.bytes / 1e6:.1f} MB"
