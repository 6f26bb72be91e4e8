"""Exports the results in the store to a file for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs.points import Points, point_texts
from bench.commands.arguments import accepts_text
from bench.errors import DataError, StoreError, UnavailableError
from bench.runtime.csv_files import csv_text
from bench.runtime.files import describe_write_errors, replacing, write_text
from bench.store import Store, load_results

if TYPE_CHECKING:
    import pandas


@accepts_text
def export(
    out: Path,
    results: Path,
    *,
    data: str | None = None,
    codecs: Sequence[str] | None = None,
    points: Points = (),
    means: bool = False,
) -> pandas.DataFrame:
    """Write per-image records, or the means at each point, in the format of the file's ending."""
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        raise DataError(f"{out}: unknown format; expected {', '.join(_WRITERS)}")
    with Store(results) as store:
        found = load_results(store, dataset=data, codecs=codecs, points=point_texts(points))
    table = found.means if means else found.records
    if table.empty:
        raise StoreError(f"{results}: nothing of {found.dataset} has been coded yet")
    with describe_write_errors(out), replacing(out) as temporary:
        write(table, temporary)
    return table


def _write_csv(table: pandas.DataFrame, path: Path) -> None:
    write_text(path, csv_text([list(table), *table.itertuples(index=False, name=None)]))


def _write_parquet(table: pandas.DataFrame, path: Path) -> None:
    try:
        # Points may be numbers and names in one column, which Parquet has no type for.
        table.assign(point=table["point"].astype(str)).to_parquet(path, index=False)
    except ImportError as error:
        raise UnavailableError(
            "Parquet needs pyarrow: pip install '.[parquet]', or export to .csv"
        ) from error


def _write_json(table: pandas.DataFrame, path: Path) -> None:
    """The format of CompressAI's evaluation, with a list if there are several codecs."""
    codecs = []
    for name, rows in table.groupby("codec", sort=False):
        columns = rows.drop(columns="codec").astype(object)
        columns = columns.where(columns.notna(), None)
        description = f"{rows['dataset'].iloc[0]}, by bench"
        results = columns.drop(columns="dataset").to_dict(orient="list")
        codecs.append({"name": name, "description": description, "results": results})
    content = codecs[0] if len(codecs) == 1 else codecs
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


_WRITERS: dict[str, Callable[[pandas.DataFrame, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".json": _write_json,
}
