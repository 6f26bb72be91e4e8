"""The store: what was coded and measured, kept by what produced it, so nothing is done twice.

A results folder holds ``store.sqlite`` and, under ``streams``, every bitstream named by its own
digest. A stream is keyed by codec fingerprint, image digest and point; a measured value by its
stream, its metric and that metric's fingerprint; what a task network found is kept as its matches
with the truth, keyed by stream, network and truth. One process writes at a time, in transactions as
short as can be, so that many sweeps may share a store; SQLite's rollback journal (not its WAL,
which network file systems break) makes the others wait.

``Store`` reads a folder, ``StoreWriter`` writes it; ``load_results`` gives all that reports, gate
and export read of it. All SQL is in this package: ``schema`` has the tables and what brings those
of an earlier version up to date, ``rows`` their rows as typed records.
"""

from bench.store.choosing import stored_datasets, stored_name
from bench.store.loading import load_results, load_some
from bench.store.reader import Store, StoredPoint
from bench.store.results import CodecResults, Results, Run
from bench.store.rows import StreamKey, point_key
from bench.store.task_results import MatchArray, TaskResults, looked_at
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
    "load_some",
    "looked_at",
    "point_key",
    "stored_datasets",
    "stored_name",
]
