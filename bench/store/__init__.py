"""The store: bitstreams and figures, keyed by what produced them, so nothing is done twice.

A results folder holds ``store.sqlite`` and, under ``streams``, every bitstream named by its own
digest. A stream is keyed by codec fingerprint, image digest and point; a measured value by its
stream, its metric and that metric's fingerprint; a task network's matches with the ground truth by
stream, network and truth. One process writes at a time, in short transactions, so that many sweeps
may share a store; SQLite's rollback journal (not its WAL, which network file systems break) makes
the others wait.

``Store`` reads a folder, ``StoreWriter`` writes it; ``load_results`` loads all that reports, gate
and export need. All SQL is in this package: ``schema`` has the tables and the upgrades from earlier
versions, ``rows`` the tables' rows as typed records.
"""

from bench.store.choosing import stored_datasets, stored_name
from bench.store.loading import load_results
from bench.store.reader import Store, StoredPoint
from bench.store.results import CodecResults, MatchArray, Results, Run, TaskResults, looked_at
from bench.store.rows import StreamKey, point_key
from bench.store.writer import StoreWriter

__all__ = [
    "CodecResults",
    "MatchArray",
    "Results",
    "Run",
    "Store",
    "StoreWriter",
    "StoredPoint",
    "StreamKey",
    "TaskResults",
    "load_results",
    "looked_at",
    "point_key",
    "stored_datasets",
    "stored_name",
]
