"""Merges stores: shards of several disks, or results of several machines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.commands.arguments import accepts_text
from bench.commands.run import RESULTS
from bench.datasets.dataset import Progress
from bench.store import Store, StoreWriter
from bench.store.merging import Merged, merge_store


@accepts_text
def merge(
    sources: Sequence[Path], results: Path = RESULTS, *, progress: Progress | None = None
) -> list[Merged]:
    """Add what these stores have to ``results``, bitstreams included; they stay as they are."""
    with ExitStack() as opened:
        stores = [opened.enter_context(Store(source)) for source in sources]
        into = opened.enter_context(StoreWriter(results))
        return [merge_store(store, into, progress) for store in stores]
