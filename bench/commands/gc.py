"""Deletes what a store no longer needs."""

from __future__ import annotations

from pathlib import Path

from bench.commands.arguments import accepts_text
from bench.commands.run import RESULTS
from bench.store import Store, StoreWriter
from bench.store.garbage import Garbage, delete_garbage, find_garbage


@accepts_text
def gc(results: Path = RESULTS, *, delete: bool = False) -> Garbage:
    """What reports no longer show: results of earlier versions, and files without a record."""
    if not delete:
        with Store(results) as store:
            return find_garbage(store)
    with Store(results):
        pass  # a folder without a store is refused, not made one
    with StoreWriter(results) as writer:
        return delete_garbage(writer)
