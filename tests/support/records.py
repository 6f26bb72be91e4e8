"""What a store holds, to compare two sweeps of the same."""

from __future__ import annotations

from pathlib import Path

import pandas
from support.command import Bench

# What may differ between two sweeps of the same.
TIMES = ["date", "machine", "encode_cpu", "encode_wall", "decode_cpu", "decode_wall"]


def records(bench: Bench, store: Path | str) -> pandas.DataFrame:
    """The export of a store, without times, dates and machines."""
    assert bench("export", "--results", store, "--out", f"{store}.csv").status == 0
    return pandas.read_csv(f"{store}.csv").drop(columns=TIMES)
